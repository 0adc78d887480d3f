"""The two lines that load the plugin, and where in the user's configuration they stand.

The lines are their own record: `removed` finds them, and gives back what `added` was given, byte for byte.
"""

import os
import re
from pathlib import Path
from typing import NamedTuple

from codex_tmux.errors import Problem
from codex_tmux.launcher import with_tilde
from codex_tmux.setup.user_file import read
from codex_tmux.tmux.server import literal, quote

COMMENT = b"# codex-tmux: a pane that runs Codex keeps its conversation (`codex-tmux uninstall` removes this)"
# A former version wrote `, and the file` into the parentheses where there was none.
OURS = re.compile(rb"(?m)^" + re.escape(COMMENT[:-1]) + rb"[^\n]*\n(?P<line>run-shell [^\n]*)(?:\n|\Z)")
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
    return f"{with_tilde(program)} load"


def load_line(program: str) -> bytes:
    """The line of tmux.conf that loads the plugin. Raises Problem where a path cannot stand in a line."""
    if "\n" in program:
        raise Problem(
            f"{program!r}: tmux.conf cannot hold a path with a line break: install codex-tmux elsewhere"
        )
    return os.fsencode("run-shell " + quote(literal(load_command(program))))


def added(data: bytes, line: bytes) -> bytes:
    """A configuration with our two lines at its end, or in the place where they already stand."""
    if found := OURS.search(data):
        return data[: found.start("line")] + line + data[found.end("line") :]
    if re.search(rb"\\\n?\Z", data):
        raise Problem(
            "its last line ends in a backslash, so the next line would be part of it: fix that first"
        )
    if not data or data.endswith(b"\n"):
        return data + COMMENT + b"\n" + line + b"\n"
    # No newline at the end then: this is how `removed` knows that there was none.
    return data + b"\n" + COMMENT + b"\n" + line


def removed(data: bytes) -> bytes:
    """A configuration without our two lines."""
    found = OURS.search(data)
    if not found:
        return data
    start = found.start() if found[0].endswith(b"\n") else max(0, found.start() - 1)
    return data[:start] + data[found.end() :]


class Loading(NamedTuple):
    """The line that loads the plugin, and whether it is ours; else it is somebody's own, or TPM's."""

    path: Path
    line: bytes
    ours: bool

    @property
    def text(self) -> str:
        return self.line.decode(errors="replace").strip()


def loading() -> Loading | None:
    """What loads the plugin in the user's configuration files: our line, else another; None where nothing does."""
    files = [(path, read(path) or b"") for path in places()]
    for path, data in files:
        if found := OURS.search(data):
            return Loading(path, found["line"], ours=True)
    for path, data in files:
        if found := OTHERS.search(data):
            return Loading(path, found[0], ours=False)
    return None
