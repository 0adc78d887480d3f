"""What a conversation looks like before it is opened: its place, how it was started, the last that was said."""

from __future__ import annotations

import json
import os
from itertools import islice

from codex_tmux import daemon_messages
from codex_tmux.codex.commandline import redact
from codex_tmux.codex.store import COMPRESSED
from codex_tmux.commands.conversations import Conversation
from codex_tmux.plain_text import plain, plain_line, tilde

TAIL = 128 * 1024
"""Bytes read from the end of a rollout, which may hold many megabytes."""
MESSAGES = 8
ROOMY = 12
"""Rows from which every thing that is known has a line of its own."""
LINES = 12
"""Lines shown of one message."""


def preview(conversation: Conversation, rollout: str | None, width: int = 80, height: int = 100) -> list[str]:
    """The lines of a preview, plain text: of the messages as many of the last as fit into `height`, one at least."""
    head = long_head(conversation) if height >= ROOMY else short_head(conversation)
    left = height - rows_of(head, width)
    said: list[str] = []
    for speaker, text in reversed(messages_of(conversation, rollout) if rollout else []):
        lines = [line.rstrip() for line in plain(text).strip().splitlines()]
        block = ["", f"── {speaker}", *lines[:LINES], *(["…"] if len(lines) > LINES else [])]
        left -= rows_of(block, width)
        if left < 0 and said:
            break
        said = block + said
    return head + said


def long_head(conversation: Conversation) -> list[str]:
    """What is known of a conversation, a line for each thing."""
    head = [
        plain_line(conversation.title),
        f"session    {conversation.session_id}",
        f"place      {place_of(conversation)}",
        f"directory  {tilde(plain_line(conversation.cwd))}",
    ]
    if conversation.launch.transport:
        head.append(f"through    {plain_line(' '.join(conversation.launch.transport))}")
    if conversation.launch.flags:
        head.append(f"flags      {flags_of(conversation)}")
    if conversation.evidence:
        head.append(f"known by   {conversation.evidence}")
    return head


def short_head(conversation: Conversation) -> list[str]:
    """The same in few lines, for a small window; the title is in the list above."""
    where = f"{place_of(conversation)}  {tilde(plain_line(conversation.cwd))}"
    return [where, f"{conversation.session_id}  {flags_of(conversation)}".rstrip()]


def place_of(conversation: Conversation) -> str:
    """Status, place and what it is doing, in words."""
    if not conversation.status:
        return "in no pane yet"
    return plain_line(", ".join(word for word in (conversation.where, conversation.state) if word))


def flags_of(conversation: Conversation) -> str:
    """The flags, without what is secret."""
    return plain_line(" ".join(redact(conversation.launch.flags)))


def rows_of(lines: list[str], width: int) -> int:
    """How many rows of a terminal these lines take."""
    return sum(max(1, -(-len(line) // max(1, width))) for line in lines)


def messages_of(conversation: Conversation, rollout: str) -> list[tuple[str, str]]:
    """(who, what) of the last messages, oldest first."""
    if not rollout.endswith(COMPRESSED):
        return last_messages(rollout)
    return daemon_messages.last_messages(conversation.codex_home, conversation.session_id, MESSAGES)


def last_messages(path: str) -> list[tuple[str, str]]:
    """(who, what) of the last messages in a rollout, oldest first; reads only its end."""
    messages = filter(None, map(message_of, reversed(tail(path).split(b"\n"))))
    return list(islice(messages, MESSAGES))[::-1]


def tail(path: str, size: int = TAIL) -> bytes:
    """The last `size` bytes of a file, from the start of a line on; b"" where it cannot be read."""
    try:
        # O_NONBLOCK: a FIFO in the place of a rollout must not stop the preview.
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - size))
            data = file.read(size)
    except OSError:
        return b""
    return data if end <= size else data.partition(b"\n")[2]


def message_of(line: bytes) -> tuple[str, str] | None:
    """Who said what, where a line of a rollout is a message of the person or the model."""
    if b'"message"' not in line:
        return None
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    payload = entry.get("payload") if isinstance(entry, dict) else None
    if not isinstance(payload, dict) or payload.get("type") != "message":
        return None
    content = payload.get("content")
    parts = (
        [part.get("text") for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    )
    text = "\n".join(part for part in parts if isinstance(part, str))
    role = payload.get("role")
    # Codex also speaks in the user's name: its context stands in tags.
    if role not in ("user", "assistant") or not text.strip() or text.startswith(("<", "# AGENTS.md")):
        return None
    return ("you" if role == "user" else "Codex"), text
