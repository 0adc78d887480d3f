"""How a Codex was started."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from codex_tmux.state.records import Record

LAY = "CODEX_TMUX_LAY"
"""In the environment of `codex-tmux run`: draw this tmux buffer and die, so that the pane sleeps."""

UNATTENDED = "CODEX_TMUX_UNATTENDED"
"""In the environment of `codex-tmux run`: nobody pressed a key for this start, so nobody can be asked."""

BELOW = 'm=$(stty -g); trap : INT QUIT; "$@"; stty "$m"; exec "$0"'
"""For `sh -c`: a command, and then the shell that stands before it. A Ctrl-C before Codex has the terminal is for Codex
alone: dash would end with it, and the pane with dash. A killed Codex leaves the terminal without echo, and a bash that
starts in it would not echo either."""


def runs_below(argv: Sequence[str]) -> bool:
    """Whether this is the shell of BELOW: called `codex`, so that tmux names the window so, and no Codex itself."""
    return len(argv) > 2 and argv[1] == "-c" and '"$@"; ' in argv[2] and 'exec "$0"' in argv[2]


class Launch(NamedTuple):
    """How the Codex of a pane was started: what it takes to start it again. `shell`: from an interactive shell.

    `transport`: the words that reach the machine or box where it runs, `ssh host …`, as far as they may run again;
    empty for this one. `codex` is then its program there, "" where codex-tmux can start none there. `wrapper`: what
    stands before it here, as `wrapper.py` has it.
    """

    mode: str
    codex: str
    codex_home: str
    cwd: str
    flags: tuple[str, ...]
    shell: bool
    env: tuple[tuple[str, str], ...] = ()
    transport: tuple[str, ...] = ()
    wrapper: tuple[str, ...] = ()

    @property
    def typed(self) -> bool:
        """Whether Codex was started at the far end in a way that codex-tmux cannot repeat: typed into a shell there."""
        return bool(self.transport) and not self.codex


def launch_of(record: Record) -> Launch:
    """How a record's Codex was started."""
    return Launch(*(getattr(record, name) for name in Launch._fields))
