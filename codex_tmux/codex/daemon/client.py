"""The protocol of Codex's app-server: JSON-RPC over WebSocket (`codex app-server generate-json-schema --out DIR`).

Codex's shared daemon (0.157 and later) speaks it on a socket in `$CODEX_HOME`, a server elsewhere (`codex --remote`) at
`ws://HOST:PORT`, `wss://HOST:PORT` or `unix://PATH`. Whoever is asked is never started for it.
"""

import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

from codex_tmux import __version__
from codex_tmux.codex.json_value import Object, a_text, an_object

OPEN_WITHIN = 5.0
"""Seconds that opening a connection may take, of all that an answer may."""
LARGEST_ANSWER = 1 << 24
"""Bytes: an answer tells the whole first message of a thread."""


class DaemonError(Exception):
    """Whoever is asked is not there, does not answer, or says something else than the protocol; the text says which."""


@contextmanager
def told_by_daemon_error(*failures: type[Exception]) -> Iterator[None]:
    """Raise DaemonError in the place of these, but for a TimeoutError."""
    try:
        yield
    except TimeoutError:
        raise
    except failures as e:
        raise DaemonError(f"{type(e).__name__}: {e}") from e


def socket_path(codex_home: str) -> str:
    """The socket of the daemon of a `CODEX_HOME`, behind the link; there or not."""
    # A unix socket's path may have 107 bytes: the link's own is often longer than what it points to.
    return os.path.realpath(os.path.join(codex_home, "app-server-control", "app-server-control.sock"))


def has_daemon(codex_home: str) -> bool:
    try:
        return os.stat(socket_path(codex_home)).st_uid == os.geteuid()
    except OSError:
        return False


@contextmanager
def connected(address: str, within: float, token: str = "", experimental: bool = False) -> "Iterator[Client]":
    """A client that has introduced itself, whose answers may take `within` seconds together; `experimental`: it may
    also ask what Codex calls so.

    Raises DaemonError for whatever goes wrong, also in the block.
    """
    # Before the time counts: on a busy machine this alone takes a quarter of a second.
    import logging

    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect, unix_connect

    # websockets' own logger writes a traceback over whatever is on the screen, where a connection is given up while
    # something still comes in. What goes wrong is told by exceptions.
    quiet = logging.getLogger("codex_tmux.websockets")
    quiet.disabled = True
    options: dict[str, Any] = {
        "open_timeout": min(OPEN_WITHIN, within),
        "close_timeout": 0.05,
        "ping_interval": None,
        "compression": None,
        "max_size": LARGEST_ANSWER,
        "logger": quiet,
    }
    if token:
        options["additional_headers"] = {"Authorization": f"Bearer {token}"}
    deadline = time.monotonic() + within
    try:
        with (
            unix_connect(address.removeprefix("unix://"), "ws://localhost/", **options)
            if address.startswith("unix://")
            else connect(address, proxy=None, **options)
        ) as connection:
            client = Client(connection, deadline, (WebSocketException, EOFError, OSError, ValueError))
            client.call(
                "initialize",
                clientInfo={"name": "codex-tmux", "title": "codex-tmux", "version": __version__},
                **({"capabilities": {"experimentalApi": True}} if experimental else {}),
            )
            client.notify("initialized")
            yield client
    except (OSError, WebSocketException, ValueError, EOFError) as e:
        raise DaemonError(f"{type(e).__name__}: {e}") from e


def daemon_of(codex_home: str, within: float, experimental: bool = False) -> "AbstractContextManager[Client]":
    """A client of the daemon of a `CODEX_HOME`; as `connected`."""
    return connected(f"unix://{socket_path(codex_home)}", within, experimental=experimental)


class Message(NamedTuple):
    """What the daemon says unasked; a question has a number to answer to."""

    method: str
    params: Object
    number: object = None


class Client:
    """Questions and answers over one connection, until `deadline` in seconds of `time.monotonic`.

    Its methods raise DaemonError, and TimeoutError at the deadline.
    """

    def __init__(self, connection: Any, deadline: float, failures: tuple[type[Exception], ...]) -> None:
        self._connection = connection
        self._deadline = deadline
        self._failures = failures
        self._asked = 0

    def call(self, method: str, **params: object) -> Object:
        """The answer to one question, {} where it was refused."""
        return self.call_each(method, [params])[0]

    def call_each(self, method: str, several: Sequence[dict[str, object]]) -> list[Object]:
        """The answers to a question with each of these parameters, all asked at once."""
        numbers = range(self._asked, self._asked + len(several))
        self._asked = numbers.stop
        for number, params in zip(numbers, several, strict=True):
            self._send({"id": number, "method": method, "params": params})
        answers: dict[int, Object] = {}
        while len(answers) < len(several):
            said = self._receive()
            # Notifications, and questions meant for a TUI, come in between.
            if "method" not in said and type(its := said.get("id")) is int and its in numbers:
                answers[its] = an_object(said.get("result"))
        return [answers[number] for number in numbers]

    def notify(self, method: str) -> None:
        self._send({"method": method})

    def ask(self, method: str, **params: object) -> None:
        """Ask, and let the answer go by."""
        self._send({"id": self._asked, "method": method, "params": params})
        self._asked += 1

    def reply(self, number: object, result: dict[str, object]) -> None:
        self._send({"id": number, "result": result})

    def listen_until(self, deadline: float) -> None:
        """From now on whatever comes may come until `deadline` in seconds of `time.monotonic`, inf: for ever."""
        self._deadline = deadline

    def messages(self) -> Iterator[Message]:
        """What the daemon says of its own accord, as it comes. Ends by TimeoutError at the deadline."""
        while True:
            said = self._receive()
            if method := a_text(said.get("method")):
                yield Message(method, an_object(said.get("params")), said.get("id"))

    def _send(self, message: dict[str, object]) -> None:
        with told_by_daemon_error(*self._failures):
            self._connection.send(json.dumps(message))

    def _receive(self) -> Object:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer in time")  # also where it never stops talking of something else
        with told_by_daemon_error(*self._failures):
            return an_object(json.loads(self._connection.recv(None if math.isinf(left) else left)))
