"""The message of the first load: once, on a client's screen, and nothing else."""

import pytest

from tests.support.screen import Screen
from tests.support.terminal import Client
from tests.support.world import Sandbox, plugin_file

HELLO = b"codex-tmux: loaded"
SETUP = b"Next: codex-tmux setup"


@pytest.fixture
def world(sandbox: Sandbox) -> Sandbox:
    """A sandbox whose user has never loaded the plugin."""
    (sandbox.state_dir / "greeted").unlink()
    return sandbox


def loaded(world: Sandbox) -> None:
    """Wait until a load's first sync is through."""

    def through() -> bool:
        return (world.state_dir / "greeted").exists()

    world.wait_for(through, 20, "the first sync")
    world.quiet()


def test_a_client_that_comes_after_the_load_is_greeted_once(world: Sandbox) -> None:
    world.start_server(load_plugin=True)
    loaded(world)
    world.wait_for(lambda: "loaded" in world.option("@codex_say"), 20, "the greeting")
    # A plain `tmux` attaches no client, says tmux: it fires client-session-changed alone.
    client = Client(["tmux", "-u", "-S", str(world.socket), "new-session"], world.env, 120, 40)
    world.clients.append(client)
    world.wait_for(lambda: HELLO in client.output, 20, "the greeting")
    assert SETUP not in client.output, "this home's titles have the id"
    world.wait_for(lambda: not world.option("@codex_say"), 20, "it to be over")
    second = world.attach()
    world.wait_for(lambda: b"main" in second.output, 20, "the status line")
    assert HELLO not in second.output
    world.no_view_mode()


def test_a_client_that_is_there_is_greeted_and_the_next_server_s_is_not(world: Sandbox) -> None:
    world.codex_home.joinpath("config.toml").write_text("")
    world.start_server(width=80)
    with Screen(world, width=80) as screen:
        world.tmux("run-shell", "-b", str(plugin_file()))
        screen.wait("codex-tmux: loaded – C-b R: resume, C-b P: find. Next: codex-tmux setup")
    loaded(world)
    assert world.log_text().count(" greeting ") == 1
    world.tmux("run-shell", "-b", str(plugin_file()))
    world.new_pane()
    world.wait_for(lambda: "%1" in world.option("@codex_panes"), 20, "another sync")
    assert world.log_text().count(" greeting ") == 1
    assert not world.option("@codex_say")


def test_where_nothing_can_be_noted_nothing_is_said(world: Sandbox) -> None:
    (world.state_dir / "greeted").symlink_to(world.root / "nowhere" / "at all")
    world.start_server(load_plugin=True)
    world.new_pane()
    world.wait_for(lambda: "%1" in world.option("@codex_panes"), 20, "a sync")
    assert not world.option("@codex_say")
