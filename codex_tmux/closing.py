"""The last tmux session is gone and the server about to end: what was closed by hand, and what is lost with it?"""

from __future__ import annotations

import os

from codex_tmux import store
from codex_tmux.log import log
from codex_tmux.pass_once import decide, perform
from codex_tmux.reconcile import Policy, Snapshot
from codex_tmux.records import CLOSED, ENDED, now
from codex_tmux.sync import lock_name
from codex_tmux.tmux import SERVER_COUNTED, SERVER_FORMAT, SERVER_PLAIN, Server, TmuxError, parse_rows

WAIT = 3.0
"""Seconds to wait for a sync under way: the tmux server waits for us, and its user for the server."""


def close_last(server: Server, args: list[str]) -> None:
    """Note what the user has closed. `args`: the server epoch, the panes that held Codex, those still there at the
    last closing before this one, and those whose process ended by itself. Raises Problem.
    """
    epoch, panes, here, exited = (args + [""] * 4)[:4]
    with store.lock(lock_name(server), WAIT):
        try:
            out = server.run_bytes("display-message", "-p", SERVER_FORMAT)
        except TmuxError:
            # It no longer answers: it is being killed, and what it still held is lost. What had been closed before
            # is not, though no sync came to see it.
            note_gone(server, epoch, set(panes.split()), set(here.split()), set(exited.split()))
            return
        row = parse_rows(out, SERVER_PLAIN, SERVER_COUNTED)[0]
        gone = frozenset(row["@codex_exited"].split()) | frozenset(exited.split())
        snapshot = Snapshot(row["socket_path"], f"{row['pid']}:{row['start_time']}", (), gone)
        for action in decide(snapshot, Policy())[1]:
            perform(server, action)


def note_gone(server: Server, epoch: str, panes: set[str], here: set[str], exited: set[str]) -> None:
    """Mark the records of panes that went before their server did."""
    gone = panes - here if here else exited & panes
    if not gone:
        return
    with store.lock():
        records = store.load()
        new = tuple(
            r._replace(status=ENDED if r.pane in exited else CLOSED, updated_at=now())
            if r.current and r.pane in gone and r.epoch == epoch and same_socket(r.server, server.socket)
            else r
            for r in records
        )
        if new != records:
            store.save(new)
            log("record.closed_at_end", panes=" ".join(sorted(gone)))


def same_socket(one: str, other: str | None) -> bool:
    """Whether two paths name one socket."""
    return one == other or os.path.realpath(one) == os.path.realpath(other or "")
