"""A stand-in for Codex's shared daemon: it answers what `activity` asks, over the same socket and protocol."""

import json
import os
import shutil
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from websockets.sync.server import Server, ServerConnection, unix_serve

IDLE = {"type": "idle"}
WORKING = {"type": "active", "activeFlags": []}
APPROVAL = {"type": "active", "activeFlags": ["waitingOnApproval"]}
ANSWER = {"type": "active", "activeFlags": ["waitingOnUserInput"]}


class FakeDaemon:
    """A daemon of `codex_home` whose threads are those of `threads`: session id → status. A context manager.

    `mute`: it takes connections and never says a word. `chatty`: it says much, and never an answer. `garbage`: what
    it says instead of answers.
    """

    def __init__(
        self, codex_home: Path, mute: bool = False, chatty: bool = False, garbage: str | None = None
    ) -> None:
        self.threads: dict[str, Any] = {}
        self.questions: list[dict[str, Any]] = []
        """What it asks whoever resumes a thread."""
        self.pages: list[dict[str, Any]] = []
        """What it answers to one search after the other."""
        self.replies: list[dict[str, Any]] = []
        self.names: dict[str, str] = {}
        """By session id, as whoever asked for it named them."""
        self.asked: list[str] = []
        self.mute = mute
        self.chatty = chatty
        self.garbage = garbage
        self._connections: list[ServerConnection] = []
        self._enough = threading.Event()
        self._link = codex_home / "app-server-control" / "app-server-control.sock"
        # As Codex does: the socket itself has a short path.
        self._directory = Path(tempfile.mkdtemp(prefix="ct-", dir="/tmp"))
        self._server: Server | None = None

    def __enter__(self) -> "FakeDaemon":
        self._link.parent.mkdir(parents=True, exist_ok=True)
        socket = self._directory / "s"
        self._server = unix_serve(self._serve, str(socket))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        os.symlink(socket, self._link)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._enough.set()
        assert self._server
        self._server.shutdown()
        self._link.unlink()
        shutil.rmtree(self._directory)

    def say(self, message: dict[str, Any]) -> None:
        """Say something to everybody who is connected."""
        for connection in self._connections:
            connection.send(json.dumps(message))

    def _serve(self, connection: ServerConnection) -> None:
        self._connections.append(connection)
        if self.mute:
            self._enough.wait(60)
            return
        while self.chatty and not self._enough.is_set():
            connection.send(json.dumps({"method": "thread/status/changed", "params": {}}))
        for message in connection:
            said = json.loads(message)
            if "method" not in said:
                self.replies.append(said)
            if "id" not in said or "method" not in said:
                continue
            self.asked.append(said["method"])
            # A notification and a question meant for a TUI come in between, as from the real one.
            connection.send(json.dumps({"method": "thread/status/changed", "params": {}}))
            connection.send(
                json.dumps({"method": "item/tool/requestUserInput", "id": said["id"], "params": {}})
            )
            connection.send(self.garbage or json.dumps({"id": said["id"], **self._answer(said)}))
            for question in self.questions if said["method"] == "thread/resume" else ():
                connection.send(json.dumps(question))

    def _answer(self, said: dict[str, Any]) -> dict[str, Any]:
        if said["method"] == "initialize":
            return {"result": {"userAgent": "fake"}}
        if said["method"] == "thread/loaded/list":
            return {"result": {"data": list(self.threads), "nextCursor": None}}
        if said["method"] == "thread/search" and self.pages:
            return {"result": self.pages.pop(0)}
        status = self.threads.get(said["params"].get("threadId"))
        if status is None:
            return {"error": {"code": -32600, "message": "thread not loaded"}}
        session = said["params"]["threadId"]
        if said["method"] == "thread/name/set":
            self.names[session] = said["params"]["name"]
            return {"result": {}}
        return {"result": {"thread": {"id": session, "status": status, "name": self.names.get(session)}}}
