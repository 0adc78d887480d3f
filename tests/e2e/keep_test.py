"""The main job with the real Codex: a pane is killed, respawned, and its conversation goes on."""

import os
import shlex
import signal
from pathlib import Path

import psutil
import pytest

from codex_tmux.codex.store import Store
from tests.support.world import Sandbox

pytestmark = pytest.mark.codex

OLD_PROMPT = "the old prompt"


def statuses(world: Sandbox) -> dict[str, str]:
    """The status of every session that is known."""
    return {r["session_id"]: r["status"] for r in world.listed("--all")}


def first_message(world: Sandbox, session_id: str, home: Path | None = None) -> str:
    """The first message of a session as Codex's own store has it."""
    session = Store(str(home or world.codex_home)).find(session_id)
    assert session is not None
    return session.first_message


def wait_logged(world: Sandbox, text: str) -> None:
    """Wait for a line of the log."""
    world.wait_for(lambda: text in world.log_text(), 20, f"{text!r} in the log")


def is_gone(world: Sandbox, pane: str) -> bool:
    """Whether tmux has closed the pane."""
    return pane not in world.pane_ids()


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
    panes = {
        how: world.new_pane("codex", f"{how} prompt") for how in ("SIGKILL", "wrapper", "SIGTERM", "SIGHUP")
    }
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


STRANGE = "a dir with 'quotes' \"and\" ümläut ñ $HOME `id` #{pane_id}"


@pytest.mark.parametrize("daemon", [True, False], ids=["daemon", "embedded"])
def test_directory_flags_home_and_mode_come_back(world: Sandbox, daemon: bool) -> None:
    cwd = world.make_dir(STRANGE)
    home = world.new_home("second home")
    flags = ["-m", "mock-model-2", "-s", "read-only", "-a", "never", *([] if daemon else ["--no-daemon"])]
    # Through a shell, as a person would: tmux expands formats in -c.
    command = (
        f"cd {shlex.quote(str(cwd))} && CODEX_HOME={shlex.quote(str(home))} exec codex {shlex.join(flags)}"
    )
    pane = world.new_pane(command)
    before = world.ask(pane, "first")
    session = world.bound(pane)
    row = world.rows()[pane]
    assert (row["session_id"], row["flags"], row["codex_home"]) == (session, flags, str(home))
    assert row["cwd"] == str(cwd)
    for word, route in (
        ("second", ["respawn-pane", "-t", pane]),
        ("third", ["respawn-pane", "-k", "-t", pane]),
    ):
        if "-k" not in route:
            world.kill_codex(pane)
        pid = world.format(pane, "#{pane_pid}")
        world.tmux(*route)
        world.wait_for(lambda pid=pid: world.format(pane, "#{pane_pid}") != pid, 20, "the respawn")  # type: ignore[misc]
        request = world.ask(pane, word)
        assert (request.body["model"], request.body["model"]) == (before.body["model"], "mock-model-2")
        assert request.messages[0] == "first"
        assert request.messages[-1] == word
        world.wait_state(pane, "live")
    row = world.rows()[pane]
    assert (row["session_id"], row["flags"], row["codex_home"], row["cwd"]) == (
        session,
        flags,
        str(home),
        str(cwd),
    )
    assert first_message(world, session, home) == "first"


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


def two_killed(world: Sandbox) -> tuple[list[str], list[str]]:
    """Two panes that sleep after a kill, each with `message of pane <number>` said; the panes, and their sessions."""
    panes = [world.new_pane() for _ in range(2)]
    for number, pane in enumerate(panes):
        world.ask(pane, f"message of pane {number}")
    sessions = [world.bound(p) for p in panes]
    for pane in panes:
        kill_codex(world, pane, "SIGKILL")
    for pane in panes:
        world.wait_asleep(pane)
    return panes, sessions


def test_two_panes_whose_memory_names_one_session(world: Sandbox) -> None:
    panes, sessions = two_killed(world)
    world.quiet()
    world.tmux("set-option", "-p", "-t", panes[0], "@codex_session", sessions[1])
    world.tmux("respawn-pane", "-t", panes[0], ";", "respawn-pane", "-t", panes[1])

    def refused_one() -> str | None:
        """The one that is dead, once the other is up."""
        dead = [p for p in panes if world.format(p, "#{pane_dead}") == "1"]
        up = [p for p in panes if p not in dead and world.input_line(p) is not None]
        return dead[0] if len(dead) == len(up) == 1 else None

    refused = world.wait_for(refused_one, 20, "one of them to come up, and the other not")
    # As it is laid to sleep it is drawn anew.
    world.wait_text(refused, "it can be in one pane only")


def test_a_quit_closes_the_pane_as_without_the_plugin(world: Sandbox) -> None:
    pane, session = world.talk("first")
    world.type(pane, "/quit")
    world.wait_gone(pane)
    wait_logged(world, f"record.ended session={session}")
    assert world.rows("--all")[pane]["status"] == "ended"
    world.no_view_mode()


def test_control_c_closes_the_pane_as_without_the_plugin(world: Sandbox) -> None:
    pane, session = world.talk("first")
    world.wait_text(pane, "Worked for")
    world.tmux("send-keys", "-t", pane, "C-c")
    # One is enough in an idle 0.169; older ones ask for a second.
    world.wait_for(
        lambda: is_gone(world, pane) or "again to quit" in world.capture(pane), 20, "Codex to quit or ask"
    )
    if not is_gone(world, pane):
        world.tmux("send-keys", "-t", pane, "C-c")
    world.wait_gone(pane)
    wait_logged(world, f"record.ended session={session}")


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


def test_a_pane_killed_before_its_first_message_starts_fresh_and_says_so(world: Sandbox) -> None:
    pane = world.new_pane("codex -m mock-model-2")
    world.wait_ready(pane)
    session = world.bound(pane)
    world.crash(pane)
    world.wait_text(pane, "had no message yet")
    world.start_anew(pane)
    request = world.ask(pane, "first")
    assert (request.messages, request.body["model"]) == (("first",), "mock-model-2")
    world.wait_for(
        lambda: world.pane_option(pane, "@codex_session") not in ("", session), 20, "the new session"
    )


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


def test_a_client_that_comes_to_a_pane_killed_twice_finds_it_asleep(codex_binary: str) -> None:
    """Codex asks for focus events; tmux 3.3a crashes when a dead pane that still has them on is shown."""
    with Sandbox(codex_binary) as world:
        world.start_server(load_plugin=True)
        pane = world.new_pane()
        world.ask(pane, "first")
        for _ in range(2):
            world.crash(pane)
            world.wait_ready(pane)
            world.wait_state(pane, "live")
        world.kill_codex(pane)
        world.tmux("select-window", "-t", pane)
        world.attach()
        assert world.format(pane, "#{pane_dead}") == "1"
