"""`codex-tmux sync`: look at the whole tmux server, and make the state file and the pane options say what is true."""

import os
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from codex_tmux.codex.processes.held import lock_owner
from codex_tmux.codex.processes.table import Processes
from codex_tmux.errors import NoServer, Problem
from codex_tmux.log import log, raised_at
from codex_tmux.paths import state_dir
from codex_tmux.sleeping.resume import take_over
from codex_tmux.state.lock import Held, lock
from codex_tmux.state.pane_options import decode_launch
from codex_tmux.tmux.control_mode import catch_up
from codex_tmux.tmux.server import Server
from codex_tmux.tracking.identify import guard_of
from codex_tmux.tracking.names import name_conversation
from codex_tmux.tracking.pass_once import Pass, sync_once

BURST = 2
"""How many syncs hooks may start within WINDOW seconds of each other; the next one waits and sees to the rest."""
WINDOW = 1.0
SETTLE_WAIT = 10.0
"""Seconds to wait for a sync under way."""
RESPAWN_WAIT = 5.0
"""The same where a respawn waits too; then the panes are settled beside it."""
LOCK_TRIES = 6
"""How often a sync that all events rely on waits that long for another one, before it gives up."""
WATCH_FOR = 1.5
"""Seconds to watch for a pane that a respawn changes: Codex sends an old prompt about one second after its start."""
WATCH_EVERY = 0.01
SLEEPING = "#{&&:#{pane_dead},#{?@codex_pane,1,0}}"


def main(args: list[str]) -> int:
    """The `sync` command as hooks call it: silent, errors to the log, exit 0; 1 where a respawn must know better."""
    try:
        run(Server(), args)
    except NoServer:
        pass  # it ended before this sync had its turn
    except Problem as e:
        log("sync.failed", why=e)
        want_another()
    except Exception as e:
        log("sync.crashed", why=f"{type(e).__name__}: {e}", at=raised_at(e))
        want_another()
    else:
        return 0
    return 1 if args == ["--settle"] else 0


def run(server: Server, args: list[str]) -> None:
    """What hooks ask for. Raises Problem."""
    if args == ["--watch"]:
        watch(server)
    elif args == ["--settle"]:
        settle(server)
    elif args[:1] == ["--renamed"]:
        for window, session in zip(args[1::2], args[2::2]):
            name_conversation(server, window, session)
    else:
        sync_with_retry(server)
        if not os.path.exists(os.path.join(state_dir(), "greeted")):
            from codex_tmux.tmux.greeting import greet_once  # once for good, and its imports are many

            greet_once(server)


def want_another() -> None:
    """Let the next event start a sync: this one, which all events rely on since it was started, came to nothing."""
    Server().try_run("set-option", "-gu", "@codex_pending")


def lock_name(server: Server) -> str:
    return f"sync-{zlib.crc32((server.socket or 'default').encode()):08x}"


def sync_with_retry(server: Server) -> None:
    """Sync when due; again where another one keeps the lock: what happened meanwhile may be the last for a while."""
    for left in reversed(range(LOCK_TRIES)):
        try:
            sync_rate_limited(server)
        except Held as e:
            if not left:
                raise
            log("sync.failed", why=e)
        else:
            return


def sync_rate_limited(server: Server) -> None:
    """Sync, at once for a single event, together with what follows in a burst of them."""
    stamps = sync_times(server)
    if len(stamps) >= BURST:
        # A stamp in the future (a clock set back) must not hold anybody up.
        time.sleep(max(0.0, min(WINDOW, stamps[-BURST] + WINDOW - time.time())))
    sync(server)


def sync_times(server: Server) -> list[float]:
    """When the last syncs of this tmux server began, in seconds since the epoch, oldest first."""
    try:
        # O_NONBLOCK: a FIFO in its place must not hang a hook.
        fd = os.open(times_path(server), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return [float(word) for word in os.read(fd, 1024).split()]
        finally:
            os.close(fd)
    except (OSError, ValueError):
        return []


def note_time(server: Server) -> None:
    """Note that a sync of this tmux server begins. A disk that takes no note must not stop it."""
    stamps = [*sync_times(server)[-BURST + 1 :], time.time()]
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        fd = os.open(times_path(server), flags, 0o600)
        try:
            os.write(fd, " ".join(f"{stamp:.3f}" for stamp in stamps).encode())
        finally:
            os.close(fd)
    except OSError:
        pass


def times_path(server: Server) -> str:
    """The file that holds when the last syncs of this tmux server began."""
    return os.path.join(state_dir(), f"{lock_name(server)}.times")


@contextmanager
def server_lock(server: Server, wait: float = SETTLE_WAIT) -> Iterator[None]:
    """The lock under which one process at a time reads and changes a tmux server. Raises Held.

    Where the state directory cannot hold it (a full or read-only disk), the directory of tmux's socket does: the
    panes keep their sessions in their own options all the same. A holder that is stopped, or hangs on a disk, is
    worked around: what it may do when it goes on, tmux itself does only where it still fits.
    """
    name = lock_name(server)
    with ExitStack() as held:
        try:
            held.enter_context(lock(name, wait, os.path.dirname(server.socket or "")))
        except Held:
            holder = hanging_holder(os.path.join(state_dir(), f"{name}.lock"))
            if holder is None:
                raise
            log("lock.worked_around", lock=name, holder=holder)
        yield


def hanging_holder(path: str) -> int | None:
    """The process that holds a lock file and is stopped, or waits for a disk; None where it is at work, or unknown."""
    pid = lock_owner(path)
    process = Processes().get(pid) if pid is not None else None
    return pid if process is not None and process.state in "TtD" else None


def look(server: Server) -> Pass:
    """What a sync sees. Raises Problem."""
    with server_lock(server):
        return sync_once(server)


def sync(server: Server, wait: float = SETTLE_WAIT) -> None:
    """Bring records and panes up to date once. Raises Problem where tmux or the state cannot be used."""
    # Held until laid panes are dead again: a respawn that waits for it then finds them asleep.
    with server_lock(server, wait):
        locked_sync(server)


def settle(server: Server) -> None:
    """A sync that a respawn waits for. It comes to pass without the lock too: the old command must not run again."""
    try:
        sync(server, RESPAWN_WAIT)
    except Held as e:
        log("lock.worked_around", why=e)
        locked_sync(server)
    # What was drawn in a pane that sleeps, too, must have come to every client before the respawn.
    if server.option("@codex_control"):
        asleep = server.try_run("list-panes", "-a", "-f", SLEEPING, "-F", "#{pane_id}") or ""
        for command in catch_up(server, asleep.split()):
            server.try_run(*command)


def locked_sync(server: Server) -> None:
    """Sync, the lock being held, or worked around."""
    note_time(server)
    sync_once(server)


def watch(server: Server) -> None:
    """Watch for the pane that a respawn under way changes, and give it its session back before Codex is up.

    Without the lock and the records: who holds them may be slow, and the pane's own options tell all that it takes.
    """
    end = time.monotonic() + WATCH_FOR
    plain, counted = (
        ("pane_id", "pane_pid", "pane_dead"),
        ("pane_start_command", "@codex_guard", "@codex_launch"),
    )
    while time.monotonic() < end:
        for row in server.listed("list-panes", "-a", plain=plain, chosen=counted):
            guard = guard_of(row["@codex_guard"])
            if guard is None or row["pane_dead"] == "1" or row["pane_pid"] == guard.root_pid:
                continue
            launch = decode_launch(row["@codex_launch"])
            if launch and guard.was_respawned(row["pane_pid"], row["pane_start_command"]):
                take_over(server, row["pane_id"], launch, row["pane_pid"])
                log("pane.taken_over", pane=row["pane_id"])
            sync(server)
            return
        time.sleep(WATCH_EVERY)
