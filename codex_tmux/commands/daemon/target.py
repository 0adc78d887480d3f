"""The conversation that a command is about: a pane's, or a session's by its id."""

import os

import click

from codex_tmux.commands.completion import SESSION, pane_option
from codex_tmux.commands.conversations import Conversation, is_elsewhere, one
from codex_tmux.commands.respawn import resolve
from codex_tmux.errors import Problem
from codex_tmux.state.pane_options import Option
from codex_tmux.tmux.server import Server

PANE_OPTION = pane_option("The conversation of this pane")
SESSION_OPTION = click.option(
    "--session", type=SESSION, metavar="ID", help="This conversation, in whatever pane it is, or in none."
)


def conversation_of(server: Server, pane: str | None, session: str | None) -> Conversation:
    """The conversation that is meant. Raises Problem where there is none, or no Codex of this machine has it."""
    if pane and session:
        raise Problem("name a pane (-t) or a session (--session), not both")
    found = one(server, session or session_in(server, pane or os.environ.get("TMUX_PANE", "")))
    if is_elsewhere(found.launch):
        raise Problem(f"session {found.session_id} is on another machine: only the Codex there can be asked")
    return found


def session_in(server: Server, target: str) -> str:
    """The session of a pane. Raises Problem where it has none."""
    if not target:
        raise Problem(
            "which conversation? name its pane with -t or its id with --session, or run this inside tmux"
        )
    pane = resolve(server, target)
    session = server.run("display-message", "-p", "-t", pane, f"#{{{Option.SESSION}}}")
    if not session:
        raise Problem(f"pane {pane} has no conversation")
    return session
