"""A Codex whose server is elsewhere (`codex --remote ADDR`): the id of its session, as that server tells it.

The session is in the server's store, so this machine's store says nothing of it. The protocol is the one of
`activity`; `ADDR` is `ws://HOST:PORT`, `wss://HOST:PORT` or `unix://PATH`.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from codex_tmux import __version__
from codex_tmux.codex.activity import LARGEST_ANSWER, answer_in, no_log
from codex_tmux.codex.commandline import is_session_id
from codex_tmux.codex.store import created_ms

WITHIN = 10.0
"""Seconds that the server may take for all answers."""
PAGE = 100
PAGES = 50
TOKEN = "--remote-auth-token-env"


class ServerError(Exception):
    """The server cannot be reached, or says something else than the protocol; the text says which."""


def whole_id(address: str, token: str, prefix: str) -> tuple[str, bool]:
    """The id of the server's one session that begins with `prefix`, "" where it has none, and whether that has a
    message. Raises ServerError.
    """
    from websockets.exceptions import WebSocketException

    deadline = time.monotonic() + WITHIN
    try:
        with connect(address, token) as connection:
            talk = Talk(connection, deadline)
            talk.ask(
                "initialize",
                {"clientInfo": {"name": "codex-tmux", "title": "codex-tmux", "version": __version__}},
            )
            connection.send(json.dumps({"method": "initialized"}))
            listed = talk.listed(prefix)
            loaded = ids_in(talk.ask("thread/loaded/list", {}).get("data"), prefix)
    except (OSError, WebSocketException, ValueError, EOFError) as e:
        raise ServerError(f"{type(e).__name__}: {e}") from e
    found = listed | loaded
    if len(found) > 1:
        raise ServerError(f"it named {len(found)} sessions that begin so")
    return (found.pop(), bool(listed)) if found else ("", False)


def connect(address: str, token: str) -> Any:
    """A connection to the server, to be used as a context manager. Raises as websockets does."""
    from websockets.sync.client import connect as by_network
    from websockets.sync.client import unix_connect

    options: dict[str, Any] = {
        "open_timeout": WITHIN / 2,
        "close_timeout": 0.2,
        "max_size": LARGEST_ANSWER,
        "logger": no_log(),
    }
    if token:
        options["additional_headers"] = {"Authorization": f"Bearer {token}"}
    if address.startswith("unix://"):
        return unix_connect(address.removeprefix("unix://"), "ws://localhost/", **options)
    return by_network(address, proxy=None, **options)


class Talk:
    """Questions and answers over one connection, one at a time."""

    def __init__(self, connection: Any, deadline: float) -> None:
        self.connection = connection
        self.deadline = deadline
        self.number = 0

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The answer to one question, {} where it was refused. Raises TimeoutError, ValueError."""
        self.number += 1
        self.connection.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while True:
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no answer within {WITHIN:g} s")
            answer = answer_in(self.connection.recv(left))
            if answer is not None and answer[0] == self.number:
                return answer[1]

    def listed(self, prefix: str) -> set[str]:
        """The stored sessions that begin with `prefix`: they have a message. The list is read, newest first, back to
        the time that the prefix names."""
        cursor = None
        for _ in range(PAGES):
            page = self.ask("thread/list", {"limit": PAGE, "cursor": cursor, "sortKey": "created_at"})
            data = page.get("data")
            threads = [t for t in data if isinstance(t, dict)] if isinstance(data, list) else []
            found = ids_in([t.get("id") for t in threads], prefix)
            cursor = page.get("nextCursor")
            oldest = min((created_ms(str(t.get("id"))) for t in threads), default=0)
            if found or not cursor or oldest < created_ms(prefix):
                return found
        return set()


def ids_in(data: object, prefix: str) -> set[str]:
    """The session ids of a list that begin with `prefix`."""
    ids = data if isinstance(data, list) else []
    return {i for i in ids if isinstance(i, str) and i.startswith(prefix) and is_session_id(i)}


def token_of(flags: tuple[str, ...]) -> str:
    """The token that `flags` name a variable of; "" where they name none, or it is not set."""
    for at, flag in enumerate(flags):
        name, given, value = flag.partition("=")
        if name == TOKEN:
            return os.environ.get(value if given else "".join(flags[at + 1 : at + 2]), "")
    return ""
