"""`codex-tmux respawn`: bring a pane's session back, whatever the pane is now."""

from __future__ import annotations

import os
import shlex
import sys
import time

import click

from codex_tmux.codex.processes import Processes, shell_is_idle
from codex_tmux.completion import PANE
from codex_tmux.errors import Problem
from codex_tmux.options import encode_launch
from codex_tmux.pass_once import Pass, sync_once
from codex_tmux.reconcile import Launch, Pane, launch_of
from codex_tmux.records import Record
from codex_tmux.resume import helper_command, respawn_into_run
from codex_tmux.sync import server_lock
from codex_tmux.tell import tell
from codex_tmux.tmux import Server

PROMPT_PAUSE = 0.05
PROMPT_WITHIN = 2.0
"""Seconds that a shell may take to show its prompt again after a Ctrl-C."""


@click.command(epilog="Example: codex-tmux respawn -t %3")
@click.option(
    "-t",
    "--target",
    "pane",
    type=PANE,
    metavar="PANE",
    help="The pane (%3, or any tmux target); default: this one.",
)
@click.option(
    "--fresh", is_flag=True, help="Start a new session with the same flags; the old one stays resumable."
)
@click.option(
    "--from-key", is_flag=True, hidden=True, help="Show errors in tmux: a key binding has no terminal."
)
def command(pane: str | None, fresh: bool, from_key: bool) -> None:
    """Bring the pane's Codex session back.

    Works on a dead pane, on one whose Codex still runs (it is ended first), and on a shell that Codex returned to:
    there the command is typed, if the shell is idle. A pane that is busy with something else is left alone.
    """
    server = Server()
    target = pane or os.environ.get("TMUX_PANE") or ""
    if not target:
        raise Problem("which pane? name it with -t, or run this inside tmux")
    pane_id = resolve(server, target)
    try:
        respawn(server, pane_id, fresh)
    except Problem as e:
        if not from_key:
            raise
        tell(server, pane_id, str(e))
        sys.exit(1)


def resolve(server: Server, target: str) -> str:
    """The pane id of a tmux target. Raises Problem where there is no such pane."""
    listed = server.try_run("list-panes", "-t", target, "-F", "#{pane_id} #{pane_active}") or ""
    panes = dict(line.split() for line in listed.splitlines())
    if target in panes:
        return target
    active = [pane for pane, active in panes.items() if active == "1"]
    # `list-panes -t %gone` fails, where display-message would answer for another pane.
    found = server.try_run("display-message", "-p", "-t", target, "#{pane_id}") if panes else None
    if not found or (target.startswith("%") and found != target) or found not in panes:
        if active and not target.startswith("%"):
            return active[0]
        server.run("display-message", "-p", "")  # says so where there is no server at all
        raise Problem(f"there is no pane {target} on this tmux server")
    return found


def respawn(server: Server, pane_id: str, fresh: bool = False) -> None:
    """Bring one pane's session back. Raises Problem where it cannot be, with the pane untouched."""
    with server_lock(server):
        seen = sync_once(server)
        pane = seen.pane(pane_id)
        if pane is None:
            raise Problem(f"there is no pane {pane_id} on this tmux server")
        launch, session, evidence = what_it_had(pane, seen.record(pane_id))
        if launch.transport:
            refuse_far_end(pane, launch, session)
        options = [
            ("@codex_session", session),
            ("@codex_evidence", evidence),
            ("@codex_fresh", "1" if fresh else ""),
        ]
        for name, value in options:
            server.run(
                *(
                    ["set-option", "-p", "-t", pane_id, name, value]
                    if value
                    else ["set-option", "-pu", "-t", pane_id, name]
                )
            )
        if pane.dead or pane.running:
            respawn_into_run(server, pane_id, launch, kill=not pane.dead)
        else:
            into_shell(server, seen, pane, launch)


def what_it_had(pane: Pane, record: Record | None) -> tuple[Launch, str, str]:
    """What the pane ran: its launch, session ("" where unknown) and evidence. Raises Problem where it ran no Codex."""
    if record is not None and (not pane.session or record.session_id.startswith(pane.session)):
        return launch_of(record), record.session_id, record.evidence
    if pane.launch is None or not (pane.marked or pane.session):
        raise Problem(f"no Codex has run in pane {pane.id}")
    return pane.launch, pane.session, pane.evidence


def into_shell(server: Server, seen: Pass, pane: Pane, launch: Launch) -> None:
    """Type the command into an idle shell; nothing is ever typed into anything else. Raises Problem."""
    row = next(r for r in seen.reading.panes if r["pane_id"] == pane.id)
    if row["pane_in_mode"] not in ("", "0"):
        raise Problem(f"pane {pane.id} is in copy mode: leave it first, with q")
    require_idle(pane, row)
    # What stands on the line, or on the lines before it (an open quote), is given up as a person would: Ctrl-C works
    # in every shell and editing mode, where a killed line would leave what is behind the cursor.
    server.run("send-keys", "-t", pane.id, "C-c")
    end = time.monotonic() + PROMPT_WITHIN
    while True:
        # A shell may throw away what it has read of the next line while it handles the signal.
        time.sleep(PROMPT_PAUSE)
        try:
            require_idle(pane, row)
            break
        except Problem:
            if time.monotonic() > end:
                raise
    server.run(
        *("set-option", "-p", "-t", pane.id, "@codex_launch", encode_launch(launch), ";"),
        *("send-keys", "-t", pane.id, "-l", shlex.join([*helper_command(server), "run"]), ";"),
        *("send-keys", "-t", pane.id, "Enter"),
    )


def refuse_far_end(pane: Pane, launch: Launch, session: str) -> None:
    """Raise Problem where a far end's Codex cannot be started from here, and ending what the pane runs would lose it:
    a shell there, whose prompt nobody knows from here and whose jobs nobody brings back."""
    from codex_tmux.codex.processes import Processes
    from codex_tmux.far_end import not_again, paste
    from codex_tmux.run_again import NOTHING, run_again
    from codex_tmux.transport import of_argv
    from codex_tmux.transport_pane import find_transport

    again = run_again(launch.transport)
    if again.how == NOTHING:
        raise Problem(not_again(again, session))
    if pane.dead or again.ends:
        return
    if find_transport(Processes(), int(pane.root_pid)) is not None:
        transport = of_argv(launch.transport)
        where = transport.name if transport else launch.transport[0]
        what = f"; paste there: {paste(session)}" if session else ""
        raise Problem(f"pane {pane.id} is in a shell of {where}: nothing was typed, nothing ended{what}")


def require_idle(pane: Pane, row: dict[str, str]) -> None:
    """Raise Problem unless the pane's shell waits for a command line."""
    if not shell_is_idle(Processes(), int(pane.root_pid), row["pane_tty"]):
        raise Problem(f"pane {pane.id} is busy with {row['pane_current_command']}: nothing was typed")
