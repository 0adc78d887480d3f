"""What `run` says and draws in its pane."""

from types import SimpleNamespace

import pytest

from codex_tmux.pane import here
from codex_tmux.tmux.server import Server


def test_what_is_said_in_a_pane_is_one_line_that_no_terminal_obeys(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    monkeypatch.setattr(here, "tell", lambda server, pane, text: told.append(text))
    pane = SimpleNamespace(id="%1")
    here.say(Server("/s"), pane, "this Codex has no --\x1b]0;owned\x07x\n\x1b[2J-y: left out")  # type: ignore[arg-type]
    assert told == ["this Codex has no --x -y: left out"]
    assert capsys.readouterr().out == f"codex-tmux: {told[0]}\n"


SESSION = "01a201da-7561-7551-a7df-a07aa6f38cdb"
CUT = SESSION[:29]


@pytest.mark.parametrize(
    ("mine", "other", "held"),
    [
        (SESSION, f"%2 {SESSION}", True),
        # Before its first message a session is known by its first 29 characters.
        (SESSION, f"%2 {CUT}", True),
        (CUT, f"%2 {SESSION}", True),
        (SESSION, f"%2 {SESSION.replace('1', '2')}", False),
        (SESSION, f"%1 {SESSION}", False),
        ("", "%2 ", False),
    ],
)
def test_another_pane_holds_the_session(mine: str, other: str, held: bool) -> None:
    values = dict.fromkeys(here.VALUES, "")
    values["@codex_session"] = mine
    answer = "".join(f"{value}\t" for value in values.values()) + "%1 1 2 /tmp/s"
    assert here.Here(f"{answer}\n{other}", "%1").other_holders == ([other.split()[0]] if held else [])
