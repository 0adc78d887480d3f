"""Clients in control mode (`tmux -CC`, as iTerm2's): tmux may end with a pane whose last output one still waits for."""

from collections.abc import Iterable, Sequence

from codex_tmux.errors import TmuxError
from codex_tmux.tmux.clients import clients
from codex_tmux.tmux.server import Server
from codex_tmux.tmux.versions import CONTROL_OF_THE_DEAD, CONTROL_OF_THE_RESPAWNED, version_of

CLOSE, CATCH_UP = "close", "catch up"
TRIES = 20
"""How often they are listed, where they come and go."""


def precaution(version: str, in_control_mode: bool) -> str:
    """What `@codex_control` says: CLOSE, a pane must not be kept when it dies; CATCH_UP, none of
    these clients may wait for its output when it is respawned; "" where tmux lives on.

    >>> [precaution(version, True) for version in ("3.2a", "3.7c", "next-3.8")]
    ['close', 'catch up', '']
    >>> precaution("3.2a", in_control_mode=False)
    ''
    """
    if not in_control_mode or version_of(version) >= CONTROL_OF_THE_RESPAWNED:
        return ""
    return CATCH_UP if version_of(version) >= CONTROL_OF_THE_DEAD else CLOSE


def catch_up(server: Server, panes: Iterable[str]) -> list[list[str]]:
    """The commands after which no such client waits for output of these panes: what it has not got is dropped."""
    if not server.option("@codex_control"):
        return []
    names = [client.name for client in clients(server) if client.control]
    states = [word for pane in panes for state in ("pause", "continue") for word in ("-A", f"{pane}:{state}")]
    return [["refresh-client", "-t", name, *states] for name in names if states]


def respawn(server: Server, pane: str, commands: Sequence[Sequence[str]]) -> str:
    """Run commands, one of which respawns `pane`; what they print. Raises TmuxError."""
    for _ in range(TRIES):
        try:
            return server.run_commands([*catch_up(server, [pane]), *commands])
        except TmuxError as e:
            # One of them went since they were listed, and nothing behind that was done.
            if "can't find client" not in str(e):
                raise
            why = e
    raise why
