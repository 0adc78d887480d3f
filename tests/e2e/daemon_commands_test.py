"""`wait`, `tell` and `approve` with the real Codex and its shared daemon."""

import json
import os
import signal
import subprocess

import pytest

from tests.support.screen import Screen
from tests.support.world import Sandbox

pytestmark = pytest.mark.codex


def talk(world: Sandbox, *flags: str) -> tuple[str, str]:
    """A pane with a conversation of one turn, and the session."""
    pane = world.new_pane(" ".join(("codex", *flags)))
    world.ask(pane, "one")
    return pane, world.bound(pane)


def begin(world: Sandbox, *args: str) -> subprocess.Popen[str]:
    """Start `codex-tmux` and go on."""
    return subprocess.Popen(
        [str(world.bin / "codex-tmux"), *args],
        env=world.env,
        cwd=world.work,
        text=True,
        stderr=subprocess.PIPE,
    )


def wait_for_question(world: Sandbox, pane: str) -> None:
    world.wait_for(lambda: "Action Required" in world.format(pane, "#{pane_title}"), 20, "Codex's question")


def test_wait_ends_with_the_turn_and_at_a_question(world: Sandbox) -> None:
    pane, session = talk(world, "-a", "on-request")
    assert world.helper("wait", "-t", pane) == ""
    late = world.helper_result("wait", "-t", pane, "--until", "waiting", "--timeout", "0.2")
    assert (late.returncode, late.stderr) == (1, "codex-tmux: not waiting after 0.2 s\n")
    world.type(pane, "HOLD it")
    world.wait_for(lambda: world.model.turns_with("HOLD it"), 20, "the turn")
    with begin(world, "wait", "--session", session) as waits:
        with pytest.raises(subprocess.TimeoutExpired):
            waits.wait(2)
        world.model.release()
        assert waits.wait(20) == 0
    world.type(pane, "RUN touch it")
    with begin(world, "wait", "--session", session, "--until", "waiting") as waits:
        assert waits.wait(20) == 0
    wait_for_question(world, pane)


def test_wait_says_that_the_daemon_has_gone(world: Sandbox) -> None:
    _, session = talk(world)
    with begin(world, "wait", "--session", session, "--until", "waiting") as waits:
        with pytest.raises(subprocess.TimeoutExpired):
            waits.wait(2)
        os.kill(
            json.loads((world.codex_home / "app-server-daemon/daemon.pid").read_text())["pid"], signal.SIGKILL
        )
        assert waits.wait(20) == 1
        assert waits.stderr
        assert "daemon has gone" in waits.stderr.read()


def test_tell_a_running_a_sleeping_and_a_closed_conversation(world: Sandbox) -> None:
    pane, session = talk(world)
    assert world.helper("tell", "-t", pane, "two,", "by -t") == "sent\n"
    world.wait_for(lambda: world.model.turns_with("two, by -t"), 20, "the running Codex")
    world.helper("wait", "-t", pane)
    world.kill_codex(pane)
    assert world.helper("tell", "-t", pane, "--", "-- three").startswith("sent: Codex works on it")
    world.wait_for(lambda: world.model.turns_with("three"), 20, "Codex behind the sleeping pane")
    world.helper("wait", "--session", session)
    world.respawn(pane)
    world.wait_text(pane, "-- three")
    request = world.ask(pane, "four")
    assert request.messages == ("one", "two, by -t", "-- three", "four")


def test_tell_a_conversation_that_nobody_has_open(world: Sandbox) -> None:
    pane, session = talk(world, "--no-daemon")
    world.kill_codex(pane)
    said = world.helper("tell", "--session", session, "two")
    assert said == "queued: Codex gets it when the conversation wakes\n"
    assert not world.model.turns_with("two")
    for _ in range(2):  # killed as soon as it was delivered: once all the same
        world.respawn(pane)
        world.wait_ready(pane)
        world.wait_for(lambda: world.model.turns_with("two"), 20, "the message to be delivered")
        world.kill_codex(pane)
    world.respawn(pane)
    request = world.ask(pane, "three")
    assert request.messages == ("one", "two", "three")
    assert len([r for r in world.model.requests if r.messages[-1] == "two"]) == 1


def test_approve_from_elsewhere(world: Sandbox) -> None:
    pane, session = talk(world, "-a", "on-request")
    assert world.helper_result("approve").stderr == "codex-tmux: no conversation needs your approval\n"
    world.type(pane, "RUN touch refused")
    wait_for_question(world, pane)
    (asked,) = json.loads(world.helper("approve", "--json"))["requests"]
    assert (asked["session_id"], asked["reason"]) == (session, "as asked")
    assert "touch refused" in asked["command"]
    assert world.helper("approve", "--session", session, "--no") == "refused\n"
    world.helper("wait", "-t", pane)
    world.type(pane, "RUN touch allowed")
    wait_for_question(world, pane)
    # Also while its pane is dead.
    world.kill_codex(pane)
    assert world.helper("approve", "-t", pane, "--always") == "approved for this session\n"
    world.wait_for(lambda: (world.work / "allowed").exists(), 20, "the command")
    assert not (world.work / "refused").exists()


def test_a_change_of_files_is_shown_before_it_is_approved(world: Sandbox) -> None:
    pane, _ = talk(world, "-a", "on-request")
    file = world.root / "made"  # outside of the directory that Codex may write to
    world.type(pane, f"PATCH {file}")
    wait_for_question(world, pane)
    (asked,) = json.loads(world.helper("approve", "--json"))["requests"]
    assert f"{file}\nhello" in asked["text"]["Codex wants to change files"]
    assert world.helper("approve", "-t", pane, "--yes") == "approved\n"
    world.wait_for(file.exists, 20, "the file")


def test_a_message_from_the_list_and_an_approval_by_key(world: Sandbox) -> None:
    pane, _ = talk(world, "-a", "on-request")
    shell = world.pane_by("new-window", "cat")
    with Screen(world) as screen:
        screen.keys("C-b", "A")
        screen.wait("no conversation needs your approval")
        screen.keys("C-b", "P")
        screen.wait("conversation>")
        screen.keys("C-o")
        screen.wait("Message for")
        screen.type("RUN touch allowed")
        screen.keys("Enter")
        wait_for_question(world, pane)
        screen.wait("sent")
        screen.keys("Escape")
        screen.wait_gone("┌")  # the popup goes after what ran in it
        screen.keys("C-b", "A")
        assert "touch allowed" in screen.wait("y yes")
        screen.keys("y")
        world.wait_for(lambda: (world.work / "allowed").exists(), 20, "the command")
        screen.wait("approved")
        assert screen.pane() == shell
