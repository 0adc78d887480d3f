"""The model of the self-test, steered by words in the last message of a conversation.

`HOLD` keeps the answer back until `release`, `FAIL 429` answers with that HTTP status, `RUN touch x` has Codex run that
command first, `PATCH /x` make that file, `SPAWN count` has it open a sub-agent for that (0.169).
"""

import json
import re
import secrets
import threading
from collections.abc import Iterator
from typing import Any

from codex_tmux.selftest.model import Handler, Model, Request, events, message, user_messages

HOLD_SECONDS = 120.0
"""A held answer is given after this long anyway: a forgotten `release` must not hang a test for ever."""


def is_conversation(body: dict[str, Any]) -> bool:
    """Whether a user asks: 0.169 also asks for a title of its own accord ("thread_title")."""
    turn = (body.get("client_metadata") or {}).get("x-codex-turn-metadata")
    return not turn or bool(json.loads(turn).get("thread_source", "user") == "user")


def has_run(body: dict[str, Any]) -> bool:
    """Whether what the last message asks for has been called: then this request brings what came of it."""
    for item in reversed(body["input"]):
        if item.get("type") == "function_call_output":
            return True
        if user_messages({"input": [item]}):
            return False
    return False


def call(text: str) -> dict[str, Any] | None:
    """The call of one of Codex's tools that a message asks for."""
    if patch := re.search(r"\bPATCH (.+)", text):
        body = f"*** Begin Patch\n*** Add File: {patch[1]}\n+hello\n*** End Patch\n"
        called = {"name": "exec_command", "arguments": json.dumps({"cmd": f"apply_patch <<'EOF'\n{body}EOF"})}
    elif run := re.search(r"\bRUN (.+)", text):
        # Outside of its sandbox: Codex asks first, if it may.
        wanted = {"cmd": run[1], "sandbox_permissions": "require_escalated", "justification": "as asked"}
        called = {"name": "exec_command", "arguments": json.dumps(wanted)}
    elif spawn := re.search(r"\bSPAWN (.+)", text):
        called = {"name": "spawn_agent", "namespace": "multi_agent_v1"}
        called["arguments"] = json.dumps({"message": spawn[1]})
    else:
        return None
    return {"type": "function_call", "call_id": f"call_{secrets.token_hex(4)}", **called}


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
    """`requests` holds the conversations' requests only, not those of Codex's own, for a title.

    `names_threads`: a title is the first message; False: always the same, None: there is none.
    """

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

    def answer(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        messages = user_messages(body)
        last = messages[-1] if messages else ""
        if not is_conversation(body):
            # Codex asks in many words, and ends with the message.
            titles = {True: last.rpartition("\n")[2], False: "A conversation", None: ""}
            return events(message(json.dumps({"title": titles[self.names_threads]})))
        answer = super().answer(body)
        if status := re.search(r"\bFAIL (\d{3})\b", last):
            raise Failure(int(status[1]))
        if not has_run(body) and (called := call(last)):
            return events(called)
        return self._in_time(answer, last)

    def _in_time(self, answer: Iterator[dict[str, Any]], last: str) -> Iterator[dict[str, Any]]:
        yield next(answer)
        # Behind `created`, so that Codex shows a running turn while it waits.
        if "HOLD" in last:
            self._released.wait(HOLD_SECONDS)
        yield from answer
