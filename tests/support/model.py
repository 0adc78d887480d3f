"""The model of the self-test, steered by words in the last message of a conversation.

`HOLD` keeps the answer back until `release`, `FAIL 429` answers with that HTTP status, `SLOW 5` sends the reply in
five pieces, `RUN touch x` has Codex run that command first, `SPAWN count` has it open a sub-agent for that (0.169).
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

from codex_tmux.selftest.model import Handler, Model, Request, events, message, user_messages

HOLD_SECONDS = 120.0
"""A held answer is given after this long anyway: a forgotten `release` must not hang a test for ever."""
SLOW_PAUSE = 0.2
"""Seconds between the pieces of a `SLOW n` reply."""


def has_run(body: dict[str, Any]) -> bool:
    """Whether what the last message asks for has been called: then this request brings what came of it."""
    for item in reversed(body["input"]):
        if item.get("type") == "function_call_output":
            return True
        if user_messages({"input": [item]}):
            return False
    return False


def call(number: int, text: str) -> dict[str, Any] | None:
    """The call of one of Codex's tools that a message asks for."""
    if run := re.search(r"\bRUN (.+)", text):
        # Outside of its sandbox: Codex asks first, if it may.
        wanted = {"cmd": run[1], "sandbox_permissions": "require_escalated", "justification": "as asked"}
        called = {"name": "exec_command", "arguments": json.dumps(wanted)}
    elif spawn := re.search(r"\bSPAWN (.+)", text):
        called = {"name": "spawn_agent", "namespace": "multi_agent_v1"}
        called["arguments"] = json.dumps({"message": spawn[1]})
    else:
        return None
    return {"type": "function_call", "call_id": f"call_{number}", **called}


def deltas(item: dict[str, Any], pieces: int) -> Iterator[dict[str, Any]]:
    """The events that stream a message in pieces."""
    yield {"type": "response.output_item.added", "item": {**item, "content": []}}
    text = item["content"][0]["text"]
    size = -(-len(text) // pieces)
    for start in range(0, len(text), size):
        time.sleep(SLOW_PAUSE)
        yield {
            "type": "response.output_text.delta",
            "item_id": item["id"],
            "output_index": 0,
            "content_index": 0,
            "delta": text[start : start + size],
        }


class Failure(Exception):
    """The request is answered with this HTTP status."""

    def __init__(self, status: int) -> None:
        self.status = status


class SteeredHandler(Handler):
    def do_POST(self) -> None:  # noqa: N802
        try:
            super().do_POST()
        except Failure as e:
            self.send_error(e.status)


class ModelServer(Model):
    """`names_threads`: a title is the first message; False: always the same, None: there is none."""

    names_threads: bool | None = False

    def __init__(self) -> None:
        self._released = threading.Event()
        super().__init__(SteeredHandler)

    def close(self) -> None:
        """Stop answering; held answers end."""
        self._released.set()
        super().close()

    def release(self) -> None:
        """Let go every answer that is held now; later `HOLD`s are held again."""
        released, self._released = self._released, threading.Event()
        released.set()

    def turns_with(self, text: str) -> list[Request]:
        """The requests whose conversation holds a user message with `text` in it, in order of arrival."""
        return [request for request in list(self.requests) if any(text in m for m in request.messages)]

    def title(self, request: Request) -> str:
        # Codex asks in many words, and ends with the message.
        asked = request.last.rpartition("\n")[2]
        return {True: asked, False: super().title(request), None: ""}[self.names_threads]

    def turn(self, number: int, request: Request) -> Iterator[dict[str, Any]]:
        if status := re.search(r"\bFAIL (\d{3})\b", request.last):
            raise Failure(int(status[1]))
        if not has_run(request.body) and (called := call(number, request.last)):
            return events(number, called)
        return self._in_time(number, request)

    def _in_time(self, number: int, request: Request) -> Iterator[dict[str, Any]]:
        item = message(number, self.reply_to(request.messages))
        created, *rest = events(number, item)
        yield created
        # After `created`, so that Codex shows a running turn while it waits.
        if "HOLD" in request.last:
            self._released.wait(HOLD_SECONDS)
        slow = re.search(r"\bSLOW (\d+)\b", request.last)
        if slow and int(slow[1]) > 1:
            yield from deltas(item, int(slow[1]))
        yield from rest
