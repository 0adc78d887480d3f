"""`codex-tmux pick`: find any conversation of this machine, and go to it or bring it back."""

import os
import shutil
import sys

import click

from codex_tmux.codex.daemon import activity
from codex_tmux.codex.store import Store
from codex_tmux.commands.completion import FROM_KEY, ITS_CLIENT, SESSION
from codex_tmux.commands.conversations import known, one, with_activity
from codex_tmux.commands.pick.fzf import with_fzf
from codex_tmux.commands.pick.menu import show_menu
from codex_tmux.commands.pick.preview import preview
from codex_tmux.commands.reopen import reopen
from codex_tmux.errors import Problem
from codex_tmux.sleeping.resume import helper_command
from codex_tmux.tmux.clients import become_popup, own_client
from codex_tmux.tmux.server import Server
from codex_tmux.tmux.tell import problems_told


@click.command(epilog="Example: codex-tmux pick, or prefix P")
@click.option(
    "--preview",
    "previewed",
    shell_complete=SESSION,
    metavar="ID",
    help="Print what is known of one conversation, and its end.",
)
@ITS_CLIENT
@FROM_KEY
@click.option("--into", default="", hidden=True, help="The pane that a conversation without one comes up in.")
@click.option("--do", "chosen", metavar="ID", default="", hidden=True)
def command(previewed: str | None, client: str, from_key: bool, into: str, chosen: str) -> int:
    """Find any conversation of this machine, and go to it.

    It lists all that codex-tmux remembers or Codex's store has. Those that need you come first, then the unread, then
    the newest. Titles and ids are searched whole.

    Enter goes to a running one, and resumes any other: in its old pane if it is asleep there, else in a new window in
    its directory. Ctrl-S opens it in a split, Ctrl-F a fork of it. Ctrl-Y copies its id, Ctrl-X lets codex-tmux forget
    it. Ctrl-T searches what was said for the word that is typed, Ctrl-D shows this directory only, Ctrl-O sends a
    message. That takes fzf; without it tmux's own menu shows the newest, and goes to the one you choose.
    """
    server = Server()
    if previewed is not None:
        return print_preview(server, previewed)
    client = client or own_client(server, without_pane=True)
    fzf = shutil.which("fzf") is not None
    with problems_told(server, from_key, client):
        if chosen:
            reopen(server, one(server, chosen), client, into=into)
        elif fzf and sys.stdout.isatty():
            with_fzf(server, client, into)
        elif client and fzf:
            words = [*helper_command(server), "pick", "--from-key", "--client", client]
            become_popup(server, client, [*words, *["--into", into] * bool(into)])
        elif client:
            show_menu(server, known(server), client, into)
        else:
            raise Problem(
                "pick needs a terminal and fzf, or a tmux client: run it in a tmux pane, or press prefix P"
            )
    return 0


def print_preview(server: Server, session_id: str) -> int:
    conversation = one(server, session_id)
    if conversation.status:
        asked = {conversation.record.codex_home: {conversation.session_id}}
        [conversation] = with_activity([conversation], activity.ask_all(asked, activity.IN_PASSING))
    rollout = Store(conversation.record.codex_home).rollout(conversation.session_id)
    # fzf says how large its window is.
    size = [os.environ.get(name, "") for name in ("FZF_PREVIEW_COLUMNS", "FZF_PREVIEW_LINES")]
    room = [int(value) for value in size if value.isdecimal()]
    for line in preview(conversation, rollout, *(room if len(room) == 2 else [])):
        click.echo(line)
    return 0
