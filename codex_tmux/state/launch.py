"""How a Codex was started."""

from typing import NamedTuple

from codex_tmux.codex.store import SQLITE_HOME, Store
from codex_tmux.state.records import Record

LAY = "CODEX_TMUX_LAY"
"""In the environment of `codex-tmux run`: draw this tmux buffer and die, so that the pane sleeps."""

UNATTENDED = "CODEX_TMUX_UNATTENDED"
"""In the environment of `codex-tmux run`: nobody pressed a key for this start, so nobody can be asked."""

FORK = "CODEX_TMUX_FORK"
"""In the environment of `codex-tmux run`, at its first start: what `pane/forks.py` writes of the fork it is to make."""


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


def store_of(launch: Launch | Record) -> Store:
    """The store of a Codex that was started so."""
    return Store(launch.codex_home, dict(launch.env).get(SQLITE_HOME))


def launch_of(record: Record) -> Launch:
    return Launch(*(getattr(record, name) for name in Launch._fields))
