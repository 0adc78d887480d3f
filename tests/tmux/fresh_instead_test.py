"""A session that cannot be resumed: the pane asks before it starts another one, and sleeps on where nobody is."""

import shutil
import time
from pathlib import Path

import pytest

from codex_tmux.codex.store import Store
from codex_tmux.tmux.versions import DEAD_FORMAT
from tests.support.screen import Screen
from tests.support.world import Sandbox

QUESTION = "start a new session"


@pytest.fixture
def world(sandbox: Sandbox) -> Sandbox:
    sandbox.start_server(load_plugin=True, width=80)
    sandbox.wait_for(lambda: "pick --from-key" in sandbox.tmux("list-keys"), 20, "the keys")
    return sandbox


def begun(world: Sandbox, words: str = "") -> tuple[str, str]:
    """A pane that runs Codex, with a turn behind it or without any message; pane and session."""
    pane = world.new_pane()
    world.wait_ready(pane)
    if words:
        world.ask(pane, words)
    return pane, world.bound(pane)


def delete(world: Sandbox, session: str) -> None:
    """Delete a session from Codex's store."""
    rollout = Store(str(world.codex_home)).rollout(session)
    assert rollout
    Path(rollout).unlink()


def deleted(world: Sandbox) -> tuple[str, str]:
    """A pane asleep whose session has been deleted since; pane and session."""
    pane, session = begun(world, "deleted words")
    world.kill_codex(pane)
    delete(world, session)
    return pane, session


def test_a_deleted_session_is_asked_about_until_it_is_answered(world: Sandbox) -> None:
    pane, session = deleted(world)
    turns = len(world.model.requests)
    with Screen(world, width=80) as screen:
        world.tmux("select-window", "-t", pane)
        screen.keys("C-b", "R")
        screen.wait(f"session {session} was deleted.")
        screen.wait("p      find another conversation")
        time.sleep(2)
        screen.keys("x", "Up")
        assert QUESTION in screen.wait(f"session {session} was deleted.")
        assert len(world.model.requests) == turns
        assert world.format(pane, "#{@codex_session}") == session, (
            "nothing is forgotten before it is answered"
        )
        screen.keys("Enter")
        assert world.ask(pane, "anew").messages == ("anew",)
    assert session in world.log_text().partition(" session.fresh ")[2].partition("\n")[0]


@pytest.mark.skipif(shutil.which("fzf") is None, reason="no fzf here: apt-get install fzf")
def test_another_conversation_takes_the_panes_place(world: Sandbox) -> None:
    other, other_session = begun(world, "other words")
    world.tmux("kill-pane", "-t", other)
    pane, _ = deleted(world)
    with Screen(world, width=80) as screen:
        world.tmux("select-window", "-t", pane)
        screen.keys("C-b", "R")
        screen.wait(QUESTION)
        panes = world.tmux("list-panes", "-a", "-F", "#{pane_id}")
        screen.keys("p")
        screen.wait("conversation>")
        # Left without a choice, it asks again.
        screen.keys("Escape")
        world.wait_for(lambda: world.capture(pane).count(QUESTION) == 2, 20, "the question")
        screen.keys("p")
        screen.wait("conversation>")
        screen.type("'other words")
        screen.wait(" 1/")
        screen.keys("Enter")
        assert world.ask(pane, "more").messages == ("other words", "more")
    assert world.tmux("list-panes", "-a", "-F", "#{pane_id}") == panes, "in the pane that asked"
    world.wait_format(pane, "#{@codex_session}", other_session)


def test_a_shell_instead(world: Sandbox) -> None:
    pane, _ = deleted(world)
    world.respawn(pane)
    world.wait_text(pane, QUESTION)
    world.tmux("send-keys", "-t", pane, "q")
    world.wait_format(pane, "#{pane_current_command}", "bash")
    world.enter(pane, "echo $((40 + 2)); false; exit")
    world.wait_gone(pane)
    assert len(world.model.requests) == 1


def test_below_a_shell_one_is_back_in_it(world: Sandbox) -> None:
    pane = world.pane_by("new-window", "-d", "-c", str(world.work))
    world.wait_for(lambda: world.capture(pane).strip(), 20, "the prompt")
    shell = world.format(pane, "#{pane_pid}")
    world.enter(pane, str(world.bin / "codex"))
    world.ask(pane, "words")
    session = world.bound(pane)
    world.kill(pane)
    world.wait_for(lambda: world.capture(pane).rstrip().endswith(("#", "$")), 20, "the shell's prompt")
    delete(world, session)
    world.helper("respawn", "-t", pane)
    world.wait_text(pane, QUESTION)
    world.tmux("send-keys", "-t", pane, "q")
    world.wait_format(pane, "#{pane_current_command}", "bash")
    world.enter(pane, "echo $((40 + 2))")
    world.wait_text(pane, "\n42")
    assert world.format(pane, "#{pane_pid}") == shell


def says_why(world: Sandbox, screen: Screen, pane: str, why: str) -> None:
    """The pane sleeps, and its last line says why; pressing the key asks."""
    if world.version >= DEAD_FORMAT:
        screen.wait(f" {why} · C-b R to go on")
    screen.wait(f"{why[:1].lower()}{why[1:].partition(' ')[0]}")
    world.wait_asleep(pane)
    assert len(world.model.requests) == 1
    screen.keys("C-b", "R")
    screen.wait(QUESTION)


def test_what_comes_back_by_itself_starts_nothing_new(world: Sandbox) -> None:
    begun(world, "somebody else's")
    pane, _ = begun(world)
    world.tmux("set-option", "-g", "@codex-on-death", "respawn")
    with Screen(world, width=80) as screen:
        world.tmux("select-window", "-t", pane)
        world.kill(pane)
        says_why(world, screen, pane, "Session had no message yet")


def test_what_wakes_when_it_is_shown_starts_nothing_new(world: Sandbox) -> None:
    pane, session = begun(world, "deleted words")
    world.quiet()
    world.end_server()
    delete(world, session)
    world.start_server(load_plugin=True, width=80)
    world.helper("restore")
    pane = world.wait_for(
        lambda: world.tmux("list-panes", "-a", "-f", "#{@codex_waiting}", "-F", "#{pane_id}"), 20, "the pane"
    )
    with Screen(world, width=80) as screen:
        world.tmux("select-window", "-t", pane)
        says_why(world, screen, pane, "Session was deleted")
