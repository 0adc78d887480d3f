"""An upgrade in a running tmux server, with the real Codex: plugin and package replaced in place."""

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.support.world import Sandbox

pytestmark = pytest.mark.codex

REPOSITORY = Path(__file__).parents[2]
FORMER = "6420f6ab10"
"""The first version that was ready for use: other hooks, options, stored commands and modules."""


def put(archive: bytes, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(place)


def archived(commit: str) -> bytes:
    command = ["git", "-C", str(REPOSITORY), "archive", commit, "codex.tmux", "plugin", "codex_tmux"]
    done = subprocess.run(command, capture_output=True)
    if done.returncode:
        pytest.skip(f"this checkout has no history: {done.stderr.decode().strip()}")
    return done.stdout


def load(world: Sandbox, place: Path) -> None:
    world.tmux("run-shell", f"sh '{place}/codex.tmux'")
    world.quiet()


@pytest.mark.parametrize("reloaded", [True, False])
def test_nothing_is_lost_and_everything_comes_back(sandbox: Sandbox, reloaded: bool) -> None:
    world, former = sandbox, archived(FORMER)
    place = world.root / "plugin"
    put(former, place)
    helper = world.bin / "codex-tmux"
    helper.write_text(helper.read_text().replace(repr(str(REPOSITORY)), repr(str(place))))
    world.start_server()
    load(world, place)
    names = ("running", "asleep", "closed")
    panes = {name: world.new_pane() for name in names}
    for name, pane in panes.items():
        world.ask(pane, f"{name} one")
    sessions = {name: world.bound(pane) for name, pane in panes.items()}
    world.kill_codex(panes["asleep"])
    world.tmux("kill-pane", "-t", panes["closed"])
    world.wait_for(
        lambda: world.records()[sessions["closed"]]["status"] == "closed", 20, "the record of the closed pane"
    )

    shutil.rmtree(place)
    shutil.copytree(REPOSITORY / "codex_tmux", place / "codex_tmux")
    shutil.copytree(REPOSITORY / "plugin", place / "plugin")
    shutil.copy2(REPOSITORY / "codex.tmux", place)
    if reloaded:
        load(world, place)
    world.kill_codex(panes["running"])
    assert world.helper("undo").startswith("1 session restored")
    rows = {row["session_id"]: row for row in world.listed()}
    panes["closed"] = rows[sessions["closed"]]["pane"]
    for name in ("running", "asleep"):
        world.tmux("respawn-pane", "-t", panes[name])
    for name, pane in panes.items():
        request = world.ask(pane, f"{name} two")
        assert (request.messages, request.session_id) == ((f"{name} one", f"{name} two"), sessions[name])

    world.quiet()
    os.kill(int(world.tmux("display-message", "-p", "#{pid}")), 9)
    world.wait_for(lambda: not world.running, 20, "the server to end")
    world.start_server()
    load(world, place)
    world.helper("restore")
    for row in world.listed():
        world.tmux("respawn-pane", "-t", row["pane"])
        name = {session: name for name, session in sessions.items()}[row["session_id"]]
        request = world.ask(row["pane"], f"{name} three")
        assert request.messages == tuple(f"{name} {n}" for n in ("one", "two", "three"))
        del sessions[name]
    assert not sessions
