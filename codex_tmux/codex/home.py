"""Where Codex keeps its own things."""

import os
from collections.abc import Mapping


def default_home() -> str:
    """The `CODEX_HOME` of whoever asks, else ~/.codex; not necessarily there."""
    return os.path.abspath(home_of(os.environ, ""))


def home_of(environ: Mapping[str, str], cwd: str) -> str:
    """The same of a process that was started in `cwd` with this environment."""
    home = environ.get("HOME") or os.path.expanduser("~")
    return os.path.normpath(os.path.join(cwd, environ.get("CODEX_HOME") or os.path.join(home, ".codex")))
