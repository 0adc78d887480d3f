"""The two lines that load the plugin, and where in the user's configuration they stand.

The lines are their own record: `removed` finds them, and gives back what `added` was given, byte for byte.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from codex_tmux.errors import Problem
from codex_tmux.launcher import with_tilde
from codex_tmux.setup.user_file import UserFile
from codex_tmux.tmux import literal, quote

COMMENT = b"# codex-tmux: a pane that runs Codex keeps its conversation (`codex-tmux uninstall` removes this"
OURS = re.compile(
    rb"^" + re.escape(COMMENT) + rb"(, and the file)?\)\n(?P<line>run-shell [^\n]*)(?:\n|\Z)", re.MULTILINE
)
OTHERS = re.compile(
    rb"^[^#\n]*(?:run(?:-shell)?\b[^\n]*(?:/codex\.tmux\b|\bcodex-tmux'? load\b)|@plugin\b[^\n]*\bcodex-tmux\b)[^\n]*",
    re.MULTILINE,
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


def load_command(program: str) -> str:
    """What a shell runs to load the plugin."""
    return f"{with_tilde(program)} load"


def load_line(program: str) -> bytes:
    """The line of tmux.conf that loads the plugin. Raises Problem where a path cannot stand in a line."""
    if "\n" in program:
        raise Problem(
            f"{program!r}: tmux.conf cannot hold a path with a line break: install codex-tmux elsewhere"
        )
    return os.fsencode("run-shell " + quote(literal(load_command(program))))


def added(data: bytes | None, line: bytes) -> bytes:
    """A configuration (None: no file) with our two lines at its end, or in the place where they already stand."""
    if data is None:
        return COMMENT + b", and the file)\n" + line + b"\n"
    found = OURS.search(data)
    if found:
        return data[: found.start("line")] + line + data[found.end("line") :]
    if re.search(rb"\\\n?\Z", data):
        raise Problem(
            "its last line ends in a backslash, so the next line would be part of it: fix that first"
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


def place_of_ours() -> Path | None:
    """The configuration file that has our lines."""
    for path in places():
        data = UserFile(path).read()
        if data is not None and OURS.search(data):
            return path
    return None


def line_of_ours(data: bytes | None) -> bytes:
    """Our `run-shell` line in a configuration; empty where it has none."""
    found = OURS.search(data or b"")
    return found["line"] if found else b""


def other_line() -> tuple[Path, str] | None:
    """The file that loads the plugin otherwise, and its line that does."""
    for path in places():
        line = loaded_otherwise(UserFile(path).read() or b"")
        if line:
            return path, line
    return None
