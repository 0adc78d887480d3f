"""The events that `codex exec --json` prints, one JSON object a line, as values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SESSION_ON_STDERR = re.compile(rf"^session id: ({UUID.pattern})\s*$", re.IGNORECASE)


class Session(NamedTuple):
    """The turn belongs to this session; printed before anything else."""

    session_id: str


class Started(NamedTuple):
    """The message is with the model now: from here on, sending it again would send it twice."""


class Message(NamedTuple):
    """What the model says."""

    text: str


class Reasoning(NamedTuple):
    """A summary of what the model thinks."""

    text: str


class CommandStarted(NamedTuple):
    """A shell command that Codex begins to run."""

    command: str


class CommandEnded(NamedTuple):
    """A shell command that has run. `exit_code` is None where it did not (declined)."""

    command: str
    output: str
    exit_code: int | None


class FilesChanged(NamedTuple):
    """A patch: (`add`, `delete` or `update`; path) each. `done` is False where it did not apply."""

    changes: tuple[tuple[str, str], ...]
    done: bool


class Plan(NamedTuple):
    """The plan as it stands: (done, step) each."""

    steps: tuple[tuple[bool, str], ...]


class Tool(NamedTuple):
    """Another tool in one line: an MCP call, a web search, a sub-agent. `error` is "" where it went well."""

    text: str
    error: str


class Notice(NamedTuple):
    """Something Codex wants known that does not end the turn."""

    text: str


class Failed(NamedTuple):
    """An error. `final` says that it ended the turn; else Codex may still try again."""

    text: str
    final: bool


class Usage(NamedTuple):
    """Tokens of the whole session so far, not of the turn (measured with 0.169)."""

    input: int = 0
    cached: int = 0
    output: int = 0

    @property
    def total(self) -> int:
        """Input and output; cached and reasoning tokens are part of these."""
        return self.input + self.output


class Done(NamedTuple):
    """The turn is over and went well."""

    usage: Usage


class NotJson(NamedTuple):
    """A line on stdout that is no event."""

    text: str


class Unknown(NamedTuple):
    """An event this program has nothing to show for."""

    type: str


Event = (
    Session
    | Started
    | Message
    | Reasoning
    | CommandStarted
    | CommandEnded
    | FilesChanged
    | Plan
    | Tool
    | Notice
    | Failed
    | Done
    | NotJson
    | Unknown
)


class Lines:
    """Bytes in, lines out: keeps a begun line until its end comes, and lets a monstrous one go."""

    LIMIT = 32 << 20
    """Bytes of one line that are kept; a command's whole output is in one event."""

    def __init__(self) -> None:
        self._begun = bytearray()
        self._dropping = False

    def feed(self, data: bytes) -> Iterator[str]:
        """The lines that `data` completes, without their newline."""
        *ended, rest = data.split(b"\n")
        for part in ended:
            self._add(part)
            yield self._take()
        self._add(rest)

    def rest(self) -> str:
        """What came after the last newline."""
        return self._take()

    def _add(self, part: bytes) -> None:
        if self._dropping or len(self._begun) + len(part) > self.LIMIT:
            self._dropping = True
            self._begun[120:] = b""
        else:
            self._begun += part

    def _take(self) -> str:
        line = self._begun.decode("utf-8", "replace").removesuffix("\r")
        self._begun.clear()
        self._dropping = False
        return line


def parse(line: str) -> Event:
    """The event of one line; never raises. What is no event is NotJson, what is not known is Unknown."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return NotJson(line)
    if not isinstance(value, dict):
        return NotJson(line)
    kind = text_of(value, "type")
    if kind in ("thread.started", "session_meta", "session_configured"):
        return session(value) or Unknown(kind)
    if kind == "turn.started":
        return Started()
    if kind == "turn.completed":
        return Done(usage(value.get("usage")))
    if kind == "turn.failed":
        return Failed(message_of(value.get("error")), True)
    if kind == "error":
        return Failed(message_of(value), False)
    item = value.get("item")
    if isinstance(item, dict) and kind.startswith("item."):
        return item_event(kind, item)
    if isinstance(value.get("msg"), dict):
        return old_event(value["msg"])
    return Unknown(kind)


def session(value: dict[str, Any]) -> Session | None:
    """The session that an event names, or None: `thread_id` today, a payload's id in older Codex."""
    payload = value.get("payload")
    places = [value, payload] if isinstance(payload, dict) else [value]
    for place in places:
        # A sub-agent's payload has its parent's id in `session_id`, its own in `id`.
        for name in ("thread_id", "id", "session_id"):
            found = text_of(place, name).lower()
            if UUID.fullmatch(found):
                return Session(found)
    return None


def item_event(kind: str, item: dict[str, Any]) -> Event:
    """The event of an `item.started`, `item.updated` or `item.completed`."""
    what = text_of(item, "type") or text_of(item, "item_type")
    ended = kind == "item.completed"
    if what == "todo_list":
        return Plan(steps(item.get("items")))
    if what == "command_execution" and kind == "item.started":
        return CommandStarted(text_of(item, "command"))
    if not ended:
        return Unknown(f"{kind} {what}")
    if what in ("agent_message", "assistant_message"):
        return Message(text_of(item, "text"))
    if what == "reasoning":
        return Reasoning(text_of(item, "text"))
    if what == "command_execution":
        return CommandEnded(
            text_of(item, "command"), text_of(item, "aggregated_output"), exit_code(item.get("exit_code"))
        )
    if what == "file_change":
        return FilesChanged(changes(item.get("changes")), text_of(item, "status") != "failed")
    if what == "error":
        return Notice(message_of(item))
    if what == "mcp_tool_call":
        return Tool(f"{text_of(item, 'server')}.{text_of(item, 'tool')}", error_of(item))
    if what == "web_search":
        return Tool(f"web search: {text_of(item, 'query')}", error_of(item))
    return Tool(what.replace("_", " "), error_of(item)) if what else Unknown(kind)


def old_event(msg: dict[str, Any]) -> Event:
    """The event of Codex before `thread.started`: `{"id": …, "msg": {"type": …}}`."""
    what = text_of(msg, "type")
    if what == "session_configured":
        return session(msg) or Unknown(what)
    if what == "task_started":
        return Started()
    if what == "agent_message":
        return Message(text_of(msg, "message"))
    if what == "error":
        return Failed(message_of(msg), True)
    if what == "task_complete":
        return Done(Usage())
    return Unknown(what)


def text_of(value: dict[str, Any], name: str) -> str:
    """The text called `name`, "" where there is none or it is something else."""
    found = value.get(name)
    return found if isinstance(found, str) else ""


def message_of(value: object) -> str:
    """The message of an error. Some hold the API's answer as JSON text: then the message within."""
    if not isinstance(value, dict):
        return value if isinstance(value, str) else ""
    text = text_of(value, "message")
    if text.startswith("{"):
        try:
            inner = json.loads(text)
        except (ValueError, RecursionError):
            return text
        error = inner.get("error") if isinstance(inner, dict) else None
        return message_of(error) or text
    return text


def error_of(item: dict[str, Any]) -> str:
    """What went wrong with an item, "" where nothing did."""
    return message_of(item.get("error")) or ("failed" if text_of(item, "status") == "failed" else "")


def exit_code(value: object) -> int | None:
    """An exit code, None where there is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def count(value: object) -> int:
    """A number of tokens; 0 for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def usage(value: object) -> Usage:
    """The `usage` of a `turn.completed`; zeros where it is missing."""
    if not isinstance(value, dict):
        return Usage()
    return Usage(
        count(value.get("input_tokens")),
        count(value.get("cached_input_tokens")),
        count(value.get("output_tokens")),
    )


def steps(value: object) -> tuple[tuple[bool, str], ...]:
    """The steps of a `todo_list`."""
    entries = value if isinstance(value, list) else []
    return tuple((e.get("completed") is True, text_of(e, "text")) for e in entries if isinstance(e, dict))


def changes(value: object) -> tuple[tuple[str, str], ...]:
    """The changes of a `file_change`."""
    entries = value if isinstance(value, list) else []
    return tuple((text_of(e, "kind"), text_of(e, "path")) for e in entries if isinstance(e, dict))
