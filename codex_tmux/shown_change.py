"""A change to one of the user's files, shown before it is made."""

from __future__ import annotations

import difflib
import os
import re
import sys

import click


def difference(name: str, old: str, new: str) -> list[str]:
    """The change as lines of a unified diff."""
    lines: list[str] = []
    # splitlines() would also break at characters that end no line in TOML or in tmux.conf
    before, after = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (old, new))
    for line in difflib.unified_diff(before, after, name, f"{name} (new)"):
        lines.append(line.rstrip("\r\n"))
        if not line.endswith("\n"):
            lines.append("\\ no newline at the end of the file")
    return lines


def show(lines: list[str]) -> None:
    """Print the lines of a diff, coloured on a terminal."""
    colours = {"+": "green", "-": "red", "@": "cyan"} if coloured() else {}
    for n, line in enumerate(lines):
        colour = colours.get(line[:1]) if n > 1 else None  # the first two name the file
        click.echo(click.style(line, fg=colour) if colour else line)


def coloured() -> bool:
    """Whether the output may be coloured."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def agreed(lines: list[str], shown: list[str] | None, yes: bool) -> bool:
    """Show the change and ask, unless it is the one just shown. Without a terminal nobody can be asked."""
    if lines == shown:
        return True
    show(lines)
    return yes or not sys.stdin.isatty() or click.confirm("Write this?", default=True)
