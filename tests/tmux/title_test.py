"""Whose title is it: two Codexes in one shell, a change of session and a death, what comes after a death."""

import contextlib
from collections.abc import Iterator

import pytest

from codex_tmux.tmux.server import Server
from codex_tmux.tracking.sync import server_lock
from tests.support.world import Sandbox

OTHER = "01a00000-0000-7000-8000-000000000000"


@contextlib.contextmanager
def held(world: Sandbox) -> Iterator[None]:
    """No sync can look meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CODEX_TMUX_STATE_DIR", str(world.state_dir))
        with server_lock(Server(str(world.socket))):
            yield


def in_front(world: Sandbox, pane: str, command: str) -> None:
    world.wait_format(pane, "#{pane_current_command}", command)


def test_after_fg_the_other_conversation_is_never_said_to_be_exact(world: Sandbox) -> None:
    """The second Codex is killed before a sync has seen it."""
    pane = world.shell()
    world.enter(pane, "codex -m a")
    first = world.ask(pane, "first").session_id
    world.wait_for(lambda: world.bound(pane) == first, 20, "the first session")
    world.tmux("send-keys", "-t", pane, "C-z")
    in_front(world, pane, "bash")
    world.quiet()
    with held(world):
        world.enter(pane, "codex -m b")
        # The composer of the first one still stands above.
        world.wait_for(lambda: "›" in world.capture(pane).rpartition("codex -m b")[2], 20, "its composer")
        world.ask(pane, "second")
        kill_front(world, pane)
    world.quiet()
    world.helper("sync")
    world.enter(pane, "fg %1")
    world.wait_for(lambda: world.format(pane, "#{pane_current_command}") != "bash", 20, "the first in front")
    for _ in range(2):
        found = world.rows()[pane]
        assert (found["session_id"], found["exact"]) in ((first, True), (first, False), (None, False))
    world.enter(pane, "third")
    last = world.wait_for(lambda: [r for r in world.model.requests if r.last == "third"], 20, "the message")
    assert last[0].messages == ("first", "third")


def kill_front(world: Sandbox, pane: str) -> None:
    """Kill the Codex in front of the pane, and wait for the shell."""
    world.kill(pane)
    in_front(world, pane, "bash")


@pytest.mark.parametrize("where", ["shell", pytest.param("real", marks=pytest.mark.codex)])
def test_the_session_that_a_codex_had_just_changed_to_is_what_died(world: Sandbox, where: str) -> None:
    shell = where == "shell"
    pane = world.shell() if shell else world.new_pane()
    if shell:
        world.enter(pane, "codex -m a")
    world.ask(pane, "first")
    first = world.bound(pane)
    world.quiet()
    # No sync sees the new title while Codex lives.
    with held(world):
        world.type(pane, "/new")
        world.wait_for(lambda: first[:29] not in world.format(pane, "#{pane_title}"), 20, "another title")
        second = world.ask(pane, "second").session_id
        world.kill(pane)
        if shell:
            in_front(world, pane, "bash")
    world.helper("sync")
    world.wait_state(pane, "dead")
    assert world.rows()[pane]["session_id"] == second
    world.quiet()
    world.helper("respawn", "-t", pane)
    assert world.ask(pane, "third").messages == ("second", "third")


WRITTEN = (
    f"printf 'run: codex resume {OTHER}\\n\\033]2;u@h\\007'",
    "printf '\\033]2;\\007'",
    "printf '\\033]2;u@h\\007run: codex resume %s\\n' $SESSION",
)
"""Another id, before anybody has noticed the death; no title, and its own id: unnoticed, these two are a quit."""


def test_what_was_killed_stays_dead_whatever_is_written_there(world: Sandbox) -> None:
    pane = world.shell()
    world.enter(pane, "codex -m a")
    session, said = world.ask(pane, "first").session_id, ["first"]
    for number, written in enumerate(WRITTEN):
        world.wait_format(pane, "#{@codex_session}", session)
        world.wait_format(pane, "#{@codex_state}", "live")
        world.quiet()
        kill_front(world, pane)
        if number:
            world.helper("sync")
            world.wait_state(pane, "dead")
        world.enter(pane, written.replace("$SESSION", session))
        world.wait_for(lambda: session[:29] not in world.format(pane, "#{pane_title}"), 20, "another title")
        world.quiet()
        world.helper("sync")
        assert world.rows()[pane]["status"] == "dead"
        assert world.format(pane, "#{@codex_session}") == session
        world.helper("respawn", "-t", pane)
        said.append(f"more {len(said)}")
        assert world.ask(pane, said[-1]).messages == tuple(said)
