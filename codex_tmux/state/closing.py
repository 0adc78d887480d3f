"""The last tmux session is gone and the server about to end: what was closed by hand, and what is lost with it?"""

import os

from codex_tmux.log import log
from codex_tmux.state import store
from codex_tmux.state.records import CLOSED, ENDED, LOST, Record, now
from codex_tmux.tmux import epoch
from codex_tmux.tmux.server import Server


def close_noted(server: Server, args: list[str]) -> None:
    """Note the closings that a server, gone by now, had noted for the sync that it did not live to see.

    `args`: its pid, the panes that held Codex, those there at the last closing, those that had ended by themselves.
    Raises Problem.
    """
    pid, *lists = (args + [""] * 4)[:4]
    panes, here, exited = (set(panes.split()) for panes in lists)
    gone = panes - here

    def is_gone(record: Record) -> bool:
        # A new server may have been quicker to call them lost.
        open_or_lost = record.current or record.status == LOST
        same_socket = os.path.realpath(record.server) == os.path.realpath(server.socket or "")
        return open_or_lost and record.pane in gone and same_socket and epoch.is_of(record.epoch, pid)

    with store.lock():
        records = store.load()
        new = tuple(
            r._replace(status=ENDED if r.pane in exited else CLOSED, updated_at=now()) if is_gone(r) else r
            for r in records
        )
        if new != records:
            store.save(new)
            log("record.closed_at_end", panes=" ".join(sorted(gone)))
