"""A model on the loopback, so that real Codex talks without an account and without tokens.

It answers `POST /v1/responses` the way Codex 0.63–0.169 expects it. The reply repeats what the user typed in this
conversation so far, so a resumed conversation proves on the screen, and in `Model.requests`, what it remembers:

    turn 2 | first: my dog is Rex | last: and my cat? | all: my dog is Rex / and my cat?
"""

import json
import re
import secrets
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

# What Codex itself puts in as a user item: `<environment_context>…`, `<turn_aborted>…` and the like, and,
# without a tag, the content of AGENTS.md.
INJECTED = re.compile(r"\s*(<[a-z_]+[ >]|# AGENTS\.md instructions)")


class Request(NamedTuple):
    """One question to the model: its session, what the user had typed by then, and the whole body."""

    session_id: str
    messages: tuple[str, ...]
    body: dict[str, Any]

    @property
    def last(self) -> str:
        return self.messages[-1] if self.messages else ""


def user_messages(body: dict[str, Any]) -> tuple[str, ...]:
    """What the user typed in the conversation of a request, oldest first; Codex's own items left out."""
    items = [i for i in body["input"] if i.get("role") == "user" and i.get("type", "message") == "message"]
    texts = [part.get("text", "") for item in items for part in item["content"]]
    return tuple(text.strip() for text in texts if text and not INJECTED.match(text))


def reply_to(messages: tuple[str, ...]) -> str:
    """The one line that proves which messages of the user a conversation holds."""
    flat = [" ".join(message.split()) for message in messages]
    return f"turn {len(flat)} | first: {flat[0]} | last: {flat[-1]} | all: {' / '.join(flat)}"


def events(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    response = {"id": f"resp_{secrets.token_hex(4)}"}
    yield {"type": "response.created", "response": response}
    yield {"type": "response.output_item.done", "item": item}
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    yield {"type": "response.completed", "response": {**response, "usage": usage}}


def message(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text}]
    return {"type": "message", "role": "assistant", "id": f"msg_{secrets.token_hex(4)}", "content": content}


class Handler(BaseHTTPRequestHandler):
    server: "Model"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/v1/responses":
            self.send_error(404)
            return
        answer = self.server.answer(json.loads(raw))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for event in answer:
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
            self.wfile.flush()


class Model(ThreadingHTTPServer):
    daemon_threads = True
    # A Codex killed in mid-answer leaves a thread that must not keep `close` waiting.
    block_on_close = False

    def __init__(self, handler: type[Handler] = Handler) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.requests: list[Request] = []
        self.reply_to = reply_to
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # Codex was killed in the middle of the answer
            super().handle_error(request, client_address)

    def answer(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        request = Request(body.get("prompt_cache_key", ""), user_messages(body), body)
        self.requests.append(request)
        return events(message(self.reply_to(request.messages)))
