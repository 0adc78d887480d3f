"""In which directory a session works: Codex asks "Working directory" where it is started in another one.

`codex --worktree` goes to a directory of its own, and `/cd` to any; the process and the pane stay where they were.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from codex_tmux.codex.commandline import parse, without_cd
from codex_tmux.codex.store import Store

TAIL = 512 * 1024
"""Bytes of a rollout that are looked at from its end: each turn begins with its directory."""


def in_directory(flags: Sequence[str], session: str, pane: str) -> list[str]:
    """`flags` with which a Codex that is started in the directory `pane` works in `session` ("": not known).

    >>> in_directory(["-m", "x"], "/src/tree", "/src")
    ['-m', 'x', '-C', '/src/tree']
    >>> in_directory(["-C", "tree"], "/src/tree", "/src")
    ['-C', 'tree']
    """
    starts_in = os.path.realpath(os.path.join(pane, parse(flags).cd or ""))
    if not session or os.path.realpath(session) == starts_in:
        return list(flags)
    return [*without_cd(flags), "-C", session]


def session_directory(store: Store, session_id: str) -> str:
    """The directory of the session's last turn, else the one that Codex's database has; "" where neither is there."""
    path = store.rollout(session_id)
    found = last_directory(_tail(path)) if path else ""
    if not found:
        session = store.find(session_id)
        found = session.cwd if session is not None else ""
    return found if os.path.isdir(found) else ""


def last_directory(rollout: bytes) -> str:
    """The directory that the end of a rollout names last; "" where it names none."""
    for line in reversed(rollout.split(b"\n")):
        # Inside a JSON string a quote is escaped: these bytes are a key or a whole value.
        if b'"turn_context"' not in line and b'"thread_settings_applied"' not in line:
            continue
        try:
            payload = json.loads(line)["payload"]
            found = payload["cwd"] if "cwd" in payload else payload["thread_settings"]["cwd"]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if isinstance(found, str) and found:
            return found
    return ""


def _tail(path: str) -> bytes:
    try:
        # O_NONBLOCK: a FIFO in the place of a rollout must not stop a pane from starting.
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            return file.read(TAIL)
    except (OSError, ValueError):
        return b""
