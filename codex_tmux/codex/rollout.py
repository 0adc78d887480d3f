"""A rollout, the file of one session: what kind of session it is, what was said, in which directory it works.

One line is one JSON object. A line that is damaged, cut, or of another kind tells nothing.
"""

import itertools
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from codex_tmux.codex.json_value import Object, a_text, an_object, object_in, texts_in

COMPRESSED = ".zst"
"""Ends the name of one that Codex has compressed since: the database then tells what is in it."""
HEAD = 256 * 1024
"""Bytes read from the start: the first line holds all base instructions, the first message comes soon after."""
TAIL = 2 * 1024 * 1024
"""Bytes read from the end: what lies before counts as not known. A turn may print much."""

# Inside a JSON string a quote is escaped, so these bytes are a key or a whole value: most lines are passed over unread.
TYPED = (b'"user_message"', b'"UserMessage"')
"""Codex's own events of what the user has typed, the older and the newer one."""
EXCHANGED = (b'"message"',)
"""What the model reads and answers."""
DIRECTORY = (b'"turn_context"', b'"thread_settings_applied"')


class Said(NamedTuple):
    role: str
    text: str
    typed: bool


def first_line(path: str) -> tuple[bytes, bool]:
    """(the first line, or as much of it as is read; whether the file has more than nothing)."""
    head = _start(path)
    return head.partition(b"\n")[0], bool(head)


def says_subagent(line: bytes) -> bool:
    """Whether a `session_meta` line is a sub-agent's. An ordinary session is known without parsing it."""
    return b'"subagent"' in line and is_subagent(_payload(line, cut=True))


def is_subagent(row: Object) -> bool:
    """Of a database row or of a `session_meta`, which use the same two words."""
    return row.get("thread_source") == "subagent" or source_of(row) == "subagent"


def source_of(row: Object) -> str:
    """`cli`, or the key of `{"subagent": …}`, which the database holds as text; "" for none."""
    value = row.get("source")
    if isinstance(value, str) and value.startswith("{"):
        value = object_in(value)
    return a_text(next(iter(value), "") if isinstance(value, dict) else value)


def read_rollout(path: str) -> tuple[Object, str]:
    """(payload of the `session_meta`, first message of the person), each empty where it is not found.

    Reads the first 256 KB at most.
    """
    lines = _start(path).split(b"\n")[:200]
    metas = (_payload(line, cut=True) for line in lines if b'"session_meta"' in line)
    first = ""
    for said in filter(None, map(said_in, lines)):
        if said.typed and said.text:
            first = said.text
            break
        if said.role == "user":
            first = first or said.text
    return next(filter(None, metas), {}), first


def last_user_message(path: str) -> str | None:
    """The user's last message in the rollout; "" where it holds none, None where that is not known.

    A fork's rollout begins after what it shares with its parent: without a message of its own it is not known.
    """
    data = None if path.endswith(COMPRESSED) else tail(path, TAIL)
    if data is None:
        return None
    none = "" if len(data) < TAIL and b'"forked_from_id"' not in data else None
    return next((said.text for said in _backwards(data, TYPED) if said.typed), none)


def last_messages(path: str, number: int) -> list[tuple[str, str]]:
    """(who, what) of the last messages of both sides, oldest first."""
    return list(itertools.islice(_exchanged(path), number))[::-1]


def last_exchange(path: str) -> list[tuple[str, str]]:
    """(who, what) of the last message of each side, in the order in which they came."""
    last: dict[str, str] = {}
    for who, text in _exchanged(path):
        last.setdefault(who, text)
        if len(last) == 2:
            break
    return [*last.items()][::-1]


def _exchanged(path: str) -> Iterator[tuple[str, str]]:
    data = None if path.endswith(COMPRESSED) else tail(path, TAIL)
    said = (s for s in _backwards(data, EXCHANGED) if not s.typed and s.text.strip())
    return (("you" if s.role == "user" else "Codex", s.text) for s in said)


def mention(path: str, word: str) -> str:
    """The line of the last message with `word` in it, in any case, near the rollout's end; "" for none."""
    wanted, data = word.casefold(), tail(path, TAIL) or b""
    if wanted.isascii() and wanted.isalnum() and wanted.encode() not in data.lower():
        return ""  # such a word stands in JSON as it is
    texts = (said.text for said in _backwards(data))
    text = next((text for text in texts if wanted in text.casefold()), "")
    return next((line for line in text.splitlines() if wanted in line.casefold()), text)


def _backwards(data: bytes | None, marks: Iterable[bytes] = (*TYPED, *EXCHANGED)) -> Iterator[Said]:
    lines = reversed((data or b"").split(b"\n"))
    return (said for line in lines if (said := said_in(line, marks)) is not None)


def last_directory(data: bytes) -> str:
    """The directory that the end of a rollout names last, each turn anew; "" where it names none."""
    for line in reversed(data.split(b"\n")):
        if not any(mark in line for mark in DIRECTORY):
            continue
        payload = _payload(line)
        says = payload if "cwd" in payload else an_object(payload.get("thread_settings"))
        if found := a_text(says.get("cwd")):
            return found
    return ""


def said_in(line: bytes, marks: Iterable[bytes] = (*TYPED, *EXCHANGED)) -> Said | None:
    """The message that a line of a rollout is, if any of `marks` stands in it."""
    if not any(mark in line for mark in marks):
        return None
    payload = _payload(line)
    item, role = an_object(payload.get("item")), payload.get("role")
    kind = payload.get("type")
    if kind == "user_message":
        text, typed = payload.get("message"), True
    elif (kind, item.get("type")) == ("item_completed", "UserMessage"):
        text, typed = _text(item.get("content")), True
    elif kind == "message" and role in ("user", "assistant"):
        text, typed = _text(payload.get("content")), False
        # Codex also speaks in the user's name: its context stands in tags.
        text = None if str(text).startswith(("<", "# AGENTS.md")) else text
    else:
        return None
    return Said("user" if typed else str(role), text, typed) if isinstance(text, str) else None


def tail(path: str, size: int) -> bytes | None:
    """The end of a file, `size` bytes at most; None where it cannot be read."""
    return _part(path, size, at_end=True)


def _start(path: str) -> bytes:
    return _part(path, HEAD) or b""


def _part(path: str, size: int, at_end: bool = False) -> bytes | None:
    try:
        with open(path, "rb", opener=_at_once) as file:
            if at_end:
                file.seek(max(0, file.seek(0, os.SEEK_END) - size))
            return file.read(size)
    except (OSError, ValueError):
        return None


def _at_once(path: str, flags: int) -> int:
    # A FIFO in the place of a rollout must not stop a pane from starting.
    return os.open(path, flags | os.O_NONBLOCK)


def _payload(line: bytes, cut: bool = False) -> Object:
    """The payload of a line, else {}. `cut`: also of a first line longer than what was read of it: what is of interest
    stands before the instructions."""
    entry = object_in(line)
    if cut and not entry:
        entry = object_in(line.partition(b',"base_instructions":')[0] + b"}}")
    return an_object(entry.get("payload"))


def _text(content: object) -> str | None:
    return "\n".join(filter(None, texts_in(content))) if isinstance(content, list) else None
