"""The Codex that comes back is the one that ran: its directory, and what it needs to start."""

import json
import os
import shlex
import signal
import sys

from codex_tmux.codex.store import Store
from tests.support.world import Sandbox
from tests.tmux.wrappers_test import OLD_PROMPT, begun, check_back, codex_pid, line_of


def kill(world: Sandbox, pane: str) -> None:
    """Kill the Codex of a pane whose command it is, and wait until the pane is dead."""
    os.kill(codex_pid(world, pane), signal.SIGKILL)
    world.wait_dead(pane)


def test_the_directory_of_the_last_turn(world: Sandbox) -> None:
    tree = world.make_dir("a tree")
    pane = world.new_pane("codex", "-m", "x", OLD_PROMPT)
    session = begun(world, pane)
    rollout = Store(str(world.codex_home)).rollout(session)
    assert rollout is not None
    with open(rollout, "a") as file:
        file.write(json.dumps({"type": "turn_context", "payload": {"cwd": str(tree)}}) + "\n")
    kill(world, pane)
    world.respawn(pane)
    check_back(world, pane, session, ("-m", "x", "-C", str(tree)))
    # It says so itself by then; nothing is added a second time.
    kill(world, pane)
    world.respawn(pane)
    world.wait_for(lambda: session in line_of(world, pane), 20, "the session")
    assert line_of(world, pane).count("-C") == 1


def test_node_on_the_path_of_the_shell_alone(world: Sandbox) -> None:
    """nvm's layout: `codex` is a script for the `node` beside it, and no other program may run it."""
    nvm = world.root / "nvm/bin"
    nvm.mkdir(parents=True)
    (nvm / "node").symlink_to(os.path.realpath(sys.executable))
    script = (world.bin / "codex").read_text().partition("\n")[2]
    (nvm / "codex").write_text(f"#!/usr/bin/env -S node -I\n{script}")
    (nvm / "codex").chmod(0o700)
    pane = world.new_pane(f"PATH={shlex.quote(str(nvm))}:$PATH exec codex {shlex.quote(OLD_PROMPT)}")
    session = begun(world, pane)
    kill(world, pane)
    world.respawn(pane)
    check_back(world, pane, session, ())
    assert str(nvm / "codex") in line_of(world, pane)
