"""Power loss: what a disk may hold after a save was cut off anywhere, replayed from the recorded operations.

The disk is as unkind as POSIX lets it be: of what was not synced, any part may be there and any part not, in any
order; a file may have its size and zeros instead of its content.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from codex_tmux.state import store
from codex_tmux.state.records import Record
from tests.unit.store_test import record

OLDER, OLD, NEW = (record(1),), (record(1), record(2)), (record(3), record(1, cwd="/elsewhere"))
WATCHED = "open write fsync replace rename link unlink mkdir".split()


class Operation:
    """One change as a disk sees it: `names` of directory entries, or the `data` of a file; what syncs, and what."""

    def __init__(self, kind: str, file: int = 0, data: bytes = b"", names: tuple[str, ...] = ()) -> None:
        self.kind, self.file, self.data, self.names = kind, file, data, names

    def __repr__(self) -> str:
        return f"{self.kind} {' '.join(self.names) or self.file}"


class Recorder:
    """Notes what is done to a directory while its patches are in place. Files are told apart by their inodes.

    A file that is made gets a number of its own, below zero: it may have the inode of one that has just gone.
    """

    def __init__(self, directory: Path, patch: pytest.MonkeyPatch) -> None:
        self.directory = str(directory)
        self.operations: list[Operation] = []
        self.open_files: dict[int, int] = {}
        self.made: dict[int, int] = {}
        for name in WATCHED:
            patch.setattr(os, name, getattr(self, name)(getattr(os, name)))

    def inside(self, path: str) -> bool:
        return os.path.dirname(path) == self.directory

    def number(self, inode: int) -> int:
        return self.made.get(inode, inode)

    def note(self, kind: str, **what: Any) -> None:
        self.operations.append(Operation(kind, **what))

    def open(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(path: str, flags: int, *rest: Any, **named: Any) -> int:
            is_new = flags & os.O_CREAT and self.inside(path) and not os.path.lexists(path)
            fd = real(path, flags, *rest, **named)
            inode = os.fstat(fd).st_ino
            if is_new:
                self.made[inode] = -len(self.made) - 1
            self.open_files[fd] = self.number(inode)
            if is_new:
                self.note("create", file=self.number(inode), names=(os.path.basename(path),))
            elif flags & os.O_TRUNC:
                self.note("truncate", file=self.number(inode))
            return fd

        return call

    def write(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(fd: int, data: bytes) -> int:
            done = real(fd, data)
            self.note("write", file=self.open_files[fd], data=data[:done])
            return done

        return call

    def fsync(self, real: Callable[..., None]) -> Callable[..., None]:
        def call(fd: int) -> None:
            real(fd)
            kind = "sync directory" if stat.S_ISDIR(os.fstat(fd).st_mode) else "sync"
            self.note(kind, file=self.open_files[fd])

        return call

    def names(self, kind: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
        def wrap(real: Callable[..., None]) -> Callable[..., None]:
            def call(*paths: Any, **named: Any) -> None:
                file = self.number(os.lstat(paths[0]).st_ino) if os.path.lexists(paths[0]) else 0
                real(*paths, **named)
                self.note(kind, file=file, names=tuple(os.path.basename(p) for p in paths))

            return call

        return wrap

    def replace(self, real: Callable[..., None]) -> Callable[..., None]:
        return self.names("rename")(real)

    rename = replace

    def link(self, real: Callable[..., None]) -> Callable[..., None]:
        return self.names("link")(real)

    def unlink(self, real: Callable[..., None]) -> Callable[..., None]:
        return self.names("unlink")(real)

    def mkdir(self, real: Callable[..., None]) -> Callable[..., None]:
        return real


class Disk:
    """What is on the disk for sure: entries by name, contents by file."""

    def __init__(self, directory: Path) -> None:
        self.entries = {p.name: p.lstat().st_ino for p in directory.iterdir()}
        self.contents = {p.lstat().st_ino: p.read_bytes() for p in directory.iterdir()}

    def after_a_cut(self, operations: list[Operation]) -> Iterator[dict[str, bytes]]:
        """Every directory that may be found after these operations and a power cut, as contents by name."""
        entries, contents = dict(self.entries), dict(self.contents)
        unsure_entries: list[Operation] = []
        unsure_contents: dict[int, list[Operation]] = {}
        for operation in operations:
            if operation.kind == "sync":
                for write in unsure_contents.pop(operation.file, []):
                    contents[operation.file] = apply_write(contents.get(operation.file, b""), write)
            elif operation.kind == "sync directory":
                for change in unsure_entries:
                    apply_entry(entries, change)
                unsure_entries = []
            elif operation.kind in ("write", "truncate"):
                unsure_contents.setdefault(operation.file, []).append(operation)
            else:
                unsure_entries.append(operation)
        for there in itertools.product((True, False), repeat=len(unsure_entries)):
            found = dict(entries)
            for change, is_there in zip(unsure_entries, there):
                if is_there:
                    apply_entry(found, change)
            for variant in range(4):
                files = dict(contents)
                for file, writes in unsure_contents.items():
                    files[file] = half_written(contents.get(file, b""), writes, variant)
                yield {name: files.get(file, b"") for name, file in found.items()}


def apply_entry(entries: dict[str, int], operation: Operation) -> None:
    """A change of names; each is atomic, as rename(2) promises."""
    if operation.kind == "unlink":
        entries.pop(operation.names[0], None)
    elif operation.kind == "rename":
        entries.pop(operation.names[0], None)
        entries[operation.names[1]] = operation.file
    else:
        entries[operation.names[-1]] = operation.file


def apply_write(content: bytes, operation: Operation) -> bytes:
    return b"" if operation.kind == "truncate" else content + operation.data


def half_written(content: bytes, writes: list[Operation], variant: int) -> bytes:
    """What of unsynced writes may be there: nothing, half, zeros in its place, all."""
    whole = content
    for write in writes:
        whole = apply_write(whole, write)
    return (content, whole[: len(whole) // 2], bytes(len(whole)), whole)[variant]


@pytest.fixture
def directory() -> Path:
    return Path(os.environ["CODEX_TMUX_STATE_DIR"])


def save(records: tuple[Record, ...]) -> None:
    with store.lock():
        store.save(records)


def recorded(directory: Path, action: Callable[[], object]) -> tuple[Disk, list[Operation]]:
    disk = Disk(directory)
    with pytest.MonkeyPatch.context() as patch:
        recorder = Recorder(directory, patch)
        action()
    return disk, recorder.operations


def states(
    disk: Disk, operations: list[Operation], place: Path, patch: pytest.MonkeyPatch
) -> Iterator[tuple[int, tuple[Record, ...]]]:
    """(how many operations were done, what is read after that and a power cut), for every possible outcome."""
    patch.setenv("CODEX_TMUX_STATE_DIR", str(place))
    place.mkdir(mode=0o700)
    seen: dict[tuple[tuple[str, bytes], ...], tuple[Record, ...]] = {}
    for done in range(len(operations) + 1):
        for found in disk.after_a_cut(operations[:done]):
            files = tuple(sorted((n, c) for n, c in found.items() if n.startswith(("state", ".state"))))
            if files not in seen:
                for path in place.iterdir():
                    path.unlink()
                for name, content in files:
                    (place / name).write_bytes(content)
                seen[files] = store.peek()
            yield done, seen[files]


def test_a_save_cut_off_anywhere_leaves_the_old_or_the_new_state(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(OLDER)
    save(OLD)
    disk, operations = recorded(directory, lambda: save(NEW))
    outcomes = list(states(disk, operations, tmp_path / "after", monkeypatch))
    assert {found for _, found in outcomes} == {OLD, NEW}
    assert {found for done, found in outcomes if done == len(operations)} == {NEW}, (
        "on return it is on the disk"
    )
    assert len(outcomes) > 50


def test_the_very_first_save(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory.mkdir(parents=True)
    disk, operations = recorded(directory, lambda: save(NEW))
    outcomes = list(states(disk, operations, tmp_path / "after", monkeypatch))
    assert {found for _, found in outcomes} == {(), NEW}
    assert {found for done, found in outcomes if done == len(operations)} == {NEW}


def test_the_mending_of_a_broken_file(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(OLD)
    save(NEW)
    (directory / store.NAME).write_bytes(b"version = 1\n[[panes")
    disk, operations = recorded(directory, store.load)
    outcomes = list(states(disk, operations, tmp_path / "after", monkeypatch))
    assert {found for _, found in outcomes} == {OLD}, "the last good one, all the way"


def test_two_saves_with_one_killed_before(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a killed save left behind is no hindrance, nor ever taken for the state."""
    save(OLDER)
    save(OLD)
    (directory / store.TEMPORARY).write_bytes(b"version = 1\n")
    (directory / f".{store.BACKUP}").write_bytes(b"")
    disk, operations = recorded(directory, lambda: save(NEW))
    outcomes = list(states(disk, operations, tmp_path / "after", monkeypatch))
    assert {found for _, found in outcomes} == {OLD, NEW}


# -- killed, or refused by the disk, at every single call --

CALLS = "open close write read fsync replace link unlink mkdir stat lstat fstat chmod".split()


def count_calls(patch: pytest.MonkeyPatch, at: int, what: Callable[[str], None], after: bool) -> list[str]:
    """Run `what` before (or `after`) the call of number `at` of all that touch the disk; the calls so far."""
    seen: list[str] = []

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            seen.append(name)
            mine = len(seen) == at
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
    return seen


def first_save(directory: Path) -> None:
    save(NEW)


def further_save(directory: Path) -> None:
    save(NEW)


def mending(directory: Path) -> None:
    with store.lock():
        store.load()


def prepare(directory: Path, action: Callable[[Path], None]) -> tuple[set[tuple[Record, ...]], object]:
    """Make the state before `action`; what may be read while it runs, and what must be when it has returned."""
    for path in directory.glob("*") if directory.exists() else ():
        path.unlink()
    for path in directory.glob(".*") if directory.exists() else ():
        path.unlink()
    if action is first_save:
        return {(), NEW}, NEW
    save(OLDER)
    save(OLD)
    if action is further_save:
        return {OLD, NEW}, NEW
    save(NEW)
    (directory / store.NAME).write_bytes(b"version = 1\n[[panes")
    return {OLD}, OLD


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("action", [first_save, further_save, mending], ids=lambda a: a.__name__)
def test_killed_at_every_call(directory: Path, action: Callable[[Path], None], after: bool) -> None:
    killed_at = []
    for at in range(1, 100):
        possible, _ = prepare(directory, action)
        pid = os.fork()
        if pid == 0:
            try:
                with pytest.MonkeyPatch.context() as patch:
                    count_calls(patch, at, lambda name: os._exit(100 + CALLS.index(name)), after)
                    action(directory)
                os._exit(7)
            finally:
                os._exit(8)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert store.peek() in possible
        if code == 7:
            break
        killed_at.append(CALLS[code - 100])
        save((record(9),))
        assert store.peek() == (record(9),), "the next one is not hindered"
        assert not list(directory.glob(".*"))
    assert code == 7, "it was killed at each call it makes"
    wanted = {"open", "write", "fsync", "replace", "close"}
    assert wanted <= set(killed_at), killed_at
    assert killed_at.count("fsync") == 2, "the file and its directory"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("action", [first_save, further_save, mending], ids=lambda a: a.__name__)
def test_refused_at_every_call(directory: Path, action: Callable[[Path], None], number: int) -> None:
    """Whatever call the disk refuses: a clear error or a whole save, never a crash, never a state lost."""
    refused = []
    for at in range(1, 100):
        possible, must = prepare(directory, action)

        def refuse(name: str) -> None:
            refused.append(name)
            raise OSError(number, os.strerror(number))

        before = len(refused)
        with pytest.MonkeyPatch.context() as patch:
            count_calls(patch, at, refuse, after=False)
            try:
                action(directory)
                error = None
            except store.StateError as e:
                error = str(e)
        found = store.peek()
        assert found in possible, refused[-1:]
        if error is None:
            assert found == must, f"it said nothing, and {refused[-1:]} cost the update"
        else:
            assert os.strerror(number) in error
            assert "\n" not in error
        if len(refused) == before:
            break
        save((record(9),))
        assert store.peek() == (record(9),), "once the disk is well, the next one saves"
    assert len(refused) == at - 1
    assert {"open", "write", "fsync", "replace"} <= set(refused)
