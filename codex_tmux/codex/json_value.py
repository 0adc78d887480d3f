"""JSON that Codex has written: what is of another type than it is to be counts as not there."""

import json
from typing import Any

Object = dict[str, Any]


def object_in(text: str | bytes) -> Object:
    """The object that a text is; {} where it is none."""
    try:
        return an_object(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def an_object(value: object) -> Object:
    return value if isinstance(value, dict) else {}


def a_text(value: object) -> str:
    return value if isinstance(value, str) else ""


def objects(value: object) -> list[Object]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def texts(value: object) -> list[str]:
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def texts_in(content: object) -> list[str]:
    """The `text` of each part of a message's content."""
    return texts([part.get("text") for part in objects(content)])
