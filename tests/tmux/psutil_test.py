"""Facts about processes from psutil and ps, as on a system without /proc: sync and run with nothing else."""

from collections.abc import Iterator

import pytest

from tests.support.world import Sandbox


@pytest.fixture
def world() -> Iterator[Sandbox]:
    """No id in the title: what Codex holds open has to name its session."""
    with Sandbox(title=False) as made:
        made.env["CODEX_TMUX_PROCESSES"] = "psutil"
        made.start_server(load_plugin=True)
        yield made


def session_of(world: Sandbox, pane: str) -> tuple[str, str]:
    """The pane's session and how it is known, by `list`."""
    rows = world.listed()
    found = next(row for row in rows if row["pane"] == pane)
    return found["session_id"], found["evidence"]


def test_a_shell_is_known_to_wait_for_a_command(world: Sandbox) -> None:
    pane = world.shell()
    shell = world.format(pane, "#{pane_pid}")
    world.wait_for(lambda: world.capture(pane).strip(), 20, "the prompt")
    world.enter(pane, "codex -m x")
    session = world.ask(pane, "first").session_id
    assert session_of(world, pane) == (session, "lock")
    world.kill(pane)
    world.wait_format(pane, "#{pane_current_command}", "bash")
    world.enter(pane, "sleep 60")
    world.wait_format(pane, "#{pane_current_command}", "sleep")
    refused = world.helper_result("respawn", "-t", pane)
    assert refused.returncode == 1
    world.tmux("send-keys", "-t", pane, "C-c")
    world.wait_format(pane, "#{pane_current_command}", "bash")
    world.helper("respawn", "-t", pane)
    assert world.ask(pane, "second").messages == ("first", "second")
    assert world.format(pane, "#{pane_pid}") == shell
