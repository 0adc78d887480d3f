"""What restored panes show while they sleep: the end of each conversation, from Codex's own store."""

from codex_tmux.codex.rollout import last_exchange
from codex_tmux.codex.store import Store
from codex_tmux.state.records import Record


def last_said(records: list[Record]) -> dict[str, list[tuple[str, str]]]:
    """(who, what) of the last message of each side, by session; where that is not to be read, the session's title."""
    found = {r.session_id: Store(r.codex_home).find(r.session_id) for r in records}
    said = {s: last_exchange(known.rollout) for s, known in found.items() if known}
    return {s: said.get(s) or [("", (known and known.title) or s)] for s, known in found.items()}
