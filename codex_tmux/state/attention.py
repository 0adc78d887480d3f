"""Which panes need the user, and which have an answer that nobody has seen: the title hook keeps both in the pane."""

from typing import NamedTuple

from codex_tmux.state.pane_options import Option

NEEDS = "!"
"""How `@codex_turning` begins while Codex waits for an approval or an answer."""


class Attention(NamedTuple):
    """`unread_since`: when the turn ended that nobody has seen, in seconds since 1970; None where there is none."""

    needs_you: bool = False
    unread_since: int | None = None


def attention_of(row: dict[str, str]) -> Attention:
    at = row[Option.UNREAD_AT]
    since = (int(at) if at.isdecimal() else 0) if row[Option.UNREAD] else None
    return Attention(row[Option.TURNING].startswith(NEEDS), since)
