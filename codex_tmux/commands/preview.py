"""What a conversation looks like before it is opened: its place, how it was started, the last that was said."""

from __future__ import annotations

import json
import os

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
    """The lines of a preview, plain text: of the messages as many of the last as fit into `height`."""
    head = long_head(conversation) if height >= ROOMY else short_head(conversation)
    left = height - sum(rows_of(line, width) for line in head)
    said: list[str] = []
    for speaker, text in reversed(messages_of(conversation, rollout) if rollout else []):
        lines = [line.rstrip() for line in plain(text).strip().splitlines()]
        block = ["", f"── {speaker}", *(lines if len(lines) <= LINES else [*lines[:LINES], "…"])]
        needed = sum(rows_of(line, width) for line in block)
        if needed > left and not said:
            # Better the beginning of the last message than none.
            block = cut(block, width, left)
        elif needed > left:
            break
        left -= needed
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


def cut(lines: list[str], width: int, height: int) -> list[str]:
    """The first lines that fit, an ellipsis in the last row."""
    kept: list[str] = []
    for line in lines:
        if sum(rows_of(k, width) for k in (*kept, line)) > height - 1:
            room = (height - 1 - sum(rows_of(k, width) for k in kept)) * width
            return [*kept, *([line[:room]] if room > 0 else []), "…"]
        kept.append(line)
    return kept


def rows_of(line: str, width: int) -> int:
    """How many rows of a terminal a line takes."""
    return max(1, -(-len(line) // max(1, width)))


def messages_of(conversation: Conversation, rollout: str) -> list[tuple[str, str]]:
    """(who, what) of the last messages, oldest first."""
    if not rollout.endswith(COMPRESSED):
        return last_messages(rollout)
    return daemon_messages.last_messages(conversation.codex_home, conversation.session_id, MESSAGES)


def last_messages(path: str) -> list[tuple[str, str]]:
    """(who, what) of the last messages in a rollout, oldest first; reads only its end."""
    found: list[tuple[str, str]] = []
    for line in reversed(tail(path).split(b"\n")):
        message = message_of(line)
        if message:
            found.append(message)
            if len(found) == MESSAGES:
                break
    return found[::-1]


def tail(path: str, size: int = TAIL) -> bytes:
    """The last `size` bytes of a file, from the start of a line on; b"" where it cannot be read."""
    try:
        # O_NONBLOCK: a FIFO in the place of a rollout must not stop the preview.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        with open(fd, "rb") as file:
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
