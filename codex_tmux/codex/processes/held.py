"""Which sessions a process has open, and who holds a lock."""

import os

from codex_tmux.codex.processes.table import Processes
from codex_tmux.codex.session_id import is_whole


def sessions_held(processes: Processes, pids: tuple[int, ...], locks: str = "") -> list[str]:
    """The ids of the sessions whose lock or rollout any of `pids` holds open, each once.

    Several after `/new` or with sub-agents; none where the shared daemon holds them. With `locks`, a folder without
    links in its path, only those whose lock in there is held.
    """
    found: dict[str, None] = {}
    for pid in pids:
        for path in processes.open_files(pid):
            folder, name = os.path.split(path.removesuffix(" (deleted)"))
            lock = name.endswith(".lock") and os.path.basename(folder) == "thread-writer-locks"
            if locks:
                wanted = lock and folder == locks
            else:
                wanted = lock or (name.startswith("rollout-") and name.endswith((".jsonl", ".jsonl.zst")))
            session_id = name.partition(".")[0][-36:]
            if wanted and is_whole(session_id):
                found[session_id.lower()] = None
    return list(found)


def lock_owner(path: str) -> int | None:
    """The process that holds a lock on the file `path`, without touching it; None for none."""
    try:
        return Processes().lock_owner(path) if os.path.exists(path) else None
    except (OSError, ValueError):
        return None
