"""The stand-in's shared background server: it holds the files of all sessions, as Codex's own does, and its TUIs none.

A session's lock outlives its last TUI, a turn outlives its pane, a TUI outlives its server and reattaches to the
next one. What the two say to each other is the stand-in's own: one JSON object a line, over a unix socket.
"""

import contextlib
import fcntl
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from codex_tmux.selftest.standin import codex_home, config
from tests.support.standin_session import Refused, StoredSession

SWITCH = "shared_daemon = true"
"""The line of config.toml with which the stand-in uses a shared server; Codex knows no such key."""
EMBEDDED_FLAGS = ("-c", "--config", "--search", "--strict-config", "--no-daemon")
"""With any of these Codex goes without its shared server."""
LINGER = float(os.environ.get("CODEX_STANDIN_LINGER") or 60)
"""Seconds for which the server keeps a session's lock after the last TUI has left it."""
START_WITHIN = 15.0
RECONNECT_EVERY = 0.1


def is_wanted(flags: list[str]) -> bool:
    """Whether a TUI with these flags goes through the shared server."""
    names = {flag.partition("=")[0] for flag in flags}
    return SWITCH in config().splitlines() and not names.intersection(EMBEDDED_FLAGS)


def socket_path() -> str:
    """A path short enough for a socket, of this CODEX_HOME alone."""
    return os.path.join(tempfile.gettempdir(), f"standin-{zlib.crc32(bytes(codex_home())):08x}")


class RemoteSession:
    """A session as its TUI has it: what `StoredSession` offers, done by the server."""

    def __init__(self, session_id: str | None = None, waiting: Callable[[], None] = lambda: None) -> None:
        self.waiting = waiting
        self._files = connect_or_start()
        opened = self._call({"op": "open", "session": session_id, "cwd": os.getcwd()})
        self.id = str(opened["id"])
        self.items: list[dict[str, Any]] = opened["items"]

    def ask(self, text: str) -> str:
        """Send a message; where the server has gone, wait for another one first."""
        while True:
            try:
                return str(self._call({"op": "ask", "text": text})["reply"])
            except (OSError, ValueError):
                self._reattach()

    def quit(self) -> None:
        """Leave the session; the server still holds it for a while."""
        self._files.close()

    def _call(self, message: dict[str, Any]) -> dict[str, Any]:
        self._files.write(json.dumps(message) + "\n")
        self._files.flush()
        line = self._files.readline()
        if not line:
            raise ConnectionError("the server has gone")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer

    def _reattach(self) -> None:
        self.waiting()
        while True:
            with contextlib.suppress(OSError, ValueError):
                self._files = connect()
                self._call({"op": "open", "session": self.id, "cwd": os.getcwd()})
                return
            time.sleep(RECONNECT_EVERY)


def connect() -> Any:
    """A connection to the running server. Raises OSError where none runs."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as made:
        made.connect(socket_path())
        return made.makefile("rw")


def connect_or_start() -> Any:
    """A connection to the server, started below this process where none runs."""
    folder = codex_home() / "app-server-daemon"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "start.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with contextlib.suppress(OSError):
            return connect()
        command = [sys.executable, "-I", sys.argv[0], "app-server", "--listen", "unix://", "--managed-daemon"]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(
            command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
        ) as made:
            made.returncode = 0  # it outlives us: nobody waits for it here
        end = time.monotonic() + START_WITHIN
        while True:
            try:
                return connect()
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)


class Held:
    """A session that the server holds: its files, and how many TUIs show it."""

    def __init__(self, session: StoredSession) -> None:
        self.session = session
        self.viewers = 0
        self.one_turn_at_a_time = threading.Lock()


class Server:
    """The sessions of one CODEX_HOME."""

    def __init__(self) -> None:
        self.held: dict[str, Held] = {}
        self.lock = threading.Lock()

    def serve(self) -> None:
        """Answer TUIs until killed."""
        path = Path(socket_path())
        path.unlink(missing_ok=True)
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
            listener.bind(str(path))
            listener.listen(64)
            pid_file = codex_home() / "app-server-daemon/daemon.pid"
            pid_file.write_text(json.dumps({"pid": os.getpid()}))
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection: socket.socket) -> None:
        """Answer one TUI until it leaves; a turn under way is finished without it."""
        mine: Held | None = None
        with contextlib.closing(connection), connection.makefile("rw") as files:
            with contextlib.suppress(OSError, ValueError):
                for line in files:
                    message = json.loads(line)
                    if message["op"] == "open":
                        try:
                            mine = self.open(message)
                        except Refused as e:
                            answer: dict[str, Any] = {"error": str(e)}
                        else:
                            answer = {"id": mine.session.id, "items": mine.session.items}
                    else:
                        assert mine is not None
                        with mine.one_turn_at_a_time:
                            answer = {"reply": mine.session.ask(message["text"])}
                    files.write(json.dumps(answer) + "\n")
                    files.flush()
            if mine is not None:
                self.leave(mine)
            with contextlib.suppress(OSError):
                files.flush()

    def open(self, message: dict[str, Any]) -> Held:
        """The session asked for, held from now on."""
        wanted = message["session"]
        with self.lock:
            held = self.held.get(wanted)
            if held is None:
                session = StoredSession(wanted, "vscode", message["cwd"])
                held = self.held[session.id] = Held(session)
            held.viewers += 1
            return held

    def leave(self, held: Held) -> None:
        """One TUI less; the last one's session is let go after a while."""
        with self.lock:
            held.viewers -= 1
        threading.Timer(LINGER, self.let_go, (held,)).start()

    def let_go(self, held: Held) -> None:
        """Close a session that nobody has come back to."""
        with self.lock:
            if held.viewers == 0 and self.held.get(held.session.id) is held:
                del self.held[held.session.id]
                held.session.close()
