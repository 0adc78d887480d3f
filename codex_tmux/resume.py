"""How a session gets back into a pane: the stored command, the sleeping pane, the respawn."""

from __future__ import annotations

import os
import sys
import time

from codex_tmux.log import log
from codex_tmux.options import encode_launch
from codex_tmux.reconcile import Launch
from codex_tmux.tmux import RESPAWN_PANE, Server

LAY = "CODEX_TMUX_LAY"
"""In the environment of `codex-tmux run`: draw this tmux buffer and die, so that the pane sleeps."""
HISTORY = 2000
"""Lines of scrollback that a sleeping pane keeps."""
DEAD_WITHIN = 5.0


def helper_command(server: Server) -> list[str]:
    """The words that run codex-tmux from a pane: the helper the plugin found, else the running one."""
    known = server.try_run("show-options", "-gqv", "@codex_helper")
    if known and os.access(known, os.X_OK):
        return [known]
    script = os.path.join(os.path.dirname(sys.executable), "codex-tmux")
    return [script] if os.access(script, os.X_OK) else [sys.executable, "-m", "codex_tmux"]


def run_command(server: Server, launch: Launch) -> list[str]:
    """The stored command of a pane that comes back right by any respawn.

    It names no session and no flags: those are in the pane's options, and in the state file behind them.
    """
    helper = helper_command(server)
    if launch.mode == "exec":
        return [*helper, "exec"]
    return [*helper, "run", *(["--shell"] if launch.shell else [])]


def hint(key: str) -> str:
    """The last line of a pane that sleeps."""
    return (
        f"sleeps · prefix {key} resumes" if key and key != "none" else "sleeps · codex-tmux respawn resumes"
    )


def lay_to_sleep(server: Server, pane: str, launch: Launch) -> None:
    """Give a dead pane the command that resumes, drawn over with what it last showed.

    The pane is alive for a moment: `wait_until_dead` before anybody else may respawn it. Raises TmuxError.
    """
    buffer = f"codex-{pane.lstrip('%')}"
    key = server.try_run("show-options", "-gqv", "@codex-respawn-key") or "R"
    # One call, so that nobody sees the pane between these.
    server.run(
        *("capture-pane", "-e", "-t", pane, "-S", f"-{HISTORY}", "-b", buffer, ";"),
        *("set-option", "-p", "-t", pane, "@codex_asleep", "1", ";"),
        *("set-option", "-pu", "-t", pane, "@codex_guard", ";"),
        *("set-option", "-p", "-t", pane, "@codex_launch", encode_launch(launch), ";"),
        *("set-option", "-p", "-t", pane, "@codex_hint", hint(key), ";"),
        *("set-option", "-p", "-t", pane, "remain-on-exit", "failed", ";"),
        *(RESPAWN_PANE, "-t", pane, "-e", f"{LAY}={buffer}", *run_command(server, launch)),
    )
    # Pane-local since 3.3; an older tmux says in its own words that the pane is dead.
    server.try_run("set-option", "-p", "-t", pane, "remain-on-exit-format", "#{@codex_hint}")
    log("pane.asleep", pane=pane)


def wait_until_dead(server: Server, panes: list[str]) -> None:
    """Wait, bounded, until each of the panes is dead again, or gone."""
    left = set(panes)
    end = time.monotonic() + DEAD_WITHIN
    while left and time.monotonic() < end:
        lines = (server.try_run("list-panes", "-a", "-F", "#{pane_id} #{pane_dead}") or "").splitlines()
        left &= {pane for pane, dead in (line.split() for line in lines) if dead == "0"}
        if left:
            time.sleep(0.005)
    for pane in left:
        log("pane.not_asleep", pane=pane)


def respawn_into_run(server: Server, pane: str, launch: Launch, kill: bool = False) -> None:
    """Respawn a pane into its session; with `kill` also a living one. Raises TmuxError."""
    server.run(
        *("set-option", "-p", "-t", pane, "@codex_launch", encode_launch(launch), ";"),
        *("set-option", "-p", "-t", pane, "@codex_pane", "1", ";"),
        *("set-option", "-pu", "-t", pane, "@codex_guard", ";"),
        *(RESPAWN_PANE, *(["-k"] if kill else []), "-t", pane, *run_command(server, launch)),
    )
