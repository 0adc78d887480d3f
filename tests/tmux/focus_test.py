"""The focus on panes that have just died: tmux before 3.5 crashes where their program had asked for focus events."""

from __future__ import annotations

import os
import signal

import pytest

from codex_tmux.sandbox import Sandbox

FOCUS_IN, FOCUS_OUT = b"\x1b[I", b"\x1b[O"


@pytest.mark.parametrize("kind", ["codex", "run"])
def test_the_focus_may_change_before_a_dead_pane_is_laid_to_sleep(sandbox: Sandbox, kind: str) -> None:
    sandbox.start_server(load_plugin=True, config="set -g focus-events on")
    client = sandbox.attach()
    client.send(FOCUS_IN)
    pane = sandbox.new_pane(*(["codex"] if kind == "codex" else ["codex-tmux", "run"]))
    sandbox.ask(pane, "something to remember")
    sandbox.wait_for(lambda: sandbox.format(pane, "#{@codex_session}"), 10, "the session")
    first = sandbox.tmux("display-message", "-p", "-t", "main:0", "#{pane_id}")
    sandbox.tmux("select-window", "-t", pane)
    sync = sandbox.format(pane, "#{@codex_sync}")
    sandbox.tmux("set-option", "-g", "@codex_sync", ":")
    os.kill(sandbox.codex_pid(pane), signal.SIGKILL)
    # An old tmux does not tell the signal; there it is the hook that tells.
    sandbox.wait_for(
        lambda: sandbox.format(pane, "#{&&:#{pane_dead},#{||:#{pane_dead_signal},#{@codex_kept}}}") == "1",
        5,
        "tmux to see the death",
    )
    for _ in range(2):
        client.send(FOCUS_OUT)
        sandbox.tmux("select-window", "-t", first)
        client.send(FOCUS_IN)
        sandbox.tmux("select-window", "-t", pane)
    assert sandbox.format(pane, "#{pane_dead}") == "1", "the server is there"
    sandbox.tmux("set-option", "-g", "@codex_sync", sync)
    sandbox.helper("sync")
    sandbox.wait_for(lambda: sandbox.format(pane, "#{@codex_asleep}#{pane_dead}") == "11", 10, "it to sleep")
    assert "something to remember" in sandbox.capture(pane), "the last screen is drawn again"
    # It is drawn once tmux knows how the process ended; tmux before 3.3 has words of its own for a dead pane.
    sandbox.wait_for(
        lambda: any(text in sandbox.capture(pane) for text in ("resumes", "Pane is dead")), 5, "the hint"
    )
    assert not sandbox.tmux("list-buffers"), "no buffer is left"
