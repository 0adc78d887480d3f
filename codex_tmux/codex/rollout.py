"""The end of a rollout: what the user said last in a session."""

from __future__ import annotations

import json
import os

TAIL = 512 * 1024
"""Bytes read from the end: what lies before counts as not known."""


def last_user_message(path: str) -> str | None:
    """The user's last message in the rollout; "" where it holds none, None where that is not known.

    A fork's rollout begins after what it shares with its parent: without a message of its own it is not known.
    """
    if path.endswith(".zst"):
        return None
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - TAIL))
            data = file.read(TAIL)
    except (OSError, ValueError):
        return None
    for line in reversed(data.split(b"\n")):
        # Inside a JSON string a quote is escaped: these bytes are a key or a whole value.
        if b'"user_message"' in line or b'"UserMessage"' in line:
            message = _message(line)
            if message is not None:
                return message
    return "" if size <= TAIL and b'"forked_from_id"' not in data else None


def _message(line: bytes) -> str | None:
    try:
        payload = json.loads(line)["payload"]
        if payload.get("type") == "user_message":
            return str(payload["message"])
        item = payload["item"]
        if payload.get("type") == "item_completed" and item["type"] == "UserMessage":
            return "\n".join(str(part["text"]) for part in item["content"] if part.get("text"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    return None
