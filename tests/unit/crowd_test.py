"""Many writers, killed writers, several users: short runs of what `make kill-loop` and `make crowd` do at length."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import tomli_w  # noqa: F401 (another user may not be able to import it any more)

from codex_tmux import log
from codex_tmux.state import store
from tests.crowd import crowd
from tests.unit.store_test import record

CHECKOUT = Path(__file__).parents[2]


def test_a_hundred_and_fifty_killed_writers_lose_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.kill_loop", "--count", "150", "--syncs", "0"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "150 kills" in done.stdout
    assert " 0 updates" not in done.stdout


def test_eight_processes_lose_no_update() -> None:
    crowd(8, 25)


def as_user(uid: int, action: Callable[[], None]) -> int:
    """Run `action` in a process of that user; its exit code, 0 where it returned."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            action()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def save(number: int) -> None:
    with store.lock():
        store.save((*store.load(), record(number)))


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that every user may look into; pytest's own are closed."""
    directory = Path(tempfile.mkdtemp(prefix="ct-", dir="/tmp"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be two users")
def test_two_users_keep_their_files_apart(monkeypatch: pytest.MonkeyPatch, shared: Path) -> None:
    monkeypatch.delenv("CODEX_TMUX_STATE_DIR")
    store.parse(b"version = 1\n")  # imports the parser, as long as that can be reached
    homes = {}
    for uid in (12345, 23456):
        homes[uid] = shared / str(uid)
        homes[uid].mkdir()
        os.chown(homes[uid], uid, uid)
        monkeypatch.setenv("HOME", str(homes[uid]))
        assert as_user(uid, lambda uid=uid: save(uid)) == 0  # type: ignore[misc]
    places = {uid: home / ".local/state/codex-tmux" for uid, home in homes.items()}
    for place in places.values():
        assert place.stat().st_mode & 0o777 == 0o700
    theirs, mine = places.values()
    before = {p.name: p.read_bytes() for p in theirs.iterdir()}

    def intrude() -> None:
        for attempt in (store.peek, lambda: save(1), store.lock().__enter__):
            with pytest.raises(store.StateError):
                attempt()
        log.log("intruder")

    monkeypatch.setenv("CODEX_TMUX_STATE_DIR", str(theirs))
    assert as_user(23456, intrude) == 0
    # Nor root's by way of an environment that was kept: its files would lock the owner out.
    with pytest.raises(store.StateError):
        save(2)
    theirs.chmod(0o777)  # as open as can be: still not ours
    assert as_user(23456, intrude) == 0
    assert {p.name: p.read_bytes() for p in theirs.iterdir()} == before
    monkeypatch.setenv("CODEX_TMUX_STATE_DIR", str(mine))
    assert as_user(23456, lambda: save(3)) == 0
