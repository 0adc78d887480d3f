"""Windows and conversations that name each other, with the real Codex and its shared daemon."""

import pytest

from tests.support.screen import Screen
from tests.support.world import Sandbox
from tests.tmux.names_test import events, window_is

pytestmark = pytest.mark.codex


def name_of(world: Sandbox, pane: str) -> str:
    return world.format(pane, "#{@codex_name}")


def rename_in_codex(world: Sandbox, pane: str, name: str) -> None:
    world.type(pane, f"/rename {name}")
    world.wait_for(lambda: name in world.format(pane, "#{pane_title}"), 20, "Codex to take the name")


def test_each_names_the_other_and_neither_twice(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True)
    sandbox.helper("setup", "--yes")
    pane = sandbox.pane_by("new-window", "-c", str(sandbox.work), "codex")
    sandbox.wait_ready(pane)
    sandbox.ask(pane, "one")
    sandbox.bound(pane)
    window_is(sandbox, pane, "A conversation")  # as the model has it
    rename_in_codex(sandbox, pane, "parser of rows")
    window_is(sandbox, pane, "parser of rows")
    assert events(sandbox, "session.named") == 0
    # By the user's own key: the prompt holds the old name, which C-u takes away.
    with Screen(sandbox) as screen:
        screen.keys("C-b", ",")
        screen.wait("(rename-window)")
        screen.keys("C-u")
        screen.type("api server")
        screen.keys("Enter")
        # The client takes the last key along if it goes at once.
        sandbox.wait_for(lambda: "api server" in sandbox.format(pane, "#{pane_title}"), 20, "Codex's name")
    window_is(sandbox, pane, "api server")
    # Now the window's name is the user's: Codex's next one leaves it.
    rename_in_codex(sandbox, pane, "columns")
    sandbox.wait_for(lambda: name_of(sandbox, pane) == "columns", 20, "the name")
    assert sandbox.format(pane, "#{window_name}") == "api server"
    sandbox.quiet()
    assert events(sandbox, "session.named") == 1


def test_a_sleeping_conversation_is_named_and_comes_back_so(world: Sandbox) -> None:
    pane, session = world.talk("one")
    world.kill_codex(pane)
    world.tmux("rename-window", "-t", pane, "while asleep")
    world.wait_for(lambda: events(world, "session.named"), 20, "the conversation to be named")
    assert "while asleep" in world.helper("list", "--all")
    world.respawn(pane)
    assert world.ask(pane, "two").messages == ("one", "two")
    assert (world.format(pane, "#{@codex_session}"), name_of(world, pane)) == (session, "while asleep")


def test_a_window_that_tmux_names_does_so_after_a_restart(world: Sandbox) -> None:
    pane = world.pane_by("new-window", "-c", str(world.work), "codex")
    world.wait_ready(pane)
    world.ask(pane, "one")
    session = world.bound(pane)
    mine, _ = world.talk("two")
    world.tmux("rename-window", "-t", mine, "mine")
    world.wait_for(lambda: name_of(world, mine) == "mine", 20, "the name of the one")
    world.helper("sync")
    window_is(world, pane, "A conversation")
    world.helper("sync")
    world.end_server("SIGKILL")
    world.start_server(load_plugin=True)
    world.helper("restore")
    form = "#{@codex_session} #{window_name} #{automatic-rename}"
    rows = world.tmux("list-panes", "-a", "-F", form).splitlines()
    assert f"{session} A conversation 1" in rows
    assert [row for row in rows if row.endswith(" mine 0")]
