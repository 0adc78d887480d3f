"""A Codex whose server is elsewhere (`codex --remote ADDR`): the id of its session, as that server tells it.

The session is in the server's store, so this machine's store says nothing of it.
"""

import os

from codex_tmux.codex.commandline import value_of
from codex_tmux.codex.daemon.client import Client, DaemonError, connected
from codex_tmux.codex.json_value import objects, texts
from codex_tmux.codex.session_id import is_whole
from codex_tmux.codex.store import created_ms

WITHIN = 10.0
"""Seconds that the server may take for all answers."""
PAGE = 100
PAGES = 50


def whole_id(address: str, token: str, prefix: str) -> tuple[str, bool]:
    """The id of the server's one session that begins with `prefix`, "" where it has none, and whether that has a
    message. Raises DaemonError.
    """
    with connected(address, WITHIN, token) as server:
        listed = listed_ids(server, prefix)
        loaded = ids_in(server.call("thread/loaded/list").get("data"), prefix)
    found = listed | loaded
    if len(found) > 1:
        raise DaemonError(f"it named {len(found)} sessions that begin so")
    return (found.pop(), bool(listed)) if found else ("", False)


def listed_ids(server: Client, prefix: str) -> set[str]:
    """The stored sessions that begin with `prefix`: they have a message. The list is read, newest first, back to the
    time that the prefix names."""
    cursor = None
    for _ in range(PAGES):
        page = server.call("thread/list", limit=PAGE, cursor=cursor, sortKey="created_at")
        threads = objects(page.get("data"))
        found = ids_in([t.get("id") for t in threads], prefix)
        cursor = page.get("nextCursor")
        oldest = min((created_ms(str(t.get("id"))) for t in threads), default=0)
        if found or not cursor or oldest < created_ms(prefix):
            return found
    return set()


def ids_in(data: object, prefix: str) -> set[str]:
    """The session ids of a list that begin with `prefix`."""
    return {found for found in texts(data) if found.startswith(prefix) and is_whole(found)}


def token_of(flags: tuple[str, ...]) -> str:
    """The token that `flags` name a variable of; "" where they name none, or it is not set."""
    return os.environ.get(value_of(flags, "--remote-auth-token-env"), "")
