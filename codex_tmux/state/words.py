"""The states of a conversation in the words that people read; programs read those of `records` and `activity`."""

from codex_tmux.codex.daemon.activity import ANSWER, APPROVAL, WAITING, WORKING
from codex_tmux.state.records import LIVE, STATUS_WORDS

ACTIVITY_WORDS = {APPROVAL: "needs approval", ANSWER: "needs an answer"}
NO_RECORD = "·"
UNREAD = "unread"
"""A turn has ended, and nobody has looked at its pane since."""


def state_words(status: str, activity: str | None, unread: bool = False) -> str:
    """What a list says of a conversation; a dot where codex-tmux has no record of it.

    What a running one is doing says that it runs. One that does not run is idle; its work may go on in Codex's daemon.

    >>> state_words("live", None), state_words("live", "idle"), state_words("dead", "idle")
    ('running', 'idle', 'asleep')
    >>> state_words("live", "approval"), state_words("dead", "approval"), state_words("", None)
    ('needs approval', 'asleep, needs approval', '·')
    >>> state_words("live", "idle", True), state_words("dead", None, True), state_words("live", "answer", True)
    ('unread', 'asleep, unread', 'needs an answer')
    """
    unread = unread and activity not in WAITING
    doing = UNREAD if unread else ACTIVITY_WORDS.get(activity or "", activity or "")
    word = STATUS_WORDS.get(status, NO_RECORD)
    if status == LIVE:
        return doing or word
    if not status:
        return f"{word} {doing}".rstrip()
    return f"{word}, {doing}" if unread or activity in (*WAITING, WORKING) else word
