"""What Codex asks its user: approvals and questions, as its shared daemon brings them to whoever resumes the thread."""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from codex_tmux.codex.daemon.activity import WAITING, activity_of
from codex_tmux.codex.daemon.client import Client, Message
from codex_tmux.codex.json_value import Object, objects, texts

COMMAND = "item/commandExecution/requestApproval"
CHANGE = "item/fileChange/requestApproval"
PERMISSIONS = "item/permissions/requestApproval"
QUESTION = "item/tool/requestUserInput"
FORM = "mcpServer/elicitation/request"
ASKS = (COMMAND, CHANGE, PERMISSIONS, QUESTION, FORM)
RESOLVED = "serverRequest/resolved"

YES, NO, ALWAYS = "yes", "no", "always"
DECISIONS = {YES: "accept", NO: "decline", ALWAYS: "acceptForSession"}
COME_WITHIN = 1.5
"""Seconds in which the requests of a thread come after it was resumed."""
QUIET_FOR = 0.1
"""Seconds of silence after which no more of them are expected."""


class Request(NamedTuple):
    """One request of one thread. `number` names it for the daemon; `item` is the turn's item that it is about."""

    number: object
    session_id: str
    kind: str
    params: Object
    item: Object
    thread: Object


def pending(daemon: Client) -> list[Request]:
    """All requests of the threads that the daemon has open. Raises what `Client` raises."""
    ids = texts(daemon.call("thread/loaded/list").get("data"))
    read = daemon.call_each("thread/read", [{"threadId": session} for session in ids])
    waiting = {
        session: answer["thread"]
        for session, answer in zip(ids, read, strict=True)
        if activity_of(answer) in WAITING
    }
    for session in waiting:
        daemon.ask("thread/resume", threadId=session, excludeTurns=True)
    asked = _asked(daemon, set(waiting))
    changing = list(dict.fromkeys(m.params["threadId"] for m in asked if m.method == CHANGE))
    last_turn = [{"threadId": session, "limit": 1, "sortDirection": "desc"} for session in changing]
    daemon.listen_until(time.monotonic() + COME_WITHIN)
    turns = dict(zip(changing, daemon.call_each("thread/turns/list", last_turn), strict=True))
    found = []
    for kind, params, number in asked:
        session = params["threadId"]
        # Only what changes files is told by the turn: the request names the item.
        item = _item(turns[session], params.get("itemId")) if kind == CHANGE else {}
        found.append(Request(number, session, kind, params, item, waiting[session]))
    return found


def _asked(daemon: Client, threads: set[str]) -> list[Message]:
    """What these threads ask for, once each has told it and no more comes."""
    end = time.monotonic() + COME_WITHIN
    found: dict[object, Message] = {}
    silent = set(threads)
    with suppress(TimeoutError):
        while threads:
            daemon.listen_until(end if silent else min(end, time.monotonic() + QUIET_FOR))
            message = next(daemon.messages())
            session = message.params.get("threadId")
            if message.number is not None and message.method in ASKS and session in threads:
                silent.discard(session)
                found[message.number] = message
            elif message.method == RESOLVED:
                found.pop(message.params.get("requestId"), None)
    return [*found.values()]


def _item(answer: Object, item_id: object) -> Object:
    items = [item for turn in objects(answer.get("data")) for item in objects(turn.get("items"))]
    return next((item for item in items if item.get("id") == item_id), {})


def answer_to(request: Request, verdict: str) -> dict[str, object] | None:
    """What to reply; None where this cannot be said to such a request.

    >>> answer_to(Request(1, "s", COMMAND, {}, {}, {}), ALWAYS)
    {'decision': 'acceptForSession'}
    """
    if request.kind in (COMMAND, CHANGE):
        human = request.params.get("kind") == "humanCommand"
        return None if human and verdict == ALWAYS else {"decision": DECISIONS[verdict]}
    wanted = request.params.get("permissions")
    if request.kind == PERMISSIONS and isinstance(wanted, dict):
        granted = {} if verdict == NO else wanted
        return {"permissions": granted, "scope": "session" if verdict == ALWAYS else "turn"}
    return None


def resolved(daemon: Client) -> set[object]:
    """The numbers of the requests that have been answered, of what has come since the last look."""
    found = set()
    daemon.listen_until(time.monotonic() + 0.01)
    with suppress(TimeoutError):
        for method, params, _ in daemon.messages():
            if method == RESOLVED:
                found.add(params.get("requestId"))
    return found


def facts(request: Request) -> list[tuple[str, str]]:
    """(what, text) of all that a person must know to answer, whole and as Codex sent it: not yet fit for a terminal."""
    params = request.params
    found: list[tuple[str, object]] = []
    if request.kind == COMMAND:
        what = (
            "wants to type into a running program" if params.get("kind") == "writeStdin" else "wants to run"
        )
        found += [(f"Codex {what}", params.get("command")), *_network(params)]
    elif request.kind == CHANGE:
        found += [("Codex wants to change files", _changes(request.item))]
        found += [("and to write from now on anywhere below", params.get("grantRoot"))]
    elif request.kind == PERMISSIONS:
        found += [("Codex wants permissions", "\n".join(_leaves(params.get("permissions"))))]
    elif request.kind == QUESTION:
        found += [("Codex asks", "\n".join(_questions(params.get("questions"))))]
    else:
        found += [(f"{params.get('serverName')} asks", params.get("message")), ("at", params.get("url"))]
    found += [("in", params.get("cwd")), ("because", params.get("reason"))]
    return [(what, text) for what, text in found if isinstance(text, str) and text]


def _network(params: Object) -> Iterable[tuple[str, object]]:
    context = params.get("networkApprovalContext")
    return [("and to reach", "\n".join(_leaves(context)))] if context else []


def _changes(item: Object) -> str:
    changes = [f"{c.get('path')}\n{c.get('diff') or ''}".rstrip() for c in objects(item.get("changes"))]
    return "\n".join(changes) or "(Codex does not say which)"


def _questions(questions: object) -> Iterator[str]:
    for question in objects(questions):
        yield str(question.get("question"))
        yield from (f"- {option.get('label')}" for option in objects(question.get("options")))


def _leaves(value: object, name: str = "") -> Iterator[str]:
    """Each value in nested JSON, with the names that lead to it.

    >>> [*_leaves({"network": {"enabled": True}, "fileSystem": {"write": ["/a", "/b"]}})]
    ['network.enabled: true', 'fileSystem.write: /a', 'fileSystem.write: /b']
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, name)
    elif value is not None:
        yield f"{name}: {str(value).lower() if isinstance(value, bool) else value}"
