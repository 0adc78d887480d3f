"""The shell that runs a Codex in place of the user's, which comes back when Codex ends."""

from __future__ import annotations

from collections.abc import Sequence

BELOW = 'm=$(stty -g); trap : INT QUIT; "$@"; stty "$m"; exec "$0"'
"""For `sh -c`: a command, and then the shell that stands before it. A Ctrl-C before Codex has the terminal is for Codex
alone: dash would end with it, and the pane with dash. A killed Codex leaves the terminal without echo, and a bash that
starts in it would not echo either."""


def runs_below(argv: Sequence[str]) -> bool:
    """Whether this is the shell of BELOW: called `codex`, so that tmux names the window so, and no Codex itself."""
    return len(argv) > 2 and argv[1] == "-c" and '"$@"; ' in argv[2] and 'exec "$0"' in argv[2]
