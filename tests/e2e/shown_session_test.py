"""With the real Codex: forks, sub-agents, deleted and renamed sessions, directories that are gone."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress

import pytest

from codex_tmux.selftest.world import WorldError
from tests.e2e.conftest import attached
from tests.support.world import Sandbox

pytestmark = pytest.mark.codex


@pytest.fixture
def world(request: pytest.FixtureRequest, codex_binary: str) -> Iterator[Sandbox]:
    """A private tmux server with the plugin and the real Codex, as `setup` makes it, or as it is without."""
    with attached(codex_binary, title=getattr(request, "param", True)) as made:
        yield made


def wait_session(world: Sandbox, pane: str, session: str) -> None:
    """Wait until the pane is known to show this session."""
    world.wait_for(
        lambda: world.pane_option(pane, "@codex_session") == session, 20, f"{pane} to have {session}"
    )


def wait_for_text(world: Sandbox, pane: str, text: str) -> None:
    """Wait until the pane shows this."""
    world.wait_text(pane, text)


def codex(world: Sandbox, *args: str) -> None:
    """Run a command of Codex beside the panes."""
    assert world.codex
    subprocess.run(
        [world.codex, *args], env=world.env, cwd=world.work, stdin=subprocess.DEVNULL, check=True, timeout=60
    )


@pytest.mark.parametrize("world", [True, False], ids=["titled", "untitled"], indirect=True)
def test_forks_and_sub_agents(world: Sandbox) -> None:
    pane = world.new_pane()
    parent = world.ask(pane, "one").session_id
    wait_session(world, pane, parent)
    world.type(pane, "/fork")
    wait_for_text(world, pane, "Fork created")
    fork = world.ask(pane, "two").session_id
    assert fork != parent
    wait_session(world, pane, fork)
    # A sub-agent is open beside it, in the same directory, younger, and with a lock of its own.
    world.type(pane, "please SPAWN count")
    wait_for_text(world, pane, "Spawned")
    world.helper("sync")
    assert world.pane_option(pane, "@codex_session") == fork
    world.kill_codex(pane)
    assert world.pane_option(pane, "@codex_session") == fork
    world.respawn(pane)
    assert world.ask(pane, "three").messages[:2] == ("one", "two")
    # Forked from outside, into a pane of its own.
    other = world.new_pane(f"codex fork {parent}")
    second = world.ask(other, "other").session_id
    assert second not in (parent, fork)
    wait_session(world, other, second)
    world.crash(other)
    assert world.ask(other, "again").messages == ("one", "other", "again")


@pytest.mark.parametrize("world", [False], ids=["untitled"], indirect=True)
def test_renamed_resumes_and_deleted_says_why_not(world: Sandbox) -> None:
    world.ask(world.new_pane(), "keeps the background server")
    pane = world.new_pane("codex -m mock-model-2")
    session = world.ask(pane, "first").session_id
    wait_session(world, pane, session)
    world.type(pane, "/rename My name")
    world.crash(pane)
    assert world.ask(pane, "second").messages == ("first", "second")
    wait_session(world, pane, session)
    codex(world, "delete", "--force", session)
    world.crash(pane)
    world.wait_text(pane, "start a new session")
    world.tmux("send-keys", "-t", pane, "Enter")
    request = world.ask(pane, "anew")
    assert (len(request.messages), request.body["model"]) == (1, "mock-model-2")
    assert "Codex no longer has session" in world.log_text()
    wait_session(world, pane, request.session_id)


def test_a_directory_that_is_gone(world: Sandbox) -> None:
    tree, given = world.make_dir("tree"), world.make_dir("given")
    panes = [world.new_pane(cwd=tree), world.new_pane("codex", "--cd", str(given))]
    for pane in panes:
        wait_session(world, pane, world.ask(pane, f"first of {pane}").session_id)
        world.kill_codex(pane)
    shutil.rmtree(tree)
    shutil.rmtree(given)
    reasons = (f"{str(tree)!r} cannot be entered", f"{str(given)!r} is gone")
    for pane, reason in zip(panes, reasons, strict=True):
        world.respawn(pane)
        wait_for_text(world, pane, "Use session directory")
        assert reason in world.log_text()
        while "Use session directory" in world.capture(pane):  # keys are swallowed while Codex wakes up
            world.tmux("send-keys", "-t", pane, "Enter")
            with suppress(WorldError):
                world.wait_for(lambda p=pane: "Use session directory" not in world.capture(p), 1, "it")  # type: ignore[misc]
        assert world.ask(pane, "second").messages == (f"first of {pane}", "second")
    assert world.bound(panes[0]) != world.bound(panes[1])
