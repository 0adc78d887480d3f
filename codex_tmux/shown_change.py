"""A change to one of the user's files, shown before it is made."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click

from codex_tmux.config_file import ConfigFile
from codex_tmux.errors import Problem

TRIES = 5
"""How often a file may change while it is edited."""


class Rewritten(NamedTuple):
    """What became of a file: its bytes before and after (None: no file), the copy of it, whether the user agreed."""

    old: bytes | None
    new: bytes | None
    backup: Path | None = None
    agreed: bool = True


def rewrite(
    file: ConfigFile, changed: Callable[[bytes | None], bytes | None], yes: bool, keep_copy: bool
) -> Rewritten:
    """Make of a file what `changed` makes of its bytes, once the user has seen that and agreed. Raises Problem."""
    shown: list[str] | None = None
    for _ in range(TRIES):
        old = file.read()
        try:
            new = changed(old)
        except Problem as e:
            raise Problem(f"{file.path}: {e}") from e
        if new == old:
            return Rewritten(old, new)
        lines = difference(str(file.path), *((data or b"").decode(errors="replace") for data in (old, new)))
        if not agreed(lines, shown, yes):
            click.echo("nothing written")
            return Rewritten(old, old, agreed=False)
        shown = lines
        backup = file.back_up(old) if old and keep_copy else None
        if file.replace(old, new):
            return Rewritten(old, new, backup)
        if backup:
            backup.unlink(missing_ok=True)
    raise Problem(f"{file.path}: kept changing while being edited; nothing written; try again")


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
    """Show the change and ask, unless it is the one just shown. Raises Problem where nobody can be asked."""
    if lines == shown:
        return True
    show(lines)
    if not yes and not sys.stdin.isatty():
        raise Problem("standard input is not a terminal, so nothing was written; to write it: --yes")
    return yes or click.confirm("Write this?", default=True)
