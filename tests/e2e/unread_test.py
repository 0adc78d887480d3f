"""Done and unread with the real Codex: turns that end behind the user's back, and what is none."""

import time

import pytest

from tests.support.world import Sandbox

pytestmark = pytest.mark.codex
TOLD = 'echo {} "$CODEX_TMUX_PANE" "$CODEX_TMUX_SESSION" >> "$HOME/told"'


def told(world: Sandbox) -> list[str]:
    file = world.home / "told"
    return file.read_text().splitlines() if file.exists() else []


def marks(world: Sandbox, pane: str) -> str:
    return world.format(pane, "#{@codex_unread}|#{E:@codex_waits}")


def wait_marks(world: Sandbox, pane: str, wanted: str) -> None:
    world.wait_for(lambda: marks(world, pane) == wanted, 20, f"{pane} to say {wanted}")


def test_turns_that_end_unseen_and_next(world: Sandbox) -> None:
    shell = world.tmux("display-message", "-p", "-t", "main:0", "#{pane_id}")
    for what in ("waiting", "done"):
        world.tmux("set-option", "-g", f"@codex-on-{what}", TOLD.format(what))
    asks, first = world.new_pane("codex -a on-request"), world.new_pane()
    for pane in (asks, first):
        world.wait_ready(pane)
        world.bound(pane)
        # The spinner of these first seconds may be Codex's own start; people are slower than this test.
        began = int(world.format(pane, "#{s/ .*//:@codex_title_at}"))
        world.wait_for(lambda at=began: time.time() > at + 4, 20, "its start to be over")  # type: ignore[misc]
        assert marks(world, pane) == "|", "it has only come up"
    # The oldest comes first.
    world.type(first, "HOLD one")
    world.wait_for(lambda: world.model.turns_with("HOLD one"), 20, "the model to be asked")
    wait_marks(world, first, "|")
    world.model.release()
    wait_marks(world, first, "1|1 unread")
    world.type(asks, "RUN touch approved")
    wait_marks(world, asks, "|1 needs you 1 unread")
    assert "unread" in world.helper("list")
    client = world.tmux("list-clients", "-F", "#{client_name}")
    assert world.helper("next", "-c", client).startswith("needs ")
    assert world.tmux("list-clients", "-F", "#{pane_id}") == asks
    assert world.helper("next", "-c", client).startswith("unread (1 more needs you): ")
    assert world.tmux("list-clients", "-F", "#{pane_id}") == first
    wait_marks(world, first, "|1 needs you")

    def approved() -> bool:
        # Codex passes over keys that come just after its question.
        if "Would you like to run" in world.capture(asks):
            world.tmux("send-keys", "-t", asks, "y")
        return (world.work / "approved").exists()

    world.wait_for(approved, 20, "the approved command")
    wait_marks(world, asks, "1|1 unread")
    sessions = {pane: world.format(pane, "#{@codex_session}") for pane in (first, asks)}
    world.wait_for(lambda: len(told(world)) == 3, 20, "what the user's commands were told")
    assert told(world) == [
        f"done {first} {sessions[first]}",
        f"waiting {asks} {sessions[asks]}",
        f"done {asks} {sessions[asks]}",
    ]
    # Killed and brought back it is unread as before, and the other is not: nothing has ended.
    world.tmux("select-window", "-t", shell)
    for pane in (first, asks):
        world.kill_codex(pane)
        world.helper("respawn", "-t", pane)
        world.wait_ready(pane)
    assert marks(world, first) == "|1 unread"
    assert marks(world, asks) == "1|1 unread"
    assert len(told(world)) == 3
    world.tmux("select-window", "-t", asks)
    wait_marks(world, asks, "|")
