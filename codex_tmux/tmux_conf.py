"""The two lines that load the plugin, and where in the user's configuration they stand.

The lines are their own record: `removed` finds them, and gives back what `added` was given, byte for byte.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from codex_tmux.errors import Problem
from codex_tmux.tmux import literal, quote

COMMENT = b"# codex-tmux: a pane that runs Codex keeps its conversation (`codex-tmux uninstall` takes this out again"
OURS = re.compile(
    rb"^" + re.escape(COMMENT) + rb"(, and the file)?\)\nrun-shell [^\n]*(?:\n|\Z)", re.MULTILINE
)
OTHERS = re.compile(
    rb"^[^#\n]*(?:run(?:-shell)?\b[^\n]*/codex\.tmux\b|@plugin\b[^\n]*\bcodex-tmux\b)[^\n]*", re.MULTILINE
)


def places() -> list[Path]:
    """The user's configuration files that tmux reads, whether they are there or not."""
    home = Path.home()
    base = os.environ.get("XDG_CONFIG_HOME") or ""
    found = [Path(base, "tmux/tmux.conf")] if os.path.isabs(base) else []
    found += [home / ".config/tmux/tmux.conf", home / ".tmux.conf"]
    return list(dict.fromkeys(found))


def place() -> Path:
    """The configuration file to write to: the first that is there, else ~/.tmux.conf."""
    return next((path for path in places() if path.exists()), Path.home() / ".tmux.conf")


def shell_command(plugin: Path) -> str:
    """What a shell runs to load the plugin. A wheel may have come without the mode bit."""
    path = shlex.quote(str(plugin))
    return path if os.access(plugin, os.X_OK) else f"sh {path}"


def load_line(plugin: Path) -> bytes:
    """The line of tmux.conf that loads the plugin. Raises Problem where its path cannot stand in a line."""
    if "\n" in str(plugin):
        raise Problem(
            f"{str(plugin)!r}: a path with a line break cannot stand in tmux.conf: install it elsewhere"
        )
    return os.fsencode("run-shell " + quote(literal(shell_command(plugin))))


def added(data: bytes | None, line: bytes) -> bytes:
    """A configuration (None: no file) with our two lines at its end, or in the place where they already stand."""
    if data is None:
        return COMMENT + b", and the file)\n" + line + b"\n"
    found = OURS.search(data)
    if found:
        comment, _, old = found[0].partition(b"\n")
        return (
            data[: found.start()]
            + comment
            + b"\n"
            + line
            + old[len(old.rstrip(b"\n")) :]
            + data[found.end() :]
        )
    if re.search(rb"\\\n?\Z", data):
        raise Problem(
            "its last line ends in a backslash, so what follows would be part of it: mend that first"
        )
    if not data or data.endswith(b"\n"):
        return data + COMMENT + b")\n" + line + b"\n"
    # No newline at the end then: this is how `removed` knows that there was none.
    return data + b"\n" + COMMENT + b")\n" + line


def removed(data: bytes) -> bytes | None:
    """A configuration without our two lines; None where it is to be no file again."""
    found = OURS.search(data)
    if not found:
        return data
    start = found.start() if found[0].endswith(b"\n") else max(0, found.start() - 1)
    rest = data[:start] + data[found.end() :]
    return None if found[1] and not rest else rest


def loaded_otherwise(data: bytes) -> str | None:
    """The line, not ours, that already loads the plugin: by hand, or by TPM."""
    for found in OTHERS.finditer(data):
        ours = OURS.search(data)
        if ours is None or not ours.start() <= found.start() < ours.end():
            return found[0].decode(errors="replace").strip()
    return None
