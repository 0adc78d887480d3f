"""A pane that is to be a fork of another pane's conversation, as long as nobody knows which session that has made.

It stands in `@codex_fresh`, as words: the session to fork, when that was asked for in milliseconds, Codex's options.
"""

import time
from collections.abc import Sequence

from codex_tmux.codex.rollout import read_rollout
from codex_tmux.codex.store import Store

NEWEST = 20
"""How many of the newest sessions are looked at."""


def text_of(session: str, worktree: bool) -> str:
    return f"{session} {time.time_ns() // 1_000_000}{' --worktree' if worktree else ''}"


def is_fork(fresh: str) -> bool:
    """Whether `@codex_fresh` speaks of a fork.

    >>> is_fork("1"), is_fork(""), is_fork("01a201da-7561-7551-a7df-a07aa6f38cdb 1732000000000")
    (False, False, True)
    """
    return " " in fresh


def words(text: str, flags: Sequence[str]) -> list[str]:
    """The arguments with which Codex makes the fork.

    >>> words("01a201da-7561-7551-a7df-a07aa6f38cdb 1732000000000 --worktree", ["-m", "x"])
    ['-m', 'x', 'fork', '--worktree', '01a201da-7561-7551-a7df-a07aa6f38cdb']
    """
    session, _, *options = text.split(" ")
    return [*flags, "fork", *options, session]


def was_made(text: str, store: Store) -> bool:
    """Whether Codex has made a fork since it was asked for. Then that is what the pane had, whatever is said in it by
    now, and a second one would be another conversation."""
    session, since, *_ = text.split(" ")
    younger = (s for s in store.recent(NEWEST) if s.rollout and s.created_ms >= int(since))
    return any(read_rollout(s.rollout)[0].get("forked_from_id") == session for s in younger)
