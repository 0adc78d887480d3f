"""What was said in which session: Codex's shared daemon looks through all transcripts, else the newest rollouts do."""

import time
from collections.abc import Iterable

from codex_tmux.codex.daemon.client import DaemonError, daemon_of, has_daemon
from codex_tmux.codex.json_value import Object, objects
from codex_tmux.codex.rollout import mention
from codex_tmux.codex.store import Store
from codex_tmux.log import log

WITHIN = 2.0
"""Seconds that a daemon may take."""
LOOK_FOR = 1.0
"""Seconds that looking through rollouts may take."""
NEWEST = 500
"""How many rollouts are looked through at most; and how many sessions a daemon is asked for."""
PAGE = 100


def search(codex_home: str, word: str) -> dict[str, str]:
    """Session id → where in it somebody said `word`, best or newest first; letters' case does not matter."""
    if has_daemon(codex_home):
        try:
            return asked(codex_home, word)
        except (DaemonError, TimeoutError) as e:
            log("daemon.no_answer", codex_home=codex_home, why=e)
    sessions = Store(codex_home).recent(NEWEST)
    return looked_for(word, ((s.id, s.rollout) for s in sessions if s.rollout))


def looked_for(word: str, rollouts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The same, from the ends of these rollouts, as many as there is time for."""
    end = time.monotonic() + LOOK_FOR
    found: dict[str, str] = {}
    for session_id, path in rollouts:
        if time.monotonic() > end:
            break
        if said := mention(path, word):
            found[session_id] = said
    return found


def asked(codex_home: str, word: str) -> dict[str, str]:
    """The same, as the daemon tells it. Raises DaemonError, also from one too old to know."""
    found: dict[str, str] = {}
    with daemon_of(codex_home, WITHIN, experimental=True) as daemon:
        cursor: object = None
        while len(found) < NEWEST:
            page = daemon.call("thread/search", searchTerm=word, limit=PAGE, cursor=cursor)
            if not isinstance(page.get("data"), list):
                raise DaemonError("it does not search")
            found |= snippets(page)
            cursor = page.get("nextCursor")
            if not cursor:
                break
    return found


def snippets(page: Object) -> dict[str, str]:
    """Session id → snippet, of one page.

    >>> snippets({"data": [{"thread": {"id": "a"}, "snippet": "said"}, {"thread": 7}]})
    {'a': 'said'}
    """
    rows = [row for row in objects(page["data"]) if isinstance(row.get("thread"), dict)]
    return {str(row["thread"].get("id")): str(row.get("snippet") or "") for row in rows}
