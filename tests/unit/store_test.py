"""The state file: what is on the disk, in which order, whatever stands in its way."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from codex_tmux import log
from codex_tmux.state import store
from codex_tmux.state.records import Record
from codex_tmux.tracking import pass_once
from codex_tmux.tracking.model import Policy, Snapshot
from codex_tmux.tracking.rules import reconcile

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
TORN = b"version = 1\n[[panes"


def record(number: int = 1, **changes: Any) -> Record:
    """A record of the session of that number."""
    fields: dict[str, Any] = {
        "session_id": f"01a201da-7561-7551-a7df-{number:012x}",
        "evidence": "title",
        "mode": "tui",
        "status": "live",
        "server": "/tmp/tmux-1000/default",
        "epoch": "10:20",
        "pane": f"%{number}",
        "tmux_session": "work",
        "window": 2,
        "window_name": "api",
        "window_layout": "b25d,150x40,0,0,10",
        "pane_index": 0,
        "cwd": "/home/u/src",
        "codex": "/usr/bin/codex",
        "codex_home": "/home/u/.codex",
        "flags": ("-m", "x"),
        "updated_at": NOW,
    }
    return Record(**(fields | changes))


OLD, NEW = (record(1), record(2)), (record(1, status="dead"), record(2), record(3, env=(("A", "b"),)))


def save(*records: Record) -> None:
    with store.lock():
        store.save(records)


def load() -> tuple[Record, ...]:
    with store.lock():
        return store.load()


@pytest.fixture
def directory() -> Path:
    """The state directory of this test, not there yet."""
    return Path(os.environ["CODEX_TMUX_STATE_DIR"])


@pytest.fixture
def state(directory: Path) -> Path:
    """A state file that holds NEW; the last good one before it held OLD."""
    save(*OLD)
    save(*NEW)
    return directory / store.NAME


def log_text(directory: Path) -> str:
    path = directory / log.NAME
    return path.read_text() if path.exists() else ""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# -- what it holds --


def test_no_file_means_no_records_though_a_backup_may_be_there(directory: Path) -> None:
    assert load() == ()
    assert store.peek() == ()
    save(record(1))
    save(record(2))
    assert (directory / store.BACKUP).exists()
    (directory / store.NAME).unlink()
    assert load() == ()


def test_the_backup_is_the_file_before(state: Path, directory: Path) -> None:
    before = state.read_bytes()
    save(record(2))
    assert (directory / store.BACKUP).read_bytes() == before


def test_a_session_or_a_pane_twice() -> None:
    """As where two files were merged by hand: each session once, each pane once, after the next sync."""
    save(record(1), record(1, pane="%9"), record(4, pane="%2"), record(2, updated_at=NOW + timedelta(1)))
    settled, _ = reconcile(load(), Snapshot("/tmp/another", "1:2", ()), Policy(), NOW + timedelta(2))
    current = [r for r in settled if r.current]
    assert len({r.session_id for r in settled}) == len(settled) == 3
    assert len({r.place for r in current}) == len(current)


# -- a broken one --

BROKEN = {
    "empty": b"",
    "version true": b"version = true\n",
    "huge number": b"version = " + b"9" * 5000 + b"\n",
    "no version": b"panes = []\n",
    "panes a table": b"version = 1\npanes = {}\n",
    "torn": TORN,
    "double field": b'version = 1\n[[panes]]\nmode = "tui"\nmode = "tui"\n',
    "large": b"version = 1\n#" + b"x" * store.TOO_LARGE,
    "deep": b"a = " + b"[" * 100_000,
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_of_a_broken_file_the_last_good_one_is_used(state: Path, directory: Path, content: bytes) -> None:
    state.write_bytes(content)
    assert store.peek() == OLD
    assert state.read_bytes() == content, "who only looks changes nothing"
    assert load() == OLD
    (aside,) = directory.glob(f"{store.NAME}.broken-*")
    assert aside.read_bytes() == content
    assert mode(aside) & 0o077 == 0
    assert store.peek() == OLD, "what was recovered is on the disk"
    assert log_text(directory).count("state.broken") == 1
    assert f"moved_to={aside} recovered=2" in log_text(directory)


def test_where_both_are_broken_both_are_kept(state: Path, directory: Path) -> None:
    state.write_bytes(b"[")
    (directory / store.BACKUP).write_bytes(b"]")
    assert load() == ()
    assert [p.read_bytes() for p in directory.glob("*.broken-*")] == [b"["]
    assert (directory / store.BACKUP).read_bytes() == b"]"
    save(record(3))
    assert load() == (record(3),)


def test_one_broken_entry_does_not_cost_the_others(state: Path, directory: Path) -> None:
    save(*NEW)
    state.write_text(state.read_text().replace('pane = "%2"', "pane = 2"))
    assert {r.pane for r in load()} == {"%1", "%2", "%3"}, "two good ones, and one from the last good file"
    assert "entry 2: pane is int, not text" in log_text(directory)


def test_a_newer_version_is_left_alone(state: Path, directory: Path) -> None:
    content = b'version = 2\nsomething = "new"\n'
    state.write_bytes(content)
    with pytest.raises(store.NewerVersion, match="is of version 2; this codex-tmux knows 1: update it"):
        load()
    _, _, _, fault = pass_once.decide(SNAPSHOT, Policy())
    assert "is of version 2" in fault
    assert state.read_bytes() == content
    assert not list(directory.glob("*.broken*"))


# -- what may lie in the place of any of its files --

NAMES = [store.NAME, store.BACKUP, store.TEMPORARY, store.SECOND_NAME, "state.lock", "log", "log.1"]
SNAPSHOT = Snapshot(server="/tmp/tmux-1000/default", epoch="10:20", panes=())
KINDS: dict[str, Callable[[Path], None]] = {
    "fifo": os.mkfifo,
    "directory": Path.mkdir,
    "link to endless": lambda path: path.symlink_to("/dev/zero"),
    "link to the user's": lambda path: path.symlink_to(path.parents[1] / "precious"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_another_kind_of_file_hangs_nobody_and_costs_no_record(
    state: Path, directory: Path, name: str, kind: str
) -> None:
    """A whole decision of a sync, which reads, saves and logs."""
    precious = directory.parent / "precious"
    precious.write_text("version = 1\n")
    path = directory / name
    path.unlink(missing_ok=True)
    KINDS[kind](path)
    _, records, _, fault = pass_once.decide(SNAPSHOT, Policy())
    log.log("said")
    assert precious.read_text() == "version = 1\n"
    if name == store.NAME:
        # The file itself is gone: that is no damage, and who took it away is told where something lies in its way.
        assert fault or records == ()
        if kind in ("fifo", "directory"):
            assert "not an ordinary file" in fault
        return
    sessions = {r.session_id for r in NEW}
    assert {r.session_id for r in records} == {r.session_id for r in store.peek()} == sessions
    assert not fault or ("\n" not in fault and str(directory) in fault)
    assert fault or store.peek() == records


@ROOT
@pytest.mark.parametrize("name", ["", store.NAME])
def test_what_belongs_to_another_user_is_not_used(state: Path, directory: Path, name: str) -> None:
    os.chown(directory / name, 12345, 12345)
    before = {p.name: p.read_bytes() for p in directory.iterdir() if p.name != log.NAME}
    with pytest.raises(store.StateError, match="belongs to user 12345, not to you"):
        save(*load())
    assert {p.name: p.read_bytes() for p in directory.iterdir() if p.name != log.NAME} == before


def test_a_file_in_place_of_the_directory(directory: Path) -> None:
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.write_text("")
    with pytest.raises(store.StateError):
        save(record())
    log.log("something")


# -- modes --


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_only_for_this_user_from_the_first_byte(
    directory: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    seen = []
    real = os.open

    def spy(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        fd = real(path, flags, *rest, **named)
        if flags & os.O_CREAT:
            seen.append((os.path.basename(path), stat.S_IMODE(os.fstat(fd).st_mode)))
        return fd

    old = os.umask(umask)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", spy)
            save(record())
            save(record(2))
            log.log("something")
    finally:
        os.umask(old)
    assert all(bits & 0o077 == 0 for _, bits in seen), seen
    assert {name for name, _ in seen} == {"state.lock", "log", store.TEMPORARY, store.SECOND_NAME}
    assert mode(directory) & 0o077 == 0


def test_the_directory_is_made_with_its_parents_and_closed_to_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    directory = tmp_path / "a/b/state"
    monkeypatch.setenv("CODEX_TMUX_STATE_DIR", str(directory))
    save(record())
    assert mode(directory) == 0o700
    directory.chmod(0o755)
    save(record())
    assert mode(directory) == 0o700


# -- the order of things on the disk --


def test_fsync_before_the_rename_and_of_the_directory_after_it(
    state: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut a disk holds of what was not synced any part, in any order."""
    calls: list[tuple[str, ...]] = []

    def noted(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(*args: Any, **named: Any) -> Any:
            paths = [os.path.realpath(f"/proc/self/fd/{a}") if isinstance(a, int) else a for a in args[:2]]
            calls.append((name, *(os.path.basename(p) for p in paths if isinstance(p, str))))
            return real(*args, **named)

        return call

    for name in ("write", "fsync", "replace"):
        monkeypatch.setattr(os, name, noted(name))
    save(record(2))
    assert calls == [
        ("write", store.TEMPORARY),
        ("fsync", store.TEMPORARY),
        ("write", store.SECOND_NAME),
        ("fsync", store.SECOND_NAME),
        ("replace", store.SECOND_NAME, store.BACKUP),
        ("replace", store.TEMPORARY, store.NAME),
        ("fsync", directory.name),
    ], "never written in place"


def test_short_writes_are_continued(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
        save(*NEW)
    assert load() == NEW


# -- several writers --

HOLD = """
import time
from codex_tmux.state import store
with store.lock():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_stopped_holder_hangs_nobody(state: Path, directory: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        held = pytest.raises(store.StateError, match=r"held for 0\.3 s by another codex-tmux")
        with held, store.lock(wait=0.3):
            pass
        assert time.monotonic() - began >= 0.3
        assert "lock.timeout" in log_text(directory)
        assert store.peek() == NEW, "reading needs no lock"
    finally:
        process.kill()
        process.wait()
    with store.lock(wait=2):  # it went with its holder
        pass
