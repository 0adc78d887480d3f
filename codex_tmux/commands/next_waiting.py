"""`codex-tmux next`: jump to the next pane whose conversation waits for the user."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from codex_tmux.codex.daemon.activity import APPROVAL, WAITING
from codex_tmux.commands.completion import CLIENT
from codex_tmux.commands.list_panes import add_activity, collect
from codex_tmux.errors import Problem, TmuxError
from codex_tmux.plain_text import plain_line, shortened
from codex_tmux.state.records import CURRENT
from codex_tmux.tmux.clients import show
from codex_tmux.tmux.server import Server
from codex_tmux.tmux.tell import tell_client

Place = tuple[str, int, int]


@click.command(
    short_help="Jump to the next pane that waits for you.",
    epilog="Example: set -g @codex-next-key N   (in tmux.conf; then prefix N)",
)
@click.option(
    "-c",
    "--client",
    type=CLIENT,
    metavar="CLIENT",
    help="The tmux client to move; default: the one you use.",
)
@click.option(
    "--from-key", is_flag=True, hidden=True, help="Say everything in tmux: a key binding has no terminal."
)
def command(client: str | None, from_key: bool) -> None:
    """Jump to the next pane waiting for approval or an answer, in window order.

    It starts after the pane you are in and goes round. This needs Codex's shared daemon (0.157 or newer).
    """
    server = Server()
    try:
        client = client or client_of(server)
        said = jump(server, client)
    except Problem as e:
        if not from_key:
            raise
        tell_client(server, client, str(e))
        sys.exit(1)
    if from_key:
        tell_client(server, client, said)
    else:
        click.echo(said)


def client_of(server: Server) -> str | None:
    """The client that the person who runs this uses: the newest of this pane's tmux session; None for none."""
    pane = os.environ.get("TMUX_PANE")
    target = ("-t", pane) if pane else ()
    return server.try_run("display-message", "-p", *target, "#{client_name}") or None


def jump(server: Server, client: str | None) -> str:
    """Show the client the next waiting pane; what to say about it. Raises Problem where none waits."""
    rows = collect(server, CURRENT)
    socket = server.run("display-message", "-p", "#{socket_path}")
    rows = [row for row in rows if row["server"] == socket]
    add_activity(rows)
    waiting = [row for row in rows if row["activity"] in WAITING]
    if not waiting:
        raise Problem(nobody_waits(rows))
    row = following(waiting, place_of_client(server, client))
    show(server, row["pane"], client or "")
    what = "approval" if row["activity"] == APPROVAL else "an answer"
    more = f" ({len(waiting) - 1} more)" if len(waiting) > 1 else ""
    title = shortened(plain_line(row["title"] or ""), 40)
    return f"needs {what}{more}: {title or row['pane']}"


def nobody_waits(rows: list[dict[str, Any]]) -> str:
    """Why there is nowhere to go."""
    mute = sum(row["activity"] is None and row["status"] == "live" for row in rows)
    if not mute:
        return "no conversation needs you"
    return f"no conversation is known to need you ({mute} gave no answer)"


def place_of_client(server: Server, client: str | None) -> tuple[Place, str]:
    """Where a client is, and the pane it shows; before everything where that is not known."""
    plain, counted = ("window_index", "pane_index", "pane_id"), ("client_name", "session_name")
    try:
        rows = server.listed("list-clients", plain=plain, counted=counted)
    except TmuxError:
        rows = []
    for row in rows:
        window, index = row["window_index"], row["pane_index"]
        if row["client_name"] == client and window.isdigit() and index.isdigit():
            return (row["session_name"], int(window), int(index)), row["pane_id"]
    return ("", -1, -1), ""


def following(waiting: list[dict[str, Any]], here: tuple[Place, str]) -> dict[str, Any]:
    """The first waiting row behind the place `here`, else the first of all."""

    def place(row: dict[str, Any]) -> Place:
        return row["tmux_session"], row["window"], row["pane_index"]

    ordered = sorted(waiting, key=place)
    current, pane = here
    behind = [row for row in ordered if place(row) > current and row["pane"] != pane]
    return (behind or ordered)[0]
