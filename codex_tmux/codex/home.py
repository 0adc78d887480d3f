"""Where Codex keeps its own things."""

import os


def default_home() -> str:
    """The `CODEX_HOME` of whoever asks, else ~/.codex; not necessarily there."""
    return os.path.abspath(os.environ.get("CODEX_HOME") or os.path.expanduser("~/.codex"))
