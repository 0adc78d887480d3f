"""A disk that is full, read-only or somebody else's: the sessions stay with their panes, and the file with its records.

Nothing is imitated here: the kernel refuses. Root may write anywhere, so as root all runs without that capability.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from codex_tmux.state import store
from codex_tmux.state.records import DEAD, LIVE
from tests.support.world import Sandbox
from tests.tmux.respawn_routes_test import kill, start, wait_resumed

ROOT = os.geteuid() == 0
ORDINARY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"] if ROOT else []


def can_mount() -> bool:
    """Whether this process may mount: root, outside of most containers."""
    with contextlib.suppress(OSError):
        return (
            ROOT and subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]).returncode == 0
        )
    return False


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox with the stand-in, whose tmux server and all it starts have no more rights than a user has."""
    tmux = tmp_path / "tmux"
    tmux.write_text(f'#!/bin/sh\nexec {" ".join(ORDINARY)} {shutil.which("tmux")} "$@"\n')
    tmux.chmod(0o755)
    with Sandbox(tmux=str(tmux)) as made:
        try:
            yield made
        finally:
            if os.path.ismount(made.state_dir):
                subprocess.run(["umount", "-l", str(made.state_dir)], check=True)
            elif ROOT and made.state_dir.exists():
                os.chown(made.state_dir, 0, 0)


class Fault(NamedTuple):
    """How a disk is prepared, broken and mended, and what the user is told."""

    breaks: Callable[[Path], object]
    mends: Callable[[Path], object]
    says: str
    mounted: bool = False
    root: bool = False
    log_says_so: bool = False


def fill(directory: Path) -> None:
    with contextlib.suppress(OSError), open(directory / "fill", "wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass
    # The rest of the log's last page still takes a line or two.
    with contextlib.suppress(OSError), open(directory / "log", "ab", buffering=0) as file:
        file.write(b"#" * 4096 + b"\n")


def remount(directory: Path, how: str) -> None:
    def try_it() -> bool:
        # Busy while a sync under way has a file open.
        return subprocess.run(["mount", "-o", f"remount,{how}", str(directory)]).returncode == 0

    end = time.monotonic() + 20
    while not try_it():
        assert time.monotonic() < end, f"{directory} stays busy"
        time.sleep(0.02)


def put_file_in_place(directory: Path) -> None:
    directory.rename(directory.with_name("kept"))
    directory.write_text("mine")
    directory.chmod(0o644)


def take_file_away(directory: Path) -> None:
    assert directory.read_text() == "mine"
    assert directory.stat().st_mode & 0o777 == 0o644, "a file that is no directory is none of ours"
    directory.unlink()
    directory.with_name("kept").rename(directory)


FAULTS = {
    "full": Fault(
        fill, lambda d: (d / "fill").unlink(), "No space left on device; make room there", mounted=True
    ),
    "read-only": Fault(
        lambda d: remount(d, "ro"), lambda d: remount(d, "rw"), "Read-only file system", mounted=True
    ),
    "no-right": Fault(
        lambda d: d.chmod(0o500), lambda d: d.chmod(0o700), "Permission denied", log_says_so=True
    ),
    "unreadable": Fault(
        lambda d: (d / store.NAME).chmod(0),
        lambda d: (d / store.NAME).chmod(0o600),
        "cannot be read",
        log_says_so=True,
    ),
    "file": Fault(put_file_in_place, take_file_away, "it is not a directory"),
    "another-user": Fault(
        lambda d: os.chown(d, 12345, 12345), lambda d: os.chown(d, 0, 0), "belongs to user 12345", root=True
    ),
}


def sync(world: Sandbox) -> None:
    """One sync as a hook starts it, with a user's rights."""
    words = [*ORDINARY, str(world.bin / "codex-tmux"), "sync"]
    done = subprocess.run(words, env=world.inside, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def log_lines(world: Sandbox, event: str) -> list[str]:
    return [line for line in world.log_text().splitlines() if f" {event} " in line]


def statuses(world: Sandbox) -> dict[str, tuple[str, str]]:
    """What the state file says: (session, status) by pane."""
    return {r.pane: (r.session_id, r.status) for r in world.stored()}


def settled(world: Sandbox, expected: dict[str, tuple[str, str]]) -> None:
    world.wait_for(lambda: statuses(world) == expected, 20, f"the state file to say {expected}")


@pytest.mark.parametrize("name", list(FAULTS))
def test_the_panes_keep_their_sessions_and_the_file_its_records(world: Sandbox, name: str) -> None:
    fault = FAULTS[name]
    if fault.root and not ROOT:
        pytest.skip("needs root to give a directory away")
    if fault.mounted:
        if not can_mount():
            pytest.skip("needs the right to mount")
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=128k,mode=700", "none", str(world.state_dir)], check=True
        )
        (world.state_dir / "greeted").touch()
    world.start_server(load_plugin=True)
    client = world.attach()
    (one,) = start(world, "prompt 1")
    settled(world, {one.pane: (one.session, LIVE)})
    world.quiet()  # what else a sync writes comes behind the state file
    old = (world.state_dir / store.NAME).read_bytes()

    fault.breaks(world.state_dir)
    (two,) = start(world, "prompt 2")
    world.wait_for(
        lambda: fault.says in world.option("@codex_fault"),
        20,
        f"{fault.says!r} in {world.option('@codex_fault')!r}",
    )
    kill(world, one)
    world.wait_format(one.pane, "#{@codex_asleep}#{pane_dead}", "11")
    world.respawn(one.pane)
    wait_resumed(world, one)
    for _ in range(3):
        sync(world)
    for it in (one, two):
        assert world.format(it.pane, "#{@codex_session} #{@codex_evidence}") == f"{it.session} title"
    assert world.option("@codex_status") == "2 running"
    # tmux goes on as ever: no view mode, and what the user types arrives.
    world.no_view_mode()
    client.send(b"echo he''re\r")
    world.wait_text("main:0", "here")

    fault.mends(world.state_dir)
    assert (world.state_dir / store.NAME).read_bytes() == old
    sync(world)
    world.wait_for(lambda: b"sessions are saved again" in client.output, 20, "who was warned to be told")
    settled(world, {it.pane: (it.session, LIVE) for it in (one, two)})
    assert world.option("@codex_fault") == ""
    unusable, usable = log_lines(world, "state.unusable"), log_lines(world, "state.usable_again")
    assert len(unusable) <= 1, "said once, not by every sync"
    assert len(unusable) == 1 or not fault.log_says_so
    assert len(usable) == 1
    assert fault.says in usable[0]
    assert not log_lines(world, "sync.crashed")
    assert {p.name for p in world.state_dir.glob("*.new")} | {
        p.name for p in world.state_dir.glob(".*")
    } == set()
    assert len(world.model.requests) == 2, "no prompt was sent again"


def state_check(world: Sandbox) -> dict[str, str]:
    said = json.loads(world.helper_result("doctor", "--json").stdout)
    return next(check for check in said["checks"] if check["name"] == "state")


def test_doctor_tells_a_read_only_disk_from_a_missing_right_and_a_log_that_is_not_written(
    world: Sandbox,
) -> None:
    if not can_mount():
        pytest.skip("needs the right to mount")
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k,mode=700", "none", str(world.state_dir)], check=True
    )
    world.start_server(load_plugin=True)
    (one,) = start(world, "prompt")
    settled(world, {one.pane: (one.session, LIVE)})
    world.quiet()
    remount(world.state_dir, "ro")
    check = state_check(world)
    assert "is on a file system that is mounted read-only" in check["detail"]
    assert check["fix"] == f"sudo mount -o remount,rw {world.state_dir}"
    remount(world.state_dir, "rw")
    assert state_check(world)["status"] == "ok"
    fill(world.state_dir)
    check = state_check(world)
    assert check["status"] == "warning"
    assert "nothing is logged" in check["detail"]
    assert check["fix"] == f"df -h {world.state_dir}"


def test_no_revival_can_be_counted_so_there_is_none(world: Sandbox) -> None:
    """Three times a minute is the limit; a disk that forgets the count must not lift it."""
    world.start_server(load_plugin=True, config="set -g @codex-on-death respawn")
    (one,) = start(world, "prompt")
    settled(world, {one.pane: (one.session, LIVE)})
    world.quiet()
    world.state_dir.chmod(0o500)
    kill(world, one)
    world.wait_format(one.pane, "#{@codex_asleep}#{pane_dead}", "11")
    world.state_dir.chmod(0o700)
    sync(world)
    assert statuses(world) == {one.pane: (one.session, DEAD)}


def test_a_directory_that_vanishes_is_made_again_whole(world: Sandbox) -> None:
    world.start_server(load_plugin=True)
    started = start(world, "prompt 1", "prompt 2")
    settled(world, {it.pane: (it.session, LIVE) for it in started})
    world.quiet()
    shutil.rmtree(world.state_dir)
    sync(world)
    settled(world, {it.pane: (it.session, LIVE) for it in started})
    assert world.state_dir.stat().st_mode & 0o777 == 0o700


def test_a_broken_file_on_a_disk_that_takes_no_other(world: Sandbox) -> None:
    """It cannot be set aside: the last good one is used, and the broken one stays for the day it can."""
    world.start_server(load_plugin=True)
    started = start(world, "prompt 1", "prompt 2")
    settled(world, {it.pane: (it.session, LIVE) for it in started})
    world.quiet()
    path = world.state_dir / store.NAME
    path.write_bytes(b"version = 1\n[[panes")
    world.state_dir.chmod(0o500)
    sync(world)
    assert world.option("@codex_fault")
    assert path.read_bytes() == b"version = 1\n[[panes"
    world.state_dir.chmod(0o700)
    sync(world)
    settled(world, {it.pane: (it.session, LIVE) for it in started})
    (aside,) = world.state_dir.glob("*.broken-*")
    assert aside.read_bytes() == b"version = 1\n[[panes"


def test_what_a_user_is_told(world: Sandbox) -> None:
    """Once, in the status line of whoever is attached, and in `doctor` for as long as it lasts."""
    world.start_server(load_plugin=True, width=200)
    world.attach(width=200)
    world.tmux("set-option", "-g", "message-limit", "1000")
    world.state_dir.chmod(0o500)
    start(world, "prompt 1")
    world.wait_for(lambda: world.option("@codex_fault"), 20, "the fault")
    sync(world)
    sync(world)
    said = [
        line for line in world.tmux("show-messages").splitlines() if "message: codex-tmux: sessions" in line
    ]
    assert len(said) == 1, said
    assert "sessions are not saved" in said[0]
    assert "Permission denied" in said[0]
    words = [*ORDINARY, sys.executable, "-m", "codex_tmux", "list", "--json"]
    listed = subprocess.run(words, env=world.inside, capture_output=True, text=True)
    assert len(json.loads(listed.stdout)["panes"]) == 1, listed.stderr
