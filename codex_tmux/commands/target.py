"""What a command is about: a pane, a conversation by that or by its session's id, the one session that a word means."""

import os
from collections.abc import Collection

import click

from codex_tmux.codex.store import NAMED_BY
from codex_tmux.commands.completion import SESSION, pane_option
from codex_tmux.commands.conversations import Conversation, is_elsewhere, one
from codex_tmux.errors import Problem
from codex_tmux.plain_text import plain_line
from codex_tmux.state.pane_options import Option
from codex_tmux.tmux.server import Server

ITS_PANE_OPTION = pane_option("The conversation of this pane")
SESSION_OPTION = click.option(
    "--session",
    shell_complete=SESSION,
    metavar="ID",
    help="This conversation, in whatever pane it is, or in none.",
)


def resolve(server: Server, target: str | None) -> str:
    """The pane id of a tmux target, of this pane for None. Raises Problem where there is no such pane."""
    target = target or os.environ.get("TMUX_PANE")
    if not target:
        raise Problem("which pane? name it with -t, or run this inside tmux")
    # `show-options` fails without such a pane, where display-message would answer for another one.
    asked = ("display-message", "-p", "-t", target, "#{pane_id} #{pid}")
    if said := server.try_run("show-options", "-p", "-t", target, ";", *asked):
        pane, pid = said.splitlines()[-1].split()
        server.require(pid)
        return pane
    server.run("display-message", "-p", "")  # says so where there is no server at all
    raise Problem(f"there is no pane {target} on this tmux server")


def conversation_of(server: Server, pane: str | None, session: str | None) -> Conversation:
    """The conversation that is meant. Raises Problem where there is none, or no Codex of this machine has it."""
    if pane and session:
        raise Problem("name a pane (-t) or a session (--session), not both")
    if not session:
        pane = resolve(server, pane)
        session = server.run("display-message", "-p", "-t", pane, f"#{{{Option.SESSION}}}")
        if not session:
            raise Problem(f"pane {pane} has no conversation")
    found = one(server, session)
    if is_elsewhere(found.record):
        raise Problem(f"session {found.session_id} is on another machine: only the Codex there can be asked")
    return found


def only(word: str, ids: Collection[str], where: str = "") -> str:
    """The only one of the ids that a word may mean. Raises Problem where there are several, or none `where`."""
    if len(ids) > 1:
        raise Problem(f"{plain_line(word)} is ambiguous: {', '.join(sorted(ids)[:4])}")
    if not ids:
        short = f"type at least {NAMED_BY} characters of an id"
        why = short if len(word) < NAMED_BY else "codex-tmux list --all shows the known ones"
        raise Problem(f"{plain_line(word)}: no such session{where} ({why})")
    return next(iter(ids))
