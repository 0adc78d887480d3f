"""A model on the loopback, so that real Codex talks without an account and without tokens.

It answers `POST /v1/responses` the way Codex 0.63–0.169 expects it. The reply counts and repeats what the
user typed in this conversation so far, so a resumed conversation proves on the screen, and in
`ModelServer.requests`, what it remembers:

    turn 2 | first: my dog is Rex | last: and my cat? | all: my dog is Rex / and my cat?

Words in the last message steer it: `HOLD` keeps the answer back until `release`, `FAIL 429` answers with that
HTTP status, `SLOW 5` sends the reply in five pieces, `RUN touch x` has Codex run that command first, `SPAWN count`
has it open a sub-agent with that task (0.169).
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, cast

HOLD_SECONDS = 120.0
"""A held answer is given after this long anyway: a forgotten `release` must not hang a test for ever."""
SLOW_PAUSE = 0.2
"""Seconds between the pieces of a `SLOW n` reply."""

# What Codex itself puts in as a user item: `<environment_context>…`, `<turn_aborted>…` and the like, and,
# without a tag, the content of AGENTS.md.
INJECTED = re.compile(r"\s*(<[a-z_]+[ >]|# AGENTS\.md instructions)")


@dataclass(frozen=True)
class Request:
    """One question to the model: when it came, what the user had typed by then, and the whole body."""

    time: float
    session_id: str
    messages: tuple[str, ...]
    model: str
    body: dict[str, Any] = field(repr=False)

    @property
    def last(self) -> str:
        """The newest message of the user, "" when there is none."""
        return self.messages[-1] if self.messages else ""


def user_messages(body: dict[str, Any]) -> tuple[str, ...]:
    """What the user typed in the conversation of a request, oldest first; Codex's own items left out."""
    found = []
    for item in body.get("input") or []:
        if (
            not isinstance(item, dict)
            or item.get("role") != "user"
            or item.get("type", "message") != "message"
        ):
            continue
        content = item.get("content") or []
        parts = [{"text": content}] if isinstance(content, str) else content
        texts = [part.get("text") for part in parts if isinstance(part, dict)]
        found += [text.strip() for text in texts if text and not INJECTED.match(text)]
    return tuple(found)


def thread_source(body: dict[str, Any]) -> str:
    """Who asks: "user" for a conversation; 0.169 also asks for a title of its own accord ("thread_title")."""
    try:
        turn = json.loads(body["client_metadata"]["x-codex-turn-metadata"])
        return str(turn["thread_source"])
    except (KeyError, TypeError, ValueError):
        return "user"


def session_of(body: dict[str, Any]) -> str:
    """The session of the request, "" where Codex does not say; `prompt_cache_key` is it in every version."""
    metadata = body.get("client_metadata")
    named = metadata.get("thread_id") if isinstance(metadata, dict) else None
    return str(named or body.get("prompt_cache_key") or "")


def reply_to(messages: tuple[str, ...]) -> str:
    """The one line that proves which messages of the user a conversation holds."""
    if not messages:
        return "turn 0"
    flat = [" ".join(message.split()) for message in messages]
    return f"turn {len(flat)} | first: {flat[0]} | last: {flat[-1]} | all: {' / '.join(flat)}"


def events(number: int, reply: str, pieces: int = 1) -> Iterator[dict[str, Any]]:
    """The server-sent events of one answer; with more than one piece the text is also streamed as deltas."""
    response_id, item_id = f"resp_{number}", f"msg_{number}"
    yield {"type": "response.created", "response": {"id": response_id}}
    item = {"type": "message", "role": "assistant", "id": item_id}
    if pieces > 1:
        yield {"type": "response.output_item.added", "item": {**item, "content": []}}
        size = -(-len(reply) // pieces)
        for start in range(0, len(reply), size):
            yield {
                "type": "response.output_text.delta",
                "item_id": item_id,
                "output_index": 0,
                "content_index": 0,
                "delta": reply[start : start + size],
            }
    done = {**item, "content": [{"type": "output_text", "text": reply}]}
    yield {"type": "response.output_item.done", "item": done}
    usage = {
        "input_tokens": 1,
        "input_tokens_details": None,
        "output_tokens": 1,
        "output_tokens_details": None,
        "total_tokens": 2,
    }
    yield {"type": "response.completed", "response": {"id": response_id, "usage": usage}}


def has_run(body: dict[str, Any]) -> bool:
    """Whether what the last message asks for has been called: then this request brings what came of it."""
    for item in reversed(body.get("input") or []):
        if isinstance(item, dict) and item.get("type") == "function_call_output":
            return True
        if user_messages({"input": [item]}):
            return False
    return False


def command_events(number: int, command: str) -> Iterator[dict[str, Any]]:
    """The events of an answer that has Codex run a command outside its sandbox: it asks first, if it may."""
    wanted = {"cmd": command, "sandbox_permissions": "require_escalated", "justification": "as asked"}
    return call_events(number, {"name": "exec_command", "arguments": json.dumps(wanted)})


def spawn_events(number: int, task: str) -> Iterator[dict[str, Any]]:
    """The events of an answer that has Codex open a sub-agent."""
    called = {"name": "spawn_agent", "namespace": "multi_agent_v1"}
    return call_events(number, {**called, "arguments": json.dumps({"message": task})})


def call_events(number: int, called: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The events of an answer that calls one of Codex's tools."""
    response_id = f"resp_{number}"
    yield {"type": "response.created", "response": {"id": response_id}}
    item = {"type": "function_call", "call_id": f"call_{number}", **called}
    yield {"type": "response.output_item.done", "item": item}
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    yield {"type": "response.completed", "response": {"id": response_id, "usage": usage}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def owner(self) -> ModelServer:
        return cast(_Http, self.server).owner

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path.split("?")[0] == "/v1/models":
            self._json(200, {"object": "list", "data": [], "models": []})
        else:
            self._json(404, {"error": {"message": f"no such path: {self.path}"}})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.split("?")[0] != "/v1/responses":
            self._json(404, {"error": {"message": f"no such path: {self.path}"}})
            return
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            self._json(400, {"error": {"message": "the body is not a JSON object"}})
            return
        if thread_source(body) == "user":
            self._answer(self.owner.record(body))
        else:
            asked = user_messages(body)
            # Codex asks in many words, and ends with the message.
            message = asked[-1].rpartition("\n")[2] if asked else ""
            title = {True: message, False: "A conversation", None: ""}[self.owner.names_threads]
            self._stream(json.dumps({"title": title}))

    def _answer(self, request: Request) -> None:
        if status := re.search(r"\bFAIL (\d{3})\b", request.last):
            self._json(int(status[1]), {"error": {"message": f"asked to fail with {status[1]}"}})
            return
        pieces = 1
        if slow := re.search(r"\bSLOW (\d+)\b", request.last):
            pieces = max(1, int(slow[1]))
        run = re.search(r"\bRUN (.+)", request.last)
        spawn = re.search(r"\bSPAWN (.+)", request.last)
        if (run or spawn) and not has_run(request.body):
            number = self.owner.next_number()
            self._send(
                command_events(number, run[1]) if run else spawn_events(number, spawn[1] if spawn else "")
            )
            return
        self._stream(reply_to(request.messages), pieces, hold="HOLD" in request.last)

    def _stream(self, reply: str, pieces: int = 1, hold: bool = False) -> None:
        self._send(events(self.owner.next_number(), reply, pieces), hold)

    def _send(self, events: Iterator[dict[str, Any]], hold: bool = False) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        # No length is known beforehand: the end of the connection is the end of the answer.
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            for event in events:
                if event["type"] == "response.output_text.delta":
                    time.sleep(SLOW_PAUSE)
                self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
                self.wfile.flush()
                # After `created`, so that Codex shows a running turn while it waits.
                if event["type"] == "response.created" and hold:
                    self.owner.wait_for_release()
        except OSError:
            pass  # Codex was killed in the middle of the answer; tests do that

    def _json(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    # A Codex killed in mid-answer leaves a thread that must not keep `close` waiting.
    block_on_close = False
    owner: ModelServer

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class ModelServer:
    """A running model server on a free loopback port; a context manager.

    `requests` holds the conversations' requests only; what Codex asks for itself (a title) is answered and
    forgotten. `log`: a file that gets one JSON line per request. `release_file`: a path whose existence
    releases held answers. `names_threads`: a title is the first message; False: always the same, None: there is none.
    """

    names_threads: bool | None = False

    def __init__(self, port: int = 0, log: str | None = None, release_file: str | None = None) -> None:
        self.requests: list[Request] = []
        self._log = log
        self._release_file = release_file
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._released = threading.Event()
        self._http = _Http(("127.0.0.1", port), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """The `base_url` for Codex, ending in `/v1`."""
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def start(self) -> ModelServer:
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop answering; held answers end."""
        self._released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> ModelServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def turns_with(self, text: str) -> list[Request]:
        """The requests whose conversation holds a user message with `text` in it, in order of arrival."""
        return [request for request in list(self.requests) if any(text in m for m in request.messages)]

    def release(self) -> None:
        """Let go every answer that is held now; later `HOLD`s are held again."""
        with self._lock:
            released, self._released = self._released, threading.Event()
        released.set()

    def record(self, body: dict[str, Any]) -> Request:
        request = Request(
            time.time(), session_of(body), user_messages(body), str(body.get("model", "")), body
        )
        with self._lock:
            self.requests.append(request)
            if self._log:
                line = {
                    name: getattr(request, name)
                    for name in ("time", "session_id", "messages", "model", "body")
                }
                with open(self._log, "a", encoding="utf-8") as log:
                    log.write(json.dumps(line) + "\n")
        return request

    def next_number(self) -> int:
        return next(self._numbers)

    def wait_for_release(self) -> None:
        with self._lock:
            released = self._released
        deadline = time.monotonic() + HOLD_SECONDS
        while time.monotonic() < deadline and not released.wait(0.05):
            if self._release_file and os.path.exists(self._release_file):
                return


def main(args: list[str] | None = None) -> int:
    """Serve as a process until it is ended; the first line of output is the address."""
    parser = argparse.ArgumentParser(prog="python -m codex_tmux.model_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", metavar="FILE", help="append one JSON line per request")
    parser.add_argument("--dir", help="held answers are given once DIR/release exists")
    options = parser.parse_args(args)
    release_file = os.path.join(options.dir, "release") if options.dir else None
    with ModelServer(options.port, options.log, release_file) as server:
        print(server.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
