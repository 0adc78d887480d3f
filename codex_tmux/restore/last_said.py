"""What restored panes show while they sleep: the end of each conversation, from Codex's own store."""

from codex_tmux.codex.daemon.messages import last_messages
from codex_tmux.codex.rollout import last_exchange, last_of_each
from codex_tmux.codex.store import Store
from codex_tmux.state.records import Record

TURNS = 2
"""Turns that a daemon is asked for: the last one may have no answer yet."""


def last_said(records: list[Record]) -> dict[str, list[tuple[str, str]]]:
    """(who, what) of the last message of each side, by session; where that is not to be read, the session's title."""
    found = {r.session_id: Store(r.codex_home).find(r.session_id) for r in records}
    said = {s: last_exchange(known.rollout) for s, known in found.items() if known}
    said |= told([r for r in records if not said.get(r.session_id)])
    return {s: said.get(s) or [("", (known and known.title) or s)] for s, known in found.items()}


def told(records: list[Record]) -> dict[str, list[tuple[str, str]]]:
    """The same where the rollout is compressed, or of another form, as Codex's daemon tells it, if one runs."""
    said: dict[str, list[tuple[str, str]]] = {}
    for home in {r.codex_home for r in records}:
        sessions = [r.session_id for r in records if r.codex_home == home]
        said |= zip(sessions, map(last_of_each, last_messages(home, sessions, TURNS)))
    return said
