"""Whose title is it: two Codexes in one shell, a change of session and a death, what comes after a death."""

import contextlib
from collections.abc import Iterator

import pytest

from codex_tmux.codex.store import Store
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


def typed(world: Sandbox, pane: str, line: str) -> None:
    world.enter(pane, line)


@pytest.mark.parametrize("seen", [True, False], ids=["seen", "unseen"])
def test_after_fg_the_other_conversation_is_never_said_to_be_exact(world: Sandbox, seen: bool) -> None:
    """`seen`: a sync has seen the second Codex before it was killed."""
    pane = world.shell()
    typed(world, pane, "codex -m a")
    first = world.ask(pane, "first").session_id
    world.wait_for(lambda: world.bound(pane) == first, 20, "the first session")
    world.tmux("send-keys", "-t", pane, "C-z")
    in_front(world, pane, "bash")
    world.quiet()
    with held(world):
        typed(world, pane, "codex -m b")
        # The composer of the first one still stands above.
        world.wait_for(lambda: "›" in world.capture(pane).rpartition("codex -m b")[2], 20, "its composer")
        second = world.ask(pane, "second").session_id
        if not seen:
            kill_front(world, pane)
    if seen:
        world.wait_for(lambda: world.bound(pane) == second, 20, "the second session")
        kill_front(world, pane)
    world.quiet()
    world.helper("sync")
    typed(world, pane, "fg %1")
    world.wait_for(lambda: world.format(pane, "#{pane_current_command}") != "bash", 20, "the first in front")
    for _ in range(2):
        found = world.rows()[pane]
        assert (found["session_id"], found["exact"]) in ((first, True), (first, False), (None, False))
    typed(world, pane, "third")
    last = world.wait_for(lambda: [r for r in world.model.requests if r.last == "third"], 20, "the message")
    assert last[0].messages == ("first", "third")


def kill_front(world: Sandbox, pane: str) -> None:
    """Kill the Codex in front of the pane, and wait for the shell."""
    world.kill(pane)
    in_front(world, pane, "bash")


@pytest.mark.parametrize("where", ["root", "shell", pytest.param("real", marks=pytest.mark.codex)])
def test_the_session_that_a_codex_had_just_changed_to_is_what_died(world: Sandbox, where: str) -> None:
    shell = where == "shell"
    pane = world.shell() if shell else world.new_pane()
    if shell:
        typed(world, pane, "codex -m a")
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
"""Another id, no title, and its own id: the last two, where nobody has noticed the death, are a quit to anybody."""


@pytest.mark.parametrize("noticed", [True, False], ids=["dead", "unnoticed"])
def test_what_was_killed_stays_dead_whatever_is_written_there(world: Sandbox, noticed: bool) -> None:
    pane = world.shell()
    typed(world, pane, "codex -m a")
    session, said = world.ask(pane, "first").session_id, ["first"]
    for written in WRITTEN if noticed else WRITTEN[:1]:
        world.wait_format(pane, "#{@codex_session}", session)
        world.wait_format(pane, "#{@codex_state}", "live")
        world.quiet()
        kill_front(world, pane)
        if noticed:
            world.helper("sync")
            world.wait_state(pane, "dead")
        typed(world, pane, written.replace("$SESSION", session))
        world.wait_for(lambda: session[:29] not in world.format(pane, "#{pane_title}"), 20, "another title")
        world.quiet()
        world.helper("sync")
        assert world.rows()[pane]["status"] == "dead"
        assert world.format(pane, "#{@codex_session}") == session
        world.helper("respawn", "-t", pane)
        said.append(f"more {len(said)}")
        assert world.ask(pane, said[-1]).messages == tuple(said)


def test_a_title_that_names_what_nobody_has_open_is_not_believed() -> None:
    with Sandbox(daemon=True) as world:
        world.env["CODEX_STANDIN_LINGER"] = "0"
        world.start_server(load_plugin=True)
        ended, session = world.talk("over")
        living, own = world.talk("goes on")
        world.type(ended, "/quit")
        world.wait_for(
            lambda: Store(str(world.codex_home)).lock_holder(session) is None, 30, "the session to be closed"
        )
        world.quiet()
        pane = world.new_pane(f"printf '\\033]2;x | {session}\\007' >/dev/tty; exec codex")
        third = world.ask(pane, "third").session_id
        world.wait_for(lambda: world.bound(pane) == third, 20, "its session")
        for shown in (pane, living):
            tty = world.format(shown, "#{pane_tty}")
            with open(tty, "w") as terminal:
                terminal.write(f"\033]2;x | {session}\007")
            world.wait_for(lambda p=shown: session in world.format(p, "#{pane_title}"), 20, "the title")  # type: ignore[misc]
        world.quiet()
        world.helper("sync")
        assert [world.bound(p) for p in (pane, living)] == [third, own]
