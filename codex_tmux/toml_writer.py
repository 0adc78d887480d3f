"""The state file's TOML, written. tomli-w would do, but takes as long to import and run as all else that a sync does.

What a sync saves stands between a kill and the conversation's return. `docs/performance.md` has the figures.
"""

from __future__ import annotations

from codex_tmux.c_datetime import datetime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def document(values: dict[str, Any]) -> str:
    """A TOML document of `values`, of which lists of dictionaries stand as tables. Raises TypeError."""
    lines = []
    tables = []
    for name, value in values.items():
        if isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
            tables += [f"\n[[{key(name)}]]\n" + pairs(table) for table in value]
        else:
            lines.append(f"{key(name)} = {text(value)}\n")
    return "".join(lines + tables)


def pairs(table: dict[str, Any]) -> str:
    """A table's lines."""
    return "".join([f"{key(name)} = {text(value)}\n" for name, value in table.items()])


def text(value: Any) -> str:
    """A value on one line. Raises TypeError for what the state file does not hold."""
    if isinstance(value, str):
        return string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, list):
        return "[" + ", ".join([text(v) for v in value]) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join([f"{key(name)} = {text(v)}" for name, v in value.items()]) + "}"
    raise TypeError(f"{type(value).__name__} in the state file")


def key(name: str) -> str:
    """A key, quoted where it has to be."""
    return name if name and BARE.issuperset(name) else string(name)


def string(value: str) -> str:
    """A basic string."""
    if '"' in value or "\\" in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    if not value.isprintable():
        value = "".join(f"\\u{ord(c):04x}" if c < " " or c == "\x7f" else c for c in value)
    return f'"{value}"'
