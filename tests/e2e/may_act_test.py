"""What only the real Codex leaves behind: the terminal of a killed one."""

import os
import shutil
import signal

import pytest

from tests.support.world import Sandbox
from tests.tmux.may_act_test import at_prompt
from tests.tmux.respawn_routes_test import Started, shell_pane

pytestmark = pytest.mark.codex


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh here")
def test_killed_below_zsh(sandbox: Sandbox) -> None:
    """It leaves a terminal in which a Ctrl-C does nothing, and zsh takes that over."""
    sandbox.start_server(load_plugin=True)
    precious = sandbox.root / "precious"
    precious.mkdir()
    pane = shell_pane(sandbox, "zsh -f")
    at_prompt(sandbox, pane, "zsh")
    sandbox.enter(pane, f"{sandbox.bin / 'codex'} 'begin'")
    sandbox.wait_text(pane, "turn 1 |", 60)
    session = sandbox.bound(pane)
    it = Started("shell", pane, session, "begin", sandbox.codex_pid(pane))
    os.kill(it.pid, signal.SIGKILL)
    at_prompt(sandbox, pane, "zsh")
    sandbox.helper("respawn", "-t", pane)
    assert sandbox.ask(pane, "more").messages == ("begin", "more")
    sandbox.kill(pane)
    at_prompt(sandbox, pane, "zsh")
    sandbox.tmux("send-keys", "-t", pane, "-l", f"rm -rf {precious} /nonexistent")
    at_prompt(sandbox, pane, "zsh")
    before = sandbox.capture(pane)
    assert "line begun" in sandbox.refused("respawn", "-t", pane)
    assert sandbox.capture(pane) == before
    sandbox.helper("respawn", "--split", "-t", pane)
    (new,) = [p for p in sandbox.tmux("list-panes", "-t", pane, "-F", "#{pane_id}").split() if p != pane]
    assert sandbox.ask(new, "on").messages == ("begin", "more", "on")
    assert sandbox.format(new, "#{@codex_session}") == session
    assert precious.is_dir()
