"""The focus on panes that have just died: tmux before 3.5 crashes where their program had asked for focus events."""

import pytest

from tests.deaths import KNOWN, deaths
from tests.support.world import Sandbox

FOCUS_IN, FOCUS_OUT = b"\x1b[I", b"\x1b[O"


@pytest.mark.parametrize("focus_events", ["on", "off"])
def test_a_client_changes_its_tmux_session_while_panes_die(sandbox: Sandbox, focus_events: str) -> None:
    sandbox.start_server(load_plugin=True, config=f"set -g focus-events {focus_events}")
    assert deaths(sandbox, 16)


@pytest.mark.parametrize(("kind", "hooks"), [("codex", "deleted"), ("run", "ours")])
def test_the_focus_may_change_before_a_dead_pane_is_laid_to_sleep(
    sandbox: Sandbox, kind: str, hooks: str
) -> None:
    sandbox.start_server(load_plugin=True, config="set -g focus-events on")
    client = sandbox.attach()
    client.send(FOCUS_IN)
    pane = sandbox.new_pane(*(["codex"] if kind == "codex" else ["codex-tmux", "run"]))
    sandbox.ask(pane, "something to remember")
    sandbox.wait_format(pane, KNOWN, "1")
    first = sandbox.tmux("display-message", "-p", "-t", "main:0", "#{pane_id}")
    sandbox.tmux("select-window", "-t", pane)
    sandbox.tmux("new-session", "-d", "-s", "other")
    sandbox.quiet()
    sandbox.tmux("set-option", "-g", "@codex_pending", "1")  # a sync is due, and does not come
    if hooks == "deleted":
        sandbox.tmux("set-hook", "-g", "pane-died", "set-option -g @mine 1")
    sandbox.kill(pane)
    sandbox.wait_dead(pane)
    for _ in range(2):
        client.send(FOCUS_OUT)
        sandbox.tmux("select-window", "-t", first)
        client.send(FOCUS_IN)
        sandbox.tmux("select-window", "-t", pane)
        sandbox.tmux("switch-client", "-t", "other")
        sandbox.tmux("switch-client", "-t", "main")
    assert sandbox.format(pane, "#{pane_dead}") == "1", "the server is there"
    sandbox.helper("sync")
    sandbox.wait_asleep(pane)
    assert "something to remember" in sandbox.capture(pane), "the last screen is drawn again"
    # It is drawn once tmux knows how the process ended; tmux before 3.3 has words of its own for a dead pane.
    sandbox.wait_for(
        lambda: any(text in sandbox.capture(pane) for text in ("brings it back", "Pane is dead")),
        20,
        "the hint",
    )
    assert not sandbox.tmux("list-buffers"), "no buffer is left"
