"""`codex-tmux sync`: look at the whole tmux server, and make the state file and the pane options say what is true."""

from __future__ import annotations

import os
import time
import zlib

from codex_tmux.errors import Problem
from codex_tmux.log import log
from codex_tmux.paths import make_state_dir, state_dir
from codex_tmux.tmux import Server

BURST = 2
"""How many syncs hooks may start within WINDOW seconds of each other; the next one waits and sees to the rest."""
WINDOW = 1.0
SETTLE_WAIT = 10.0
"""Seconds to wait for a sync under way before a respawn goes on without it."""
WATCH_FOR = 1.5
"""Seconds to watch for a pane that a respawn changes: Codex sends an old prompt about one second after its start."""
WATCH_EVERY = 0.01


def main(args: list[str]) -> int:
    """The `sync` command as hooks call it: silent, errors to the log, always exit 0."""
    if args and args[0] in ("-h", "--help"):
        from codex_tmux.cli import main as cli_main

        return cli_main(["sync", "--help"])
    try:
        if args == ["--watch"]:
            watch(Server())
        elif args == ["--settle"]:
            sync(Server())
        elif args == ["--last"]:
            from codex_tmux.closing import close_last

            close_last(Server())
        elif args[:1] == ["--noted"]:
            from codex_tmux.closing import close_noted

            close_noted(Server(), args[1:])
        else:
            server = Server()
            when_due(server)
            if not os.path.exists(os.path.join(state_dir(), "greeted")):
                from codex_tmux.greeting import greet_once

                greet_once(server)
    except Problem as e:
        log("sync.failed", why=e)
    except Exception as e:
        import traceback

        frames = traceback.extract_tb(e.__traceback__)
        where = " < ".join(f"{os.path.basename(f.filename)}:{f.lineno}" for f in reversed(frames[-4:]))
        log("sync.crashed", why=f"{type(e).__name__}: {e}", at=where)
    return 0


def lock_name(server: Server) -> str:
    """The name of the lock that syncs of one tmux server hold."""
    return f"sync-{zlib.crc32((server.socket or 'default').encode()):08x}"


def when_due(server: Server) -> None:
    """Sync, at once for a single event, together with what follows in a burst of them."""
    stamps = sync_times(server)
    if len(stamps) >= BURST:
        # A stamp in the future (a clock set back) must not hold anybody up.
        time.sleep(max(0.0, min(WINDOW, stamps[-BURST] + WINDOW - time.time())))
    sync(server)


def sync_times(server: Server) -> list[float]:
    """When the last syncs of this tmux server began, in seconds since the epoch, oldest first."""
    try:
        with open(os.path.join(make_state_dir(), f"{lock_name(server)}.times")) as f:
            return [float(word) for word in f.read().split()]
    except (OSError, ValueError):
        return []


def sync(server: Server, wait: float = SETTLE_WAIT) -> None:
    """Bring records and panes up to date once. Raises Problem where tmux or the state cannot be used."""
    from codex_tmux import store

    # Held until laid panes are dead again: a respawn that waits for it then finds them asleep.
    with store.lock(lock_name(server), wait):
        from codex_tmux.pass_once import sync_once

        stamps = [*sync_times(server)[-BURST + 1 :], time.time()]
        with open(os.path.join(make_state_dir(), f"{lock_name(server)}.times"), "w") as f:
            f.write(" ".join(f"{stamp:.3f}" for stamp in stamps))
        sync_once(server)


def watch(server: Server) -> None:
    """Watch for the pane that a respawn under way changes, and sync as soon as it does."""
    form = "#{pane_id} #{pane_pid} #{pane_dead} #{@codex_guard}"
    end = time.monotonic() + WATCH_FOR
    while time.monotonic() < end:
        for line in server.run("list-panes", "-a", "-F", form).splitlines():
            _, pid, dead, guard = [*line.split(" ", 3), "", "", ""][:4]
            guarded_pid = guard.partition(" ")[0]
            if guarded_pid and dead == "0" and pid != guarded_pid:
                sync(server)
                return
        time.sleep(WATCH_EVERY)
