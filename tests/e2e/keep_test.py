"""The main job with the real Codex: a pane is killed, respawned, and its conversation goes on.

What the stand-in does alike, as contract_test.py shows, is tested with the stand-in alone, in tests/tmux.
"""

import os
import signal

import psutil
import pytest

from codex_tmux.codex.store import Store
from tests.support.world import Sandbox

pytestmark = pytest.mark.codex

OLD_PROMPT = "the old prompt"


def statuses(world: Sandbox) -> dict[str, str]:
    """The status of every session that is known."""
    return {r["session_id"]: r["status"] for r in world.listed("--all")}


def first_message(world: Sandbox, session_id: str) -> str:
    """The first message of a session as Codex's own store has it."""
    session = Store(str(world.codex_home)).find(session_id)
    assert session is not None
    return session.first_message


def wait_logged(world: Sandbox, text: str) -> None:
    """Wait for a line of the log."""
    world.wait_for(lambda: text in world.log_text(), 20, f"{text!r} in the log")


def kill_codex(world: Sandbox, pane: str, how: str) -> None:
    """End the Codex of a pane: its own binary by a signal, or npm's wrapper around it."""
    if how == "wrapper":
        os.kill(int(world.format(pane, "#{pane_pid}")), signal.SIGKILL)
    else:
        os.kill(world.codex_pid(pane), getattr(signal, how))


@pytest.mark.xdist_group("eight")
def test_eight_panes_of_one_directory_started_together_are_told_apart(world: Sandbox) -> None:
    panes = [world.new_pane() for _ in range(8)]
    for number, pane in enumerate(panes):
        world.ask(pane, f"message of pane {number}")
    listed = world.rows()
    for number, pane in enumerate(panes):
        row = listed[pane]
        assert (row["exact"], row["evidence"], row["status"]) == (True, "title", "live")
        assert first_message(world, row["session_id"]) == f"message of pane {number}"
    assert len({listed[p]["session_id"] for p in panes}) == 8
    world.no_view_mode()


def test_a_killed_codex_comes_back_by_a_plain_respawn(world: Sandbox) -> None:
    panes = {how: world.new_pane("codex", f"{how} prompt") for how in ("SIGKILL", "wrapper", "SIGHUP")}
    for how, pane in panes.items():
        world.wait_text(pane, "turn 1 |", 40)
        world.ask(pane, f"{how} second")
    world.quiet()
    for how, pane in panes.items():
        world.wait_text(pane, f"{how} second")  # not while Codex draws its screen anew
        kill_codex(world, pane, how)
    turns = len(world.model.requests)
    for how, pane in panes.items():
        world.wait_asleep(pane)
        assert f"{how} second" in world.capture(pane), "the last screen stays"
        world.wait_text(pane, "R brings it back")
        assert "Pane is dead" not in world.capture(pane)
        world.respawn(pane)
    for how, pane in panes.items():
        assert world.ask(pane, f"{how} third").messages == tuple(
            f"{how} {n}" for n in ("prompt", "second", "third")
        )
        names = set(psutil.Process(world.codex_pid(pane)).environ())
        assert not {n for n in names if n.startswith("CODEX_TMUX_LAY")}, "nothing of ours in its environment"
    assert [r.last for r in world.model.requests[turns:]] == [f"{how} third" for how in panes], (
        "sent by itself"
    )
    world.no_view_mode()


def test_new_and_resume_inside_codex_are_followed(world: Sandbox) -> None:
    pane, first = world.talk("first of the first")
    world.type(pane, "/new")
    world.wait_for(
        lambda: world.pane_option(pane, "@codex_session") not in ("", first), 20, "the new session"
    )
    world.ask(pane, "first of the second")
    second = world.bound(pane)
    assert second != first
    world.crash(pane)
    assert world.ask(pane, "more").messages == ("first of the second", "more")
    world.type(pane, "/resume")
    world.wait_text(pane, "Resume a previous session")
    # The list is loaded behind the screen: newest first, so the other session is the second one.
    world.wait_text(pane, "s ago")
    world.tmux("send-keys", "-t", pane, "Down")
    world.tmux("send-keys", "-t", pane, "Enter")
    world.wait_for(lambda: world.pane_option(pane, "@codex_session") == first, 20, "the first session again")
    world.crash(pane)
    assert world.ask(pane, "and more").messages == ("first of the first", "and more")
    assert statuses(world) == {first: "live", second: "ended"}


def test_a_quit_closes_the_pane_as_without_the_plugin(world: Sandbox) -> None:
    typed, pressed = world.talk("one"), world.talk("two")
    world.type(typed[0], "/quit")
    world.wait_text(pressed[0], "Worked for")
    world.tmux("send-keys", "-t", pressed[0], "C-c")
    for pane, session in (typed, pressed):
        world.wait_gone(pane)
        wait_logged(world, f"record.ended session={session}")
        assert statuses(world)[session] == "ended"
    world.no_view_mode()


def test_codex_in_a_shell_quit_and_killed(world: Sandbox) -> None:
    pane = world.shell()
    shell = world.format(pane, "#{pane_pid}")
    world.enter(pane, "codex -m mock-model-2")
    world.ask(pane, "first")
    session = world.bound(pane)
    assert world.pane_option(pane, "remain-on-exit") == "", "never for a shell"
    world.type(pane, "/quit")
    world.wait_for(lambda: world.pane_option(pane, "@codex_pane") == "", 20, "the pane to be a shell again")
    assert world.rows("--all")[pane]["status"] == "ended"
    assert world.format(pane, "#{pane_pid}") == shell
    # The key brings it back into the same shell.
    world.helper("respawn", "-t", pane)
    assert world.ask(pane, "second").messages == ("first", "second")
    assert world.model.requests[-1].body["model"] == "mock-model-2"
    assert world.format(pane, "#{pane_pid}") == shell
    world.kill(pane)
    world.wait_format(pane, "#{pane_current_command}", "bash")
    assert world.rows()[pane]["status"] == "dead"
    world.helper("respawn", "-t", pane)
    assert world.ask(pane, "third").messages == ("first", "second", "third")
    # A respawn ends the shell, as without the plugin; the conversation comes back, and behind it a shell.
    world.respawn(pane, "-k")
    world.wait_for(lambda: world.format(pane, "#{pane_pid}") != shell, 20, "the respawn")
    assert world.ask(pane, "fourth").messages == ("first", "second", "third", "fourth")
    assert world.pane_option(pane, "@codex_session") == session
    world.type(pane, "/quit")
    world.wait_format(pane, "#{pane_current_command}", "bash")
    world.wait_for(lambda: world.pane_option(pane, "@codex_pane") == "", 20, "the pane to be a shell again")


def test_a_session_held_by_another_codex_is_waited_for_and_its_holder_named(world: Sandbox) -> None:
    pane, session = world.talk("first", "codex --no-daemon")
    world.kill_codex(pane)
    other = world.new_pane(f"codex --no-daemon resume {session}")
    store = Store(str(world.codex_home))
    world.ask(other, "second")  # until then it may let go of the lock once more
    world.wait_for(lambda: store.lock_holder(session), 20, "the other Codex to hold the session")
    world.quiet()
    world.tmux("set-option", "-pu", "-t", other, "@codex_session")
    world.respawn(pane)
    world.wait_text(pane, f"is held by codex ({world.codex_pid(other)}); waiting")
    assert world.pane_option(pane, "@codex_session") == session
    world.tmux("kill-pane", "-t", other)
    assert world.ask(pane, "third").messages == ("first", "second", "third")


def test_death_respawns_by_itself_at_most_three_times_a_minute(world: Sandbox) -> None:
    world.tmux("set-option", "-g", "@codex-on-death", "respawn")
    pane = world.new_pane("codex", OLD_PROMPT)
    world.wait_text(pane, "turn 1 |")
    world.bound(pane)
    for word in ("second", "third", "fourth"):
        pid = world.format(pane, "#{pane_pid}")
        kill_codex(world, pane, "wrapper")

        def is_back(pid: str = pid) -> bool:
            return world.format(pane, "#{pane_pid}") != pid and world.format(pane, "#{pane_dead}") == "0"

        world.wait_for(is_back, 20, "the pane to come back")
        world.ask(pane, word)
        world.wait_state(pane, "live")
    kill_codex(world, pane, "wrapper")
    world.wait_asleep(pane)
    world.wait_for(lambda: "Codex died 3 times" in world.log_text(), 20, "the message")
    world.wait_asleep(pane)
    world.respawn(pane)
    assert world.ask(pane, "fifth").messages == (OLD_PROMPT, "second", "third", "fourth", "fifth")
