"""A save that is killed or refused by the disk at any call; many writers. `make kill-loop` kills at random."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codex_tmux.state import store
from codex_tmux.state.records import Record
from tests.durability import crowd
from tests.unit.store_test import NEW, OLD, TORN, load, record, save


@pytest.fixture
def directory() -> Path:
    return Path(os.environ["CODEX_TMUX_STATE_DIR"])


CALLS = "open close write read fsync replace unlink mkdir stat lstat fstat chmod".split()
LATER = (record(9),)


def at_call(patch: pytest.MonkeyPatch, number: int, what: Callable[[str], None], after: bool) -> None:
    """Run `what` before (or `after`) the call of that number of all that touch the disk."""
    seen: list[str] = []

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            seen.append(name)
            mine = len(seen) == number
            if mine and not after:
                if name == "close":
                    real(*args)  # a close that fails has closed
                what(name)
            try:
                return real(*args, **named)
            finally:
                if mine and after:
                    what(name)

        return call

    for name in CALLS:
        patch.setattr(os, name, wrap(name, getattr(os, name)))


def saving() -> None:
    save(*NEW)


def mending() -> None:
    load()


def prepare(directory: Path, before: str) -> tuple[Callable[[], None], set[tuple[Record, ...]]]:
    """Make the state `before`; what is done then, and what may be read meanwhile: the last is what must come of it."""
    for path in directory.iterdir() if directory.exists() else ():
        path.unlink()
    if before == "nothing":
        return saving, {(), NEW}
    save(record(5))
    save(*OLD)
    if before == "a file":
        return saving, {OLD, NEW}
    save(*NEW)
    (directory / store.NAME).write_bytes(TORN)
    return mending, {OLD}


BEFORE = pytest.mark.parametrize("before", ["nothing", "a file", "a broken file"])


@BEFORE
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_every_call(directory: Path, before: str, after: bool) -> None:
    killed_at = []
    for number in range(1, 100):
        action, possible = prepare(directory, before)
        pid = os.fork()
        if pid == 0:
            try:
                with pytest.MonkeyPatch.context() as patch:
                    at_call(patch, number, lambda name: os._exit(100 + CALLS.index(name)), after)
                    action()
                os._exit(7)
            finally:
                os._exit(8)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert store.peek() in possible
        if code == 7:
            break
        killed_at.append(CALLS[code - 100])
        save(*LATER)
        assert store.peek() == LATER, "the next one is not hindered"
        assert not list(directory.glob(".*"))
    assert code == 7, "it was killed at each call it makes"
    assert {"open", "write", "fsync", "replace", "close"} <= set(killed_at), killed_at
    copies = before != "nothing"
    assert killed_at.count("fsync") == 2 + copies, "the file, its directory and the copy of the one before"


@BEFORE
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_refused_at_every_call(directory: Path, before: str, number: int) -> None:
    """Whatever call the disk refuses: a clear error or a whole save, never a crash, never a state lost."""
    refused: list[str] = []

    def refuse(name: str) -> None:
        refused.append(name)
        raise OSError(number, os.strerror(number))

    for at in range(1, 100):
        action, possible = prepare(directory, before)
        error = ""
        with pytest.MonkeyPatch.context() as patch:
            at_call(patch, at, refuse, after=False)
            try:
                action()
            except store.StateError as e:
                error = str(e)
        found = store.peek()
        assert found in possible, refused[-1:]
        if error:
            assert os.strerror(number) in error
            assert "\n" not in error
        else:
            assert found == (NEW if action is saving else OLD), f"{refused[-1:]} cost the update, unsaid"
        if len(refused) < at:
            break
        assert not (directory / store.TEMPORARY).exists() or refused[-1] == "unlink"
        save(*LATER)
        assert store.peek() == LATER, "once the disk is well, the next one saves"
    assert {"open", "write", "fsync", "replace"} <= set(refused)


def test_eight_processes_lose_no_update() -> None:
    crowd(8, 25)
