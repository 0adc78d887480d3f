"""A disk that is full or refuses: the sessions stay with their panes, and the file with its records.

Nothing is imitated here: the kernel refuses. Root may write anywhere, so as root all runs without that capability.
`store_test.py` and `durability_test.py` have every kind of file and every call that fails.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codex_tmux.state import store
from codex_tmux.state.records import CLOSED, DEAD, LIVE
from tests.support.world import Sandbox
from tests.tmux.respawn_routes_test import kill, start, wait_resumed

ROOT = os.geteuid() == 0
ORDINARY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"] if ROOT else []


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


def mount(directory: Path) -> None:
    """A disk of 128 KB in the place of the state directory."""
    words = ["mount", "-t", "tmpfs", "-o", "size=128k,mode=700", "none", str(directory)]
    if not ROOT or subprocess.run(words, capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    (directory / "greeted").touch()


def fill(directory: Path) -> None:
    with contextlib.suppress(OSError), open(directory / "fill", "wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass
    # The rest of the log's last page still takes a line or two.
    with contextlib.suppress(OSError), open(directory / "log", "ab", buffering=0) as file:
        file.write(b"#" * 4096 + b"\n")


def empty(directory: Path) -> None:
    (directory / "fill").unlink()


def close(directory: Path) -> None:
    directory.chmod(0o500)


def reopen(directory: Path) -> None:
    directory.chmod(0o700)


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


@pytest.mark.parametrize(
    ("breaks", "mends", "says"),
    [(fill, empty, "No space left on device; make room there"), (close, reopen, "Permission denied")],
    ids=["full", "no right"],
)
def test_the_panes_keep_their_sessions_and_the_file_its_records(
    world: Sandbox, breaks: Callable[[Path], None], mends: Callable[[Path], None], says: str
) -> None:
    if breaks is fill:
        mount(world.state_dir)
    world.start_server(load_plugin=True, width=200)
    client = world.attach(width=200)
    world.tmux("set-option", "-g", "message-limit", "1000")
    (one,) = start(world, "prompt 1")
    settled(world, {one.pane: (one.session, LIVE)})
    world.quiet()  # what else a sync writes comes behind the state file
    old = (world.state_dir / store.NAME).read_bytes()

    breaks(world.state_dir)
    (two,) = start(world, "prompt 2")
    world.wait_for(lambda: says in world.option("@codex_fault"), 20, f"{says!r} to be said")
    kill(world, one)
    world.wait_asleep(one.pane)
    world.respawn(one.pane)
    wait_resumed(world, one)
    for _ in range(3):
        sync(world)
    for it in (one, two):
        assert world.format(it.pane, "#{@codex_session} #{@codex_evidence}") == f"{it.session} title"
    # tmux goes on as ever: no view mode, and what the user types arrives.
    world.no_view_mode()
    client.send(b"echo he''re\r")
    world.wait_text("main:0", "here")
    said = [x for x in world.tmux("show-messages").splitlines() if "message: codex-tmux: sessions" in x]
    assert len(said) == 1, "said once, not by every sync"
    assert "sessions are not saved" in said[0]
    assert says in said[0]

    mends(world.state_dir)
    assert (world.state_dir / store.NAME).read_bytes() == old
    sync(world)
    world.wait_for(lambda: b"sessions are saved again" in client.output, 20, "who was warned to be told")
    settled(world, {it.pane: (it.session, LIVE) for it in (one, two)})
    assert world.option("@codex_fault") == ""
    assert len(log_lines(world, "state.unusable")) <= 1
    (usable,) = log_lines(world, "state.usable_again")
    assert says in usable
    assert not log_lines(world, "sync.crashed")
    assert not [*world.state_dir.glob("*.new"), *world.state_dir.glob(".*")]
    assert len(world.model.requests) == 2, "no prompt was sent again"


def test_no_revival_can_be_counted_so_there_is_none(world: Sandbox) -> None:
    """Three times a minute is the limit; a disk that forgets the count must not lift it."""
    world.start_server(load_plugin=True, config="set -g @codex-on-death respawn")
    (one,) = start(world, "prompt")
    settled(world, {one.pane: (one.session, LIVE)})
    world.quiet()
    close(world.state_dir)
    kill(world, one)
    world.wait_asleep(one.pane)
    reopen(world.state_dir)
    sync(world)
    assert statuses(world) == {one.pane: (one.session, DEAD)}


def test_what_was_closed_meanwhile_counts_as_closed(world: Sandbox) -> None:
    world.start_server(load_plugin=True)
    (one,) = start(world, "prompt")
    settled(world, {one.pane: (one.session, LIVE)})
    world.quiet()
    close(world.state_dir)
    world.tmux("kill-pane", "-t", one.pane)
    world.wait_for(lambda: world.option("@codex_fault"), 20, "a sync that cannot save")
    world.quiet()
    reopen(world.state_dir)
    sync(world)
    assert statuses(world) == {one.pane: (one.session, CLOSED)}


def test_what_cannot_be_read_or_is_gone_is_made_again_by_the_next_sync(world: Sandbox) -> None:
    world.start_server(load_plugin=True)
    started = start(world, "prompt 1", "prompt 2")
    whole = {it.pane: (it.session, LIVE) for it in started}
    settled(world, whole)
    world.quiet()
    shutil.rmtree(world.state_dir)
    sync(world)
    settled(world, whole)
    assert world.state_dir.stat().st_mode & 0o777 == 0o700
    # One that is broken, on a disk that takes no other: it stays for the day when it can be set aside.
    path = world.state_dir / store.NAME
    sync(world)
    path.write_bytes(b"version = 1\n[[panes")
    close(world.state_dir)
    sync(world)
    assert world.option("@codex_fault")
    assert path.read_bytes() == b"version = 1\n[[panes"
    reopen(world.state_dir)
    sync(world)
    settled(world, whole)
    (aside,) = world.state_dir.glob("*.broken-*")
    assert aside.read_bytes() == b"version = 1\n[[panes"
