"""`codex-tmux approve`: answer the approvals that conversations wait for, whatever their panes are now."""

from typing import Any

import click

from codex_tmux.codex.daemon.requests import ALWAYS, NO, YES, Request, answer_to, facts
from codex_tmux.commands.completion import FROM_KEY, ITS_CLIENT
from codex_tmux.commands.daemon.asked import Asked
from codex_tmux.commands.daemon.dialog import Dialog
from codex_tmux.commands.target import ITS_PANE_OPTION, SESSION_OPTION, conversation_of
from codex_tmux.errors import Problem
from codex_tmux.json_form import document
from codex_tmux.plain_text import visible
from codex_tmux.sleeping.resume import helper_command
from codex_tmux.tmux.clients import become_popup
from codex_tmux.tmux.server import Server
from codex_tmux.tmux.tell import problems_told


@click.command(epilog="Example: codex-tmux approve, or prefix A")
@ITS_PANE_OPTION
@SESSION_OPTION
@click.option("--yes", "verdict", flag_value=YES, help="Approve what this conversation asks for.")
@click.option("--no", "verdict", flag_value=NO, help="Refuse it; Codex goes on without.")
@click.option("--always", "verdict", flag_value=ALWAYS, help="Approve it for the rest of the session.")
@click.option("--json", "as_json", is_flag=True, help="What is asked, as one JSON object, for programs.")
@ITS_CLIENT
@FROM_KEY
def command(
    pane: str | None, session: str | None, verdict: str | None, as_json: bool, client: str, from_key: bool
) -> None:
    """Show what conversations ask you for, and answer it.

    It shows every pending approval of this machine, also of panes that are asleep or on another tmux server: y
    approves, n refuses, a approves for the rest of the session, Enter goes there. In a pipe it lists them. --yes, --no
    and --always answer one conversation's request, without a question. This needs Codex's shared daemon (0.157 or
    newer).
    """
    server = Server()
    if verdict and as_json:
        raise Problem("--json only lists: leave out the answer")
    wanted = conversation_of(server, pane, session).session_id if verdict or pane or session else ""
    with problems_told(server, bool(client), client), Asked(wanted) as asked:
        if from_key:
            become_popup(server, client, [*helper_command(server), "approve", "--client", client])
        elif verdict:
            click.echo(asked.answer_only(verdict))
        elif as_json:
            click.echo(document("requests", map(as_row, asked.requests)))
        else:
            Dialog(server, asked, client).run()


def as_row(request: Request) -> dict[str, Any]:
    told = {what: visible(text) for what, text in facts(request)}
    return {
        "session_id": request.session_id,
        "kind": request.kind,
        "item_id": request.params.get("itemId"),
        "can_be_answered": answer_to(request, YES) is not None,
        "cwd": request.params.get("cwd") or request.thread.get("cwd"),
        "command": request.params.get("command"),
        "reason": request.params.get("reason"),
        "text": told,
    }
