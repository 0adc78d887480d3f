"""A conversation against a Codex that is a few lines of shell."""

import json
import os
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from codex_tmux.errors import Problem
from codex_tmux.exec import conversation
from codex_tmux.exec.conversation import Conversation
from codex_tmux.exec.events import Event, answer_of
from codex_tmux.exec.turn import error_in
from codex_tmux.exec.view import View
from codex_tmux.state.launch import Launch

ID = "01a206de-8f3c-7a10-81b3-02aa28d1e23e"
OTHER = "01a206de-8f3c-7a10-81b3-ffffffffffff"


def say(event: dict[str, object]) -> str:
    return f"echo '{json.dumps(event)}'"


def message(text: str) -> str:
    return say({"type": "item.completed", "item": {"type": "agent_message", "text": text}})


NAMED, OTHER_NAMED = (say({"type": "thread.started", "thread_id": name}) for name in (ID, OTHER))
DONE = say({"type": "turn.completed", "usage": {"input_tokens": 3, "output_tokens": 2}})
WAITING = f"{NAMED}; while :; do sleep 0.1; done"


class World(View):
    """A conversation, what it runs, what is bound to its pane and what it shows."""

    def __init__(self, directory: Path, flags: tuple[str, ...] = ()) -> None:
        self.directory = directory
        self.codex = directory / "codex"
        self.saved: list[str] = []
        self.error: Exception | None = None
        self.notes: list[str] = []
        self.answers: list[tuple[str, list[str]]] = []
        self.endings: list[str] = []
        self.able = (True, "")
        self.holders: list[SimpleNamespace] = []
        launch = Launch("exec", str(self.codex), str(directory), str(directory), flags, False)
        self.talk = Conversation([str(self.codex)], launch, self.remember, self)
        self.talk._store = SimpleNamespace(  # type: ignore[assignment]
            resumable=lambda _: self.able, lock_holder=lambda _: self.holders.pop() if self.holders else None
        )
        self.script(NAMED, message("hi"), DONE)

    def remember(self, session_id: str) -> None:
        if self.error:
            raise self.error
        self.saved.append(session_id)

    def event(self, event: Event, line: str) -> None:
        if text := answer_of(event):
            self.answers.append((text, list(self.saved)))

    def note(self, text: str, *, bad: bool = False) -> None:
        self.notes.append(text)

    def ended(self, text: str) -> None:
        self.endings.append(text)

    def script(self, *lines: str) -> None:
        """What the next turns do; each also notes its arguments."""
        note = (
            f"for a; do printf '%s\\n' \"$a\"; done > {self.directory}/args; cat > {self.directory}/message"
        )
        self.codex.write_text("\n".join(["#!/bin/sh", note, *lines, ""]))
        self.codex.chmod(0o700)

    @property
    def args(self) -> list[str]:
        return (self.directory / "args").read_text().splitlines()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_first_message_and_next_with_the_users_flags(tmp_path: Path) -> None:
    flags = ("--sandbox", "read-only", "--model", "x", "-c", "a=b")
    world = World(tmp_path, flags)
    world.talk.begin("new pane")
    assert world.notes == ["new pane: the first message starts a new session"]
    world.talk.take("first")
    assert world.args == ["exec", "--json", *flags, "--cd", str(tmp_path), "-"]
    world.talk.take("second")
    assert world.args == ["exec", "--json", *flags, "resume", ID, "-"]
    assert (tmp_path / "message").read_text() == "second"
    assert world.answers == [("hi", [ID])] * 2, "saved before the turn went on, and once"
    assert world.endings[0].startswith("5 tokens in the session · ")
    world.able = (False, "deleted")
    world.script(OTHER_NAMED, DONE)
    world.talk.take("third")
    assert "resume" not in world.args
    assert world.notes[1:] == [
        f"session {ID} was deleted: it cannot be resumed, the next message starts a new session"
    ]
    assert world.saved == [ID, OTHER]
    world.talk.launch = world.talk.launch._replace(cwd=str(tmp_path / "gone"))
    world.talk.take("fourth")
    assert world.notes[-1] == f"Codex cannot be started: {tmp_path}/gone: No such file or directory"


def test_another_session_than_asked_for_never_takes_the_pane(world: World) -> None:
    world.talk.resume(ID)
    world.script(OTHER_NAMED, message("I am somebody else"), f"sleep 9; touch {world.directory}/went-on")
    world.talk.take("hello")
    assert (world.talk.session_id, world.saved, world.answers) == (ID, [ID], [])
    assert f"it opened session {OTHER} instead of {ID}: stopped" in world.notes[-1]
    assert not (world.directory / "went-on").exists()


FAILED = say({"type": "turn.failed", "error": {"message": "429 Too Many"}})


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (f"{NAMED}; {FAILED}; exit 1", "ended with exit 1 (the session is kept; it said: 429 Too Many)"),
        (f"{NAMED}; printf '{{\"type'; kill -9 $$", "was ended by SIGKILL (the session is kept)"),
        (f"{NAMED}; echo 'thread panicked' >&2; exit 101", "exit 101 (the session is kept; it said: thread"),
        (NAMED, "ended with exit 0 (the session is kept)"),
    ],
)
def test_what_goes_wrong_is_one_clear_line_and_the_next_message_is_taken(
    world: World, script: str, words: str
) -> None:
    world.talk.take("hello")
    world.script(script)
    world.talk.take("hello")
    assert len(world.notes) == 1
    assert words in world.notes[0]
    world.script(NAMED, message("again"), DONE)
    world.talk.take("hello")
    assert world.args == ["exec", "--json", "resume", ID, "-"]
    assert world.answers[-1][0] == "again"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), Problem("it is broken")])
def test_a_session_that_cannot_be_saved_is_said_and_the_turn_goes_on(world: World, error: Exception) -> None:
    world.error = error
    world.talk.take("hello")
    assert "cannot be saved" in world.notes[0]
    assert world.answers == [("hi", [])]
    assert world.talk.session_id == ID


def test_a_session_held_elsewhere_is_waited_for_and_ctrl_c_ends_that(world: World) -> None:
    world.talk.resume(ID)
    world.holders = [SimpleNamespace(name="codex", pid=7)] * 30
    world.talk.take("hello")
    assert world.notes[1:] == ["the session is still open in codex (process 7): waiting for it"]
    assert world.answers
    world.holders = [SimpleNamespace(name="codex", pid=7)] * 10_000
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    assert world.talk.take("hello")
    assert world.notes[-1] == "stopped before Codex was started"
    assert len(world.answers) == 1


def test_a_message_of_any_size_and_any_text(world: World) -> None:
    text = "żółw $(id) `id` \x00 \\ ' \" \n" * 100_000
    world.talk.take(text)
    assert (world.directory / "message").read_text() == text
    world.codex.write_text(f"#!/bin/sh\n{NAMED}\n{DONE}\n")  # which does not read it
    world.talk.take(text)
    assert world.notes == []


def test_an_error_that_passes_is_none(world: World) -> None:
    world.script(
        NAMED, say({"type": "error", "message": "Reconnecting 1/5"}), "echo odd", message("hi"), DONE
    )
    world.talk.take("hello")
    assert world.notes == []


def test_what_codex_left_running_does_not_hold_the_pane(world: World) -> None:
    world.script(NAMED, "sleep 9 &", DONE)
    begun = time.monotonic()
    world.talk.take("hello")
    assert time.monotonic() - begun < 9
    assert world.notes == []


@pytest.mark.parametrize(
    ("trap", "times", "ending"),
    [("'exit 7' INT", 1, 7), ("'' INT", 2, -signal.SIGTERM), ("'' INT TERM", 3, -signal.SIGKILL)],
)
def test_ctrl_c_stops_the_turn_and_again_harder(
    world: World, monkeypatch: pytest.MonkeyPatch, trap: str, times: int, ending: int
) -> None:
    endings: list[object] = []
    monkeypatch.setattr(conversation, "log", lambda event, **fields: endings.append(fields.get("exit")))
    world.script(f"trap {trap}", WAITING)
    for i in range(times):
        threading.Timer(1 + i / 2, os.kill, (os.getpid(), signal.SIGINT)).start()
    assert world.talk.take("hello")
    assert world.notes == ["stopped; the session is kept"]
    assert endings[-1] == ending


def test_ctrl_c_of_the_terminal_does_not_reach_codex(world: World) -> None:
    world.script(NAMED, f"ps -o pgid= -o sid= -p $$ > {world.directory}/ids", DONE)
    world.talk.take("hello")
    group, session = map(int, (world.directory / "ids").read_text().split())
    assert group != os.getpgrp()
    assert session != os.getsid(0)


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ([], ""),
        (
            ["Reading prompt from stdin...", "Not inside a trusted directory", ""],
            "Not inside a trusted directory",
        ),
        (
            ["Reading prompt from stdin...", "error: unexpected '--x'", "Usage: codex"],
            "error: unexpected '--x'",
        ),
    ],
)
def test_what_the_other_lines_say(lines: list[str], wanted: str) -> None:
    assert error_in(lines) == wanted
