"""The state file: what is on the disk, in which order, whatever stands in its way."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from codex_tmux import log
from codex_tmux.state import store
from codex_tmux.state.records import HEAD, Record

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


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


def save(*records: Record) -> None:
    with store.lock():
        store.save(records)


@pytest.fixture
def directory() -> Path:
    """The state directory of this test, not there yet."""
    return Path(os.environ["CODEX_TMUX_STATE_DIR"])


@pytest.fixture
def state(directory: Path) -> Path:
    """The state file of this test, with one record in it."""
    save(record())
    return directory / store.NAME


def log_text(directory: Path) -> str:
    path = directory / log.NAME
    return path.read_text() if path.exists() else ""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_round_trip_and_head(state: Path) -> None:
    assert store.load() == (record(),)
    assert state.read_text().startswith(HEAD)


def test_no_file_means_no_records(directory: Path) -> None:
    assert store.load() == ()
    assert not directory.exists(), "reading makes nothing"


def test_a_removed_file_means_no_records_though_a_backup_is_there(state: Path, directory: Path) -> None:
    save(record(2))
    assert (directory / store.BACKUP).exists()
    state.unlink()
    assert store.load() == ()


# -- the order of things on the disk --


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Every system call on files that `store` and `paths` make, in their order, descriptors by their path."""
    seen: list[tuple[str, ...]] = []
    names: dict[int, str] = {}
    real = {
        name: getattr(os, name)
        for name in ("open", "write", "fsync", "replace", "rename", "link", "unlink", "close")
    }

    def short(path: object) -> str:
        return os.path.basename(os.fsdecode(path))  # type: ignore[arg-type]

    def record_open(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        fd: int = real["open"](path, flags, *rest, **named)
        names[fd] = short(path)
        writes = flags & (os.O_WRONLY | os.O_RDWR)
        seen.append(("open to write" if writes else "open", names[fd]))
        return fd

    def on_descriptor(name: str) -> Any:
        def call(fd: int, *rest: Any) -> Any:
            seen.append((name, names.get(fd, "?")))
            return real[name](fd, *rest)

        return call

    def on_paths(name: str) -> Any:
        def call(*paths: Any, **named: Any) -> Any:
            seen.append((name, *(short(p) for p in paths)))
            return real[name](*paths, **named)

        return call

    monkeypatch.setattr(os, "open", record_open)
    for name in ("write", "fsync", "close"):
        monkeypatch.setattr(os, name, on_descriptor(name))
    for name in ("replace", "rename", "link", "unlink"):
        monkeypatch.setattr(os, name, on_paths(name))
    return seen


def test_fsync_before_the_rename_and_of_the_directory_after_it(
    state: Path, calls: list[tuple[str, ...]]
) -> None:
    save(record(2))
    temporary = store.TEMPORARY
    order = [
        ("open to write", "state.lock"),
        ("open to write", temporary),
        ("write", temporary),
        ("fsync", temporary),
        ("replace", temporary, store.NAME),
        ("open", state.parent.name),
        ("fsync", state.parent.name),
        ("close", "state.lock"),
    ]
    at = [calls.index(call) for call in order]
    assert at == sorted(at), calls
    assert ("open to write", store.NAME) not in calls, "never written in place"


def test_the_backup_is_the_file_before(state: Path, directory: Path) -> None:
    before = state.read_bytes()
    save(record(2))
    assert (directory / store.BACKUP).read_bytes() == before
    save(record(3))
    assert (directory / store.BACKUP).read_bytes() != before


@pytest.mark.parametrize("failing", ["write", "fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_no_litter(
    state: Path, directory: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    before = state.read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, fail)
        with pytest.raises(store.StateError, match="No space left"):
            save(record(2))
    assert state.read_bytes() == before
    assert store.load() == (record(),)
    assert {p.name for p in directory.iterdir()} - {"log", store.BACKUP} == {store.NAME, "state.lock"}


def test_a_full_disk_in_the_middle_of_a_write(
    state: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    written: list[int] = []

    def half(fd: int, data: bytes) -> int:
        if written:
            raise OSError(28, "No space left on device")
        written.append(real(fd, data[: len(data) // 2]))
        return written[0]

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(store.StateError, match="No space left"):
            save(*(record(i) for i in range(50)))
    assert store.load() == (record(),)


def test_short_writes_are_continued(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
        save(record())
    assert store.load() == (record(),)


# -- modes --


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_only_for_this_user_from_the_first_byte(
    directory: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    seen = []
    real = os.open

    def spy(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        fd = real(path, flags, *rest, **named)
        status = os.fstat(fd)
        if flags & os.O_CREAT:
            seen.append((os.path.basename(path), stat.S_IMODE(status.st_mode)))
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
    assert {name for name, _ in seen} >= {"state.lock", "log"}
    assert mode(directory) & 0o077 == 0
    if umask != 0o777:
        assert mode(directory) == 0o700
        for name in (store.NAME, store.BACKUP, "log", "state.lock"):
            assert mode(directory / name) == 0o600, name


def test_a_directory_open_to_others_is_closed(directory: Path) -> None:
    directory.mkdir(parents=True)
    directory.chmod(0o755)
    save(record())
    assert mode(directory) == 0o700


def test_missing_parents_are_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CODEX_TMUX_STATE_DIR", str(tmp_path / "a/b/c/d"))
    save(record())
    assert store.load() == (record(),)


# -- what may stand in its place --


def test_a_corrupt_file_is_set_aside_and_the_last_good_one_used(state: Path, directory: Path) -> None:
    save(record(2))
    state.write_bytes(b"\x00\xff[[[ this is no TOML")
    assert store.load() == (record(),)
    (aside,) = directory.glob(f"{store.NAME}.broken-*")
    assert aside.read_bytes() == b"\x00\xff[[[ this is no TOML"
    assert mode(aside) & 0o077 == 0
    assert "state.broken" in log_text(directory)
    assert str(aside) in log_text(directory)
    save(record(3))
    assert store.load() == (record(3),)
    assert aside.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"version = 0\n",
        b"version = true\n",
        b"version = '1'\n",
        b"panes = []\n",
        b"version = 1\npanes = 7\n",
        b"version = 1\npanes = {}\n",
        b"version = 1\n[[panes",
        b"\xff\xfe",
        b"a" * (store.TOO_LARGE + 1),
        b"a = " + b"[" * 100_000,
        b"version = 1\n" + b"\x00" * 4096,
    ],
    ids=["empty", "0", "true", "text", "none", "number", "table", "torn", "utf16", "large", "deep", "zeros"],
)
def test_every_kind_of_corruption_gives_the_last_good_one(
    state: Path, directory: Path, content: bytes
) -> None:
    save(record(2))
    state.write_bytes(content)
    assert store.load() == (record(),)
    assert len(list(directory.glob(f"{store.NAME}.broken-*"))) == 1


def test_both_broken_is_no_records(state: Path, directory: Path) -> None:
    save(record(2))
    state.write_bytes(b"[")
    (directory / store.BACKUP).write_bytes(b"[")
    assert store.load() == ()
    save(record(3))
    assert store.load() == (record(3),)


def test_set_aside_never_over_another_one(state: Path, directory: Path) -> None:
    contents = [f"[ broken {i}".encode() for i in range(3)]
    for content in contents:
        state.write_bytes(content)
        store.load()
    assert sorted(p.read_bytes() for p in directory.glob(f"{store.NAME}.broken-*")) == contents


def test_one_broken_entry_does_not_cost_the_others(state: Path, directory: Path) -> None:
    save(record(1), record(2), record(3))
    save(record(1), record(2), record(3))
    # As by hand: without the head and the line that tells damage.
    text = state.read_text().removeprefix(HEAD).rpartition("# end ")[0]
    assert text.count('pane = "%2"') == 1
    state.write_text(text.replace('pane = "%2"', "pane = 2"))
    assert {r.pane for r in store.load()} == {"%1", "%2", "%3"}, (
        "two good ones, and one from the last good file"
    )
    assert "entry 2: pane is int, not text" in log_text(directory)


def test_a_newer_version_is_left_alone(state: Path, directory: Path) -> None:
    content = b'version = 2\nsomething = "new"\n'
    state.write_bytes(content)
    with pytest.raises(store.NewerVersion, match="is of version 2; this codex-tmux knows 1: update it"):
        store.load()
    assert state.read_bytes() == content
    assert not list(directory.glob("*.broken*"))


def test_a_newer_version_is_not_even_overwritten_by_a_save(state: Path) -> None:
    content = b'version = 2\nsomething = "new"\n'
    state.write_bytes(content)
    with pytest.raises(store.NewerVersion):
        save(record(5))
    assert state.read_bytes() == content


def test_a_fifo_hangs_nobody(state: Path) -> None:
    state.unlink()
    os.mkfifo(state)
    with pytest.raises(store.StateError, match="not an ordinary file"):
        store.load()


def test_a_directory_in_its_place(state: Path) -> None:
    state.unlink()
    state.mkdir()
    with pytest.raises(store.StateError, match="not an ordinary file"):
        store.load()
    with pytest.raises(store.StateError):
        save(record())


def test_a_link_is_read_but_what_it_points_to_is_never_written(state: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "dotfiles.toml"
    elsewhere.write_bytes(state.read_bytes())
    before = elsewhere.read_bytes()
    state.unlink()
    state.symlink_to(elsewhere)
    assert store.load() == (record(),)
    save(record(2))
    assert elsewhere.read_bytes() == before
    assert store.load() == (record(2),)


@pytest.mark.parametrize("name", ["state.lock", store.TEMPORARY, "log", f".{store.BACKUP}"])
def test_a_planted_link_is_not_followed(directory: Path, tmp_path: Path, name: str) -> None:
    directory.mkdir(parents=True)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (directory / name).symlink_to(victim)
    try:
        save(record())
        save(record(2))
    except store.StateError:
        pass
    log.log("something")
    assert victim.read_text() == "precious"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make a file of somebody else's")
def test_a_file_of_another_user_is_not_trusted(state: Path) -> None:
    os.chown(state, 12345, 12345)
    with pytest.raises(store.StateError, match="belongs to user 12345"):
        store.load()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make a directory of somebody else's")
def test_a_directory_of_another_user_is_not_used(directory: Path) -> None:
    directory.mkdir(parents=True)
    os.chown(directory, 12345, 12345)
    with pytest.raises(store.StateError, match="check who owns it"):
        save(record())
    assert list(directory.iterdir()) == []


def test_a_file_in_place_of_the_directory(directory: Path) -> None:
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.write_text("")
    with pytest.raises(store.StateError):
        save(record())
    log.log("something")


# -- several writers --

HOLD = """
import sys, time
from codex_tmux.state import store
with store.lock():
    print("held", flush=True)
    time.sleep(60)
"""


def holder() -> subprocess.Popen[str]:
    """A process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_a_stopped_holder_hangs_nobody(state: Path, directory: Path) -> None:
    process = holder()
    try:
        process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        with (
            pytest.raises(store.StateError, match=r"held for 0\.3 s by another codex-tmux"),
            store.lock(wait=0.3),
        ):
            pass
        assert time.monotonic() - began >= 0.3
        assert "lock.timeout" in log_text(directory)
        assert store.load() == (record(),), "reading needs no lock"
    finally:
        process.kill()
        process.wait()
    with store.lock(wait=2):
        pass


def test_the_lock_excludes_and_goes_with_its_holder() -> None:
    process = holder()
    with pytest.raises(store.StateError), store.lock(wait=0.05):
        pass
    process.kill()
    process.wait()
    with store.lock(wait=2):
        pass


def add_records(first: int, count: int) -> None:
    for number in range(first, first + count):
        with store.lock(wait=60):
            store.save((*store.load(), record(number)))


def test_two_processes_lose_nothing() -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=add_records, args=(start, 40)) for start in (0, 1000, 2000)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(90)
        assert worker.exitcode == 0
    assert {r.pane for r in store.load()} == {f"%{start + i}" for start in (0, 1000, 2000) for i in range(40)}


CRASH = """
import os, sys
from codex_tmux.state import store
from tests.unit.store_test import record
point = int(sys.argv[1])
seen = 0
for name in ("open", "write", "fsync", "link", "replace", "close"):
    def wrapped(*args, real=getattr(os, name), **named):
        global seen
        seen += 1
        if seen == point:
            os._exit(9)
        return real(*args, **named)
    setattr(os, name, wrapped)
with store.lock():
    store.save((record(7),))
"""


def test_killed_at_any_moment_the_file_is_the_old_or_the_new_one(state: Path) -> None:
    outcomes = []
    for point in range(1, 40):
        save(record(6))
        done = subprocess.run([sys.executable, "-c", CRASH, str(point)], cwd=Path(__file__).parents[2])
        assert done.returncode in (0, 9)
        (found,) = store.load()
        assert found in (record(6), record(7))
        outcomes.append(found.pane)
        if done.returncode == 0:
            break
    assert outcomes[0] == "%6"
    assert outcomes[-1] == "%7"
    assert sorted(outcomes) == outcomes, "once it is new it stays new"
    save(record(8))
    assert store.load() == (record(8),)
    assert not list(state.parent.glob(".*")), "what a killed process left is cleared away by the next"
