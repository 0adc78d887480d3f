"""A conversation against a Codex that is a few lines of shell, and a memory in memory."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from codex_tmux import exec_conversation
from codex_tmux.errors import Problem
from codex_tmux.exec_conversation import Codex, Conversation
from codex_tmux.exec_events import Event, Message
from codex_tmux.exec_turn import Outcome
from codex_tmux.memory import Remembered

ID = "01a206de-8f3c-7a10-81b3-02aa28d1e23e"
OTHER = "01a206de-8f3c-7a10-81b3-ffffffffffff"


class FakeMemory:
    def __init__(self) -> None:
        self.saved: list[str] = []
        self.error: Exception | None = None

    def recall(self) -> Remembered | None:
        return None

    def remember(self, session_id: str) -> None:
        if self.error:
            raise self.error
        self.saved.append(session_id)

    def forget(self) -> None:
        self.saved.clear()


class FakeView:
    def __init__(self, memory: FakeMemory) -> None:
        self.memory = memory
        self.notes: list[str] = []
        self.messages: list[str] = []
        self.saved_at_message: list[list[str]] = []
        self.tokens: list[str] = []

    async def event(self, event: Event, line: str) -> None:
        if isinstance(event, Message):
            self.messages.append(event.text)
            self.saved_at_message.append(list(self.memory.saved))

    async def note(self, text: str, *, bad: bool = False) -> None:
        self.notes.append(text)

    async def ended(self, outcome: Outcome, tokens: str) -> None:
        self.tokens.append(tokens)


class World:
    """A conversation, what it runs, what it remembers and what it shows."""

    def __init__(self, directory: Path, flags: tuple[str, ...] = ()) -> None:
        self.directory = directory
        self.codex = directory / "codex"
        self.memory = FakeMemory()
        self.view = FakeView(self.memory)
        self.able: tuple[bool, str] = (True, "")
        self.talk = Conversation(
            Codex((str(self.codex),), flags, str(directory)),
            self.memory,
            lambda session_id: self.able,
            self.view,
        )
        self.script(thread(ID), message("hi"), done(10))

    def script(self, *lines: str) -> None:
        """What the next turns do; each also notes its arguments."""
        self.codex.write_text(
            "#!/bin/sh\n"
            f"for a; do printf '%s\\n' \"$a\"; done > {self.directory}/args; cat > {self.directory}/message\n"
            + "\n".join(lines)
            + "\n"
        )
        self.codex.chmod(0o700)

    def take(self, text: str = "hello") -> Outcome | None:
        return asyncio.run(self.talk.take(text))

    def restore(self, remembered: Remembered | None) -> None:
        asyncio.run(self.talk.restore(remembered))

    @property
    def args(self) -> list[str]:
        return (self.directory / "args").read_text().splitlines()


def say(event: dict[str, object]) -> str:
    return f"echo '{json.dumps(event)}'"


def thread(session_id: str) -> str:
    return say({"type": "thread.started", "thread_id": session_id}) + "\n" + say({"type": "turn.started"})


def message(text: str) -> str:
    return say({"type": "item.completed", "item": {"type": "agent_message", "text": text}})


def done(tokens: int) -> str:
    return say({"type": "turn.completed", "usage": {"input_tokens": tokens, "output_tokens": 0}})


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def remembered(source: str = "memory") -> Remembered:
    return Remembered(ID, (), "/", source)


def test_first_message_and_next(world: World) -> None:
    world.take("first")
    assert world.args == ["exec", "--json", "--cd", str(world.directory), "-"]
    assert (world.directory / "message").read_text() == "first"
    assert world.memory.saved == [ID]
    world.take("second")
    assert world.args == ["exec", "--json", "resume", ID, "-"]
    assert world.memory.saved == [ID]
    assert world.view.messages == ["hi", "hi"]


def test_saved_before_the_turn_goes_on(world: World) -> None:
    world.take()
    assert world.view.saved_at_message == [[ID]]


def test_the_users_flags_and_no_others_at_every_turn(tmp_path: Path) -> None:
    flags = ("--sandbox", "read-only", "--model", "x", "--color", "never", "-c", "a=b")
    world = World(tmp_path, flags)
    world.take()
    assert world.args == ["exec", "--json", *flags, "--cd", str(tmp_path), "-"]
    world.take()
    assert world.args == ["exec", "--json", *flags, "resume", ID, "-"]


@pytest.mark.parametrize(("source", "words"), [("memory", "tmux"), ("file", "the state file")])
def test_restored_and_said(world: World, source: str, words: str) -> None:
    world.restore(remembered(source))
    assert words in world.view.notes[0]
    assert world.memory.saved == [ID]  # bound anew: the next restart must find it too
    world.take()
    assert "resume" in world.args


def test_nothing_remembered_and_said(world: World) -> None:
    world.restore(None)
    assert "new pane" in world.view.notes[0]
    world.take()
    assert "resume" not in world.args


def test_a_session_codex_no_longer_has_is_said_and_not_asked_for(world: World) -> None:
    world.able = (False, "Codex no longer has it")
    world.restore(remembered())
    assert world.talk.session_id is None
    assert "Codex no longer has it" in world.view.notes[0]
    world.script(thread(OTHER), message("hi"), done(1))
    world.take()
    assert "resume" not in world.args
    assert world.memory.saved == [OTHER]


def test_a_session_that_vanishes_while_the_pane_lives(world: World) -> None:
    world.take()
    world.able = (False, "deleted")
    world.script(thread(OTHER), message("hi"), done(1))
    world.take()
    assert "resume" not in world.args
    assert world.memory.saved == [ID, OTHER]
    assert any("deleted" in note for note in world.view.notes)


def test_another_session_than_asked_for_never_takes_the_pane(world: World) -> None:
    world.restore(remembered())
    world.script(thread(OTHER), message("I am somebody else"), "sleep 5")
    world.take()
    assert world.talk.session_id == ID
    assert world.memory.saved == [ID]
    assert world.view.messages == []
    assert OTHER in world.view.notes[-1]
    assert ID in world.view.notes[-1]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            [
                "echo 'Not inside a trusted directory and --skip-git-repo-check was not specified.' >&2",
                "exit 1",
            ],
            "git init",
        ),
        (
            [thread(ID), say({"type": "turn.failed", "error": {"message": "401 Unauthorized"}}), "exit 1"],
            "codex login",
        ),
        (
            [thread(ID), say({"type": "turn.failed", "error": {"message": "429 Too Many"}}), "exit 1"],
            "rate limited",
        ),
        ([thread(ID), "printf '{\"type'; kill -9 $$"], "SIGKILL, in the middle of a line"),
        ([thread(ID), "echo 'thread panicked' >&2; exit 101"], "exit 101: thread panicked"),
        ([thread(ID)], "without an answer"),
        ([thread(ID), "echo hot"], "without an answer"),
    ],
)
def test_what_goes_wrong_is_one_clear_line_and_the_next_message_is_taken(
    world: World, script: list[str], words: str
) -> None:
    world.take()
    world.script(*script)
    before = len(world.view.notes)
    world.take()
    assert len(world.view.notes) == before + 1
    assert words in world.view.notes[-1]
    assert "session is kept" in world.view.notes[-1]
    world.script(thread(ID), message("again"), done(1))
    world.take()
    assert world.args == ["exec", "--json", "resume", ID, "-"]
    assert world.view.messages[-1] == "again"


def test_codex_missing(world: World) -> None:
    world.restore(remembered())
    world.codex.unlink()
    assert world.take() is None
    assert "Codex is missing" in world.view.notes[-1]
    world.script(thread(ID), message("again"), done(1))
    outcome = world.take()
    assert outcome
    assert outcome.well


def test_directory_gone(tmp_path: Path) -> None:
    (tmp_path / "codex").write_text("#!/bin/sh\n")
    (tmp_path / "codex").chmod(0o700)
    view = FakeView(FakeMemory())
    codex = Codex((str(tmp_path / "codex"),), (), str(tmp_path / "gone"))
    talk = Conversation(codex, view.memory, lambda session_id: (True, ""), view)
    assert asyncio.run(talk.take("hi")) is None
    assert "directory" in view.notes[0]


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), Problem("the state file is broken")]
)
def test_a_session_that_cannot_be_saved_is_said_and_the_turn_goes_on(world: World, error: Exception) -> None:
    world.memory.error = error
    world.take()
    assert "cannot be saved" in world.view.notes[0]
    assert world.view.messages == ["hi"]
    assert world.talk.session_id == ID


def test_a_session_held_elsewhere_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exec_conversation, "WRITER_PAUSE", 0.05)
    world.restore(remembered())
    world.script(
        f"echo x >> {world.directory}/tries",
        f'if [ "$(wc -l < {world.directory}/tries)" -lt 3 ]; then',
        f"echo 'Error: thread {ID} already has an active writer' >&2; exit 1; fi",
        thread(ID),
        message("now"),
        done(1),
    )
    world.take()
    assert world.view.messages == ["now"]
    assert sum("still open" in note for note in world.view.notes) == 1


def test_a_session_held_for_ever_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exec_conversation, "WRITER_PAUSE", 0.05)
    monkeypatch.setattr(exec_conversation, "WRITER_WAIT", 0.1)
    world.restore(remembered())
    world.script("echo 'Error: already has an active writer' >&2; exit 1")
    world.take()
    assert "close it there" in world.view.notes[-1]
    assert world.talk.session_id == ID


def test_a_message_the_model_may_have_seen_is_not_sent_twice(world: World) -> None:
    world.restore(remembered())
    world.script(
        f"echo x >> {world.directory}/tries",
        thread(ID),
        "echo 'Error: already has an active writer' >&2; exit 1",
    )
    world.take()
    assert (world.directory / "tries").read_text() == "x\n"


def test_a_flag_that_codex_dropped_is_left_out(tmp_path: Path) -> None:
    world = World(tmp_path, ("--full-auto", "-m", "x"))
    world.script(
        'case "$*" in',
        "  --version) echo codex-cli 0.169.0; exit;;",
        "  *--full-auto*) echo \"error: unexpected argument '--full-auto' found\" >&2; exit 2;;",
        "esac",
        thread(ID),
        message("hi"),
        done(1),
    )
    world.take()
    assert world.view.messages == ["hi"]
    assert "--full-auto" in world.view.notes[0]
    assert world.args == ["exec", "--json", "-m", "x", "--cd", str(tmp_path), "-"]


def test_tokens_are_the_turns_own(world: World) -> None:
    world.take()
    world.script(thread(ID), message("hi"), done(25))
    world.take()
    assert world.view.tokens == ["10 in, 0 out", "15 in, 0 out · 25 in the session"]


def test_tokens_of_a_restored_session_are_said_to_be_the_sessions(world: World) -> None:
    world.restore(remembered())
    world.take()
    assert world.view.tokens == ["10 tokens in the session"]


def test_the_same_warning_is_shown_once(world: World) -> None:
    shown: list[str] = []

    async def event(event: Event, line: str) -> None:
        shown.append(line)

    world.view.event = event  # type: ignore[method-assign]
    world.script(
        thread(ID), say({"type": "item.completed", "item": {"type": "error", "message": "hm"}}), done(1)
    )
    world.take()
    world.take()
    assert sum("hm" in line for line in shown) == 1
