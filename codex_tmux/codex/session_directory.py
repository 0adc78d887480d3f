"""In which directory a session works: Codex asks "Working directory" where it is started in another one.

`codex --worktree` goes to a directory of its own, and `/cd` to any; the process and the pane stay where they were.
"""

import os
from collections.abc import Sequence

from codex_tmux.codex.commandline import parse, without_cd
from codex_tmux.codex.rollout import TAIL, last_directory, tail
from codex_tmux.codex.store import Store


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
    found = last_directory(tail(path, TAIL) or b"") if path else ""
    if not found:
        session = store.find(session_id)
        found = session.cwd if session is not None else ""
    return found if os.path.isdir(found) else ""
