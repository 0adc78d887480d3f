"""What `run` tells of the state file without parsing it, and what it says in its pane."""

from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace

import pytest

from codex_tmux import run, tell, toml_writer
from codex_tmux.records import HEAD, LIVE, LOST, TITLE, TUI, Record, to_toml
from codex_tmux.run import may_be_elsewhere
from codex_tmux.tmux import Server

ID = "01a201da-7561-7551-a7df-a07aa6f38cdb"
HERE, FORMER, THERE = "a.1.b:2:3", "2:1795326976", "a.1.b:4:5"
OWN = tuple(f'epoch = "{epoch}"' for epoch in (HERE, FORMER))


def text(*records: Record) -> bytes:
    return (HEAD + toml_writer.document(to_toml(records))).encode()


def record(session: str, epoch: str, **changes: object) -> Record:
    made = Record(
        session, TITLE, TUI, LIVE, "/tmp/s", epoch, "%1", "work", 0, "api", "layout", 0, "/src", "/bin/codex", "/h", (),
        datetime(2026, 1, 2, tzinfo=timezone.utc),
    )  # fmt: skip
    return made._replace(**changes)  # type: ignore[arg-type]


OTHER = record(ID.replace("a", "b"), THERE)


@pytest.mark.parametrize(
    ("state", "elsewhere"),
    [
        (b"", False),
        (text(OTHER), False),
        (text(record(ID, HERE), OTHER), False),
        (text(OTHER, record(ID, HERE, env=(("A", "b"),), neighbours=((0, "/x", True),))), False),
        (text(record(ID, THERE)), True),
        (text(record(ID, HERE), record(ID, THERE)), True),
        (text(record(ID, THERE), record(OTHER.session_id, HERE)), True),
        (text(record(ID, FORMER)), False),
        (text(record(ID, THERE, status=LOST)), False),
        (text(record(ID[:29], THERE)), True),
        (text(record(ID, THERE, cwd=f'epoch = "{HERE}"')), True),
        # Written by a person: for the parser.
        (text(record(ID, HERE)).replace(f'"{HERE}"'.encode(), f"'{HERE}'".encode()), True),
        (f'version = 1\npanes = [{{ session_id = "{ID}", epoch = "{HERE}" }}]\n'.encode(), True),
    ],
)
def test_a_record_of_another_server_is_never_overlooked(state: bytes, elsewhere: bool) -> None:
    assert may_be_elsewhere(state, ID, OWN) is elsewhere


def test_what_is_said_in_a_pane_is_one_line_that_no_terminal_obeys(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    monkeypatch.setattr(tell, "tell", lambda server, pane, text: told.append(text))
    here = SimpleNamespace(id="%1")
    run.say(Server("/s"), here, "this Codex has no --\x1b]0;owned\x07x\n\x1b[2J-y: left out")  # type: ignore[arg-type]
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


SESSION = "01a201da-7561-7551-a7df-a07aa6f38cdb"
CUT = SESSION[:29]


@pytest.mark.parametrize(
    ("mine", "other", "held"),
    [
        # id, dead, session, claim, state
        (SESSION, f"%2 0 {SESSION} {SESSION} live", True),
        (SESSION, f"%2 0 {SESSION} {SESSION} ", True),
        # Before its first message a session is known by its first 29 characters.
        (SESSION, f"%2 0 {CUT} {CUT} ", True),
        (CUT, f"%2 0 {SESSION}  live", True),
        # A sync has taken it out of the other one's memory: its claim stays.
        (SESSION, f"%2 0  {SESSION} ", True),
        (SESSION, f"%2 1 {SESSION} {SESSION} dead", False),
        (SESSION, f"%2 0 {SESSION.replace('1', '2')}  live", False),
        (SESSION, f"%1 0 {SESSION} {SESSION} live", False),
        ("", "%2 0   live", False),
    ],
)
def test_another_pane_holds_the_session(mine: str, other: str, held: bool) -> None:
    values = dict.fromkeys(run.VALUES, "")
    values["@codex_session"] = mine
    answer = "".join(f"{value}\t" for value in values.values()) + "%1 1 2 3 /tmp/s"
    assert run.Here(f"{answer}\n{other}", "%1").rivals == ([other.split()[0]] if held else [])
