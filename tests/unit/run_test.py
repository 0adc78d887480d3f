"""What `run` says and draws in its pane."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from codex_tmux import here, run
from codex_tmux.tmux import Server


def test_what_is_said_in_a_pane_is_one_line_that_no_terminal_obeys(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    monkeypatch.setattr(here, "tell", lambda server, pane, text: told.append(text))
    pane = SimpleNamespace(id="%1")
    here.say(Server("/s"), pane, "this Codex has no --\x1b]0;owned\x07x\n\x1b[2J-y: left out")  # type: ignore[arg-type]
    assert told == ["this Codex has no --x -y: left out"]
    assert capsys.readouterr().out == f"codex-tmux: {told[0]}\n"


@pytest.mark.parametrize(
    ("screen", "drawn"),
    [
        ("one line\n\n\nPane is dead (signal 9)\n", "\none line"),
        (
            "\none line\n\n\n\x1b[7m Codex was killed (signal 9) at 18:48 · C-b R brings it back \x1b[0m\n",
            "\none line",
        ),
        ("one\ntwo\n\n", "\none\ntwo"),
        ("\n\n", ""),
    ],
)
def test_the_line_that_tmux_draws_scrolls_nothing_off(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], screen: str, drawn: str
) -> None:
    """As often as it sleeps: nothing grows, and the only line stays on the screen."""
    monkeypatch.setattr(Server, "run_bytes", lambda self, *args: screen.encode())
    monkeypatch.setattr(Server, "run", lambda self, *args: "")
    assert run.draw("codex-1") == 1, "the status lets tmux keep the pane"
    assert capfdbinary.readouterr().out == drawn.encode() + b"\x1b[0m"
