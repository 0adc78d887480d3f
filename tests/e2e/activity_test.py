"""What Codex's own daemon says of its conversations."""

import pytest

from codex_tmux.codex.daemon.client import has_daemon
from tests.support.world import Sandbox

pytestmark = pytest.mark.codex


def activity(world: Sandbox, pane: str) -> tuple[str | None, str | None]:
    """Status and activity of a pane's conversation."""
    rows = {r["pane"]: r for r in world.listed("--all")}
    row = rows.get(pane, {})
    return row.get("status"), row.get("activity")


def wait_activity(world: Sandbox, pane: str, status: str, doing: str | None) -> None:
    def seen() -> bool:
        world.tmux("run-shell", "-b", "true")  # Debian's tmux may have missed that a pane died
        return activity(world, pane) == (status, doing)

    world.wait_for(seen, 20, f"{pane} to be {status}, {doing}")


def test_idle_working_and_working_on_behind_a_dead_pane(world: Sandbox) -> None:
    quiet, busy = world.new_pane(), world.new_pane()
    world.ask(quiet, "first")
    world.ask(busy, "one")
    wait_activity(world, quiet, "live", "idle")
    world.type(busy, "HOLD this one")
    world.wait_for(lambda: world.model.turns_with("HOLD this one"), 20, "the model to be asked")
    wait_activity(world, busy, "live", "working")
    wait_activity(world, quiet, "live", "idle")
    # The turn goes on in the daemon, which is no child of this pane.
    world.kill(busy)
    wait_activity(world, busy, "dead", "working")
    world.model.release()
    wait_activity(world, busy, "dead", "idle")


def test_without_the_daemon_nothing_is_known_and_none_is_started(world: Sandbox) -> None:
    pane = world.new_pane("codex --no-daemon")
    world.ask(pane, "first")
    assert activity(world, pane) == ("live", None)
    assert not has_daemon(str(world.codex_home))
