"""What a conversation is doing, as Codex's shared daemon tells it; a daemon is asked, never started.

The daemon (Codex 0.157 and later) speaks JSON-RPC over WebSocket on a socket in `$CODEX_HOME`; the protocol is
public: `codex app-server generate-json-schema --out DIR`. A Codex that runs without the daemon cannot be asked.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from codex_tmux import __version__
from codex_tmux.log import log

IDLE, WORKING, APPROVAL, ANSWER, FAILED = "idle", "working", "approval", "answer", "error"
ACTIVITIES = (IDLE, WORKING, APPROVAL, ANSWER, FAILED)
"""Between two turns; in one; one that waits for an approval, or for an answer; one that ended in an error."""
WAITING = (APPROVAL, ANSWER)
"""The conversation goes on only when the user does something."""
WITHIN = 0.5
"""Seconds that all daemons together may take."""
IN_PASSING = 0.25
"""Seconds that they may take where a person waits for something else, and would rather have it without this."""
IMPORT_WITHIN = 1.0
"""Seconds that our own preparation may take beside that."""
LARGEST_ANSWER = 1 << 24
"""Bytes: an answer tells the whole first message of a thread."""


def socket_path(codex_home: str) -> str:
    """The socket of the daemon of a `CODEX_HOME`, behind the link; there or not."""
    # A unix socket's path may have 107 bytes: the link's own is often longer than what it points to.
    return os.path.realpath(os.path.join(codex_home, "app-server-control", "app-server-control.sock"))


def has_daemon(codex_home: str) -> bool:
    """Whether there is a socket of this user's to ask."""
    try:
        return os.stat(socket_path(codex_home)).st_uid == os.geteuid()
    except OSError:
        return False


class DaemonError(Exception):
    """The daemon does not answer, or says something else than the protocol."""


def ask_all(wanted: dict[str, set[str]], within: float = WITHIN) -> dict[str, str]:
    """Session id → activity, for what is known of the sessions `wanted` of each `CODEX_HOME`.

    A session that no daemon has open, or whose daemon does not answer within `within` seconds, is left out.
    """
    return asking({home: sessions for home, sessions in wanted.items() if sessions}, within)()


def asking(
    wanted: Mapping[str, Collection[str] | None], within: float = WITHIN
) -> Callable[[], dict[str, str]]:
    """Begin to ask as `ask_all` does, where None stands for all that a daemon has open; call it for the answer."""
    found: dict[str, str] = {}
    begun = time.monotonic()

    def ask_one(codex_home: str, sessions: Collection[str] | None) -> None:
        # The daemons' time, not ours: on a busy machine this import alone takes a quarter of a second.
        import websockets.sync.client  # noqa: F401

        try:
            found.update(ask(codex_home, sessions, time.monotonic() + within))
        except DaemonError as e:
            log("daemon.no_answer", codex_home=codex_home, why=e)

    # Daemon threads, so that one which hangs for all our bounds cannot keep the program from ending.
    threads = [
        threading.Thread(target=ask_one, args=(home, sessions), daemon=True)
        for home, sessions in wanted.items()
        if has_daemon(home)
    ]
    for thread in threads:
        thread.start()

    def answer() -> dict[str, str]:
        for thread in threads:
            thread.join(max(0.0, begun + within + IMPORT_WITHIN - time.monotonic()))
        return dict(found)

    return answer


def no_log() -> logging.Logger:
    """A logger for websockets that keeps quiet: what goes wrong there is told by exceptions.

    Its own writes a traceback to stderr, over whatever is on the screen, where a connection is given up while something
    still comes in.
    """
    logger = logging.getLogger("codex_tmux.websockets")
    logger.disabled = True
    return logger


def ask(codex_home: str, sessions: Collection[str] | None, deadline: float) -> dict[str, str]:
    """Session id → activity of those of `sessions` (None: all) that the daemon of `codex_home` has open.

    `deadline` is in seconds of `time.monotonic`. Raises DaemonError.
    """
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import unix_connect

    def left() -> float:
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("no answer in time")  # also where it never stops talking of something else
        return seconds

    try:
        with unix_connect(
            socket_path(codex_home),
            "ws://localhost/",
            open_timeout=left(),
            close_timeout=0.05,
            ping_interval=None,
            compression=None,
            max_size=LARGEST_ANSWER,
            logger=no_log(),
        ) as connection:

            def call(requests: list[tuple[str, dict[str, Any]]]) -> Iterator[tuple[int, dict[str, Any]]]:
                """Ask all at once; the answers, by the number of their request, as they come."""
                for number, (method, params) in enumerate(requests):
                    connection.send(json.dumps({"id": number, "method": method, "params": params}))
                for _ in requests:
                    answer = None
                    while answer is None:
                        # Notifications, and questions meant for a TUI, come in between.
                        answer = answer_in(connection.recv(left()))
                    yield answer

            client = {"name": "codex-tmux", "title": "codex-tmux", "version": __version__}
            for _ in call([("initialize", {"clientInfo": client})]):
                connection.send(json.dumps({"method": "initialized"}))
            loaded: set[str] = set()
            for _, result in call([("thread/loaded/list", {})]):
                data = result.get("data")
                loaded = {d for d in data if isinstance(d, str)} if isinstance(data, list) else set()
            here = [*loaded] if sessions is None else [s for s in sessions if s in loaded]
            answers = call([("thread/read", {"threadId": s}) for s in here])
            known = {here[n]: activity_of(result) for n, result in answers if n in range(len(here))}
            return {session: activity for session, activity in known.items() if activity}
    except (OSError, WebSocketException, ValueError, EOFError) as e:
        raise DaemonError(f"{type(e).__name__}: {e}") from e


def answer_in(message: str | bytes) -> tuple[int, dict[str, Any]] | None:
    """The number and the result of an answer, a refused one's empty; None for any other message. ValueError."""
    said = json.loads(message)
    if not isinstance(said, dict) or "method" in said or type(said.get("id")) is not int:
        return None
    result = said.get("result")
    return said["id"], result if isinstance(result, dict) else {}


def activity_of(result: dict[str, Any]) -> str | None:
    """The activity in the answer to `thread/read`; None where it tells none.

    >>> activity_of({"thread": {"status": {"type": "active", "activeFlags": ["waitingOnApproval"]}}})
    'approval'
    """
    thread = result.get("thread")
    status = thread.get("status") if isinstance(thread, dict) else None
    if not isinstance(status, dict):
        return None
    kind, flags = status.get("type"), status.get("activeFlags")
    if kind == "active":
        waits = flags if isinstance(flags, list) else []
        if "waitingOnApproval" in waits:
            return APPROVAL
        return ANSWER if "waitingOnUserInput" in waits else WORKING
    return {"idle": IDLE, "systemError": FAILED}.get(str(kind))
