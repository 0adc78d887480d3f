"""With the real Codex: a fork beside its parent, killed at any moment; a closed window brought back."""

import subprocess

import psutil
import pytest

from tests.support.world import Sandbox
from tests.tmux.fork_undo_test import new_pane

pytestmark = pytest.mark.codex


def forked(world: Sandbox, pane: str, *how: str) -> str:
    """The pane of a fork of that pane's conversation."""
    before = world.pane_ids()
    world.helper("fork", "-t", pane, *how)
    return new_pane(world, before)


def kill_all(world: Sandbox, pane: str) -> None:
    """Kill what runs in a pane, the program that starts Codex with it."""
    root = psutil.Process(int(world.format(pane, "#{pane_pid}")))
    for process in (root, *root.children(recursive=True)):
        process.kill()
    world.wait_asleep(pane)


@pytest.mark.parametrize("when", ["before it is up", "before a message", "later"])
def test_a_fork_that_is_killed_comes_back_as_itself(world: Sandbox, when: str) -> None:
    pane, parent = world.talk("one", "codex", "--add-dir", "/tmp")
    other = forked(world, pane)
    fork = "" if when == "before it is up" else world.bound(other)
    if when == "later":
        assert world.ask(other, "two").session_id == fork
    if when == "before it is up":
        root = psutil.Process(int(world.format(other, "#{pane_pid}")))
        world.wait_for(lambda: "fork" in root.cmdline(), 20, "Codex to be started")
    kill_all(world, other)
    world.respawn(other)
    request = world.ask(other, "three")
    assert request.messages == (("one", "two", "three") if when == "later" else ("one", "three"))
    assert world.bound(other) == request.session_id
    assert request.session_id == fork if fork else request.session_id != parent
    assert world.ask(pane, "four").messages == ("one", "four")
    assert world.bound(pane) == parent


def test_a_fork_in_a_worktree_comes_back_there(world: Sandbox) -> None:
    repository = world.make_dir("repository")
    git = ("git", "-c", "user.email=a@b", "-c", "user.name=n")
    for words in (("init", "-q"), ("commit", "-q", "--allow-empty", "-m", "m")):
        subprocess.run([*git, *words], cwd=repository, env=world.env, check=True)
    pane, _ = world.talk("one", "codex", cwd=repository)
    other = forked(world, pane, "--worktree", "-w")
    world.bound(other)
    (tree,) = (world.codex_home / "worktrees").glob("*/repository")
    for said in ("two", "three"):
        assert world.ask(other, said).messages[-1] == said
        world.wait_text(other, tree.parent.name)
        kill_all(world, other)
        world.respawn(other)
    assert world.ask(other, "four").messages == ("one", "two", "three", "four")
    assert len(list((world.codex_home / "worktrees").glob("*/*"))) == 1
