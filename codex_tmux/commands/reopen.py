"""Go to a conversation: to its pane where it has one, else a new one that resumes it."""

from __future__ import annotations

import os

from codex_tmux.commands.conversations import Conversation
from codex_tmux.commands.respawn import respawn
from codex_tmux.errors import Problem
from codex_tmux.log import log
from codex_tmux.sleeping.resume import joined, respawn_into_run, run_command
from codex_tmux.state.pane_options import Option, encode_launch, pane_options
from codex_tmux.state.records import ARGV, LIVE
from codex_tmux.tmux.clients import of_client
from codex_tmux.tmux.server import Server, literal
from codex_tmux.tracking.apply import escape


def reopen(
    server: Server, conversation: Conversation, client: str, split: bool = False, into: str = ""
) -> str:
    """Bring a conversation onto a client's screen; the pane it is in. Raises Problem.

    Lives: its pane is shown. Its pane is dead, or a shell that Codex returned to: resumed there. Else it comes up in
    the pane `into` in place of what is there, or in a new window, or with `split` beside the client's pane. `client`
    may be "": none is moved then.
    """
    if conversation.pane:
        if conversation.status != LIVE:
            respawn(server, conversation.pane)
        show(server, conversation.pane, client)
        return conversation.pane
    if conversation.elsewhere:
        raise Problem(f"it runs in another tmux server: tmux -S {conversation.elsewhere} attach")
    if into and not split:
        pane = into
        server.run(*joined([*options_of(conversation, into)])[:-1])
        respawn_into_run(server, into, conversation.launch, kill=True)
    else:
        pane = open_pane(server, conversation, client, split)
    log("session.reopened", session=conversation.session_id, pane=pane, split=split)
    show(server, pane, client)
    return pane


def show(server: Server, pane: str, client: str) -> None:
    """Make a pane the current one of its window, that the current one of its tmux session, and that the client's.

    Raises Problem where the pane has gone.
    """
    # A window may be linked into several tmux sessions: the client's own comes first.
    form = "#{pane_id} #{session_id}:#{window_id}.#{pane_id}"
    lines = server.run("list-panes", "-a", "-F", form).splitlines()
    targets = [target for found, target in (line.split(" ", 1) for line in lines) if found == pane]
    clients = (server.try_run("list-clients", "-F", "#{client_name} #{session_id}") or "").splitlines()
    targets.sort(key=lambda target: f"{client} {target.partition(':')[0]}" not in clients)
    if not targets:
        raise Problem(f"pane {pane} has just gone")
    server.run("select-window", "-t", targets[0], ";", "select-pane", "-t", targets[0])
    if client:
        server.run("switch-client", "-c", client, "-t", targets[0].partition(":")[0])


def open_pane(server: Server, conversation: Conversation, client: str, split: bool) -> str:
    """A new pane that resumes the conversation; its id. Raises TmuxError."""
    cwd = conversation.cwd if os.path.isdir(conversation.cwd) else os.path.expanduser("~")
    # Directories are expanded as formats.
    where = ["-c", literal(cwd)]
    if split:
        current = current_of(server, client, "#{pane_id}")
        new = ["split-window", "-t", current, *where]
    else:
        # Without an index tmux takes the next free one: windows are found by their numbers.
        new = ["new-window", "-t", session_for(server, conversation, client), *where]
    # In one call: the pane's process asks for these options only after tmux has set them. tmux sets them on the new
    # pane, which is the current one of the call by then.
    commands = [
        [*new, *run_command(server, conversation.launch)],
        *options_of(conversation),
        ["display-message", "-p", "#{pane_id}"],
    ]
    words = [word for command in commands for word in (*(escape(w) for w in command), ";")]
    return server.run(*words[:-1])


def options_of(conversation: Conversation, pane: str = "") -> list[list[str]]:
    """The tmux commands that make a pane, the current one of the call for "", the conversation's own."""
    options = {
        Option.SESSION: conversation.session_id,
        Option.EVIDENCE: conversation.evidence or ARGV,
        Option.LAUNCH: encode_launch(conversation.launch),
        Option.MARK: "1",
    }
    return pane_options(pane, options)


def session_for(server: Server, conversation: Conversation, client: str) -> str:
    """The tmux session for a new window: the one the conversation was in, else the client's."""
    name = conversation.where.rpartition(":")[0]
    rows = server.listed("list-sessions", plain=("session_id",), chosen=("session_name",))
    found = next((row["session_id"] for row in rows if name and row["session_name"] == name), "")
    found = found or current_of(server, client, "#{session_id}")
    if not found:
        raise Problem("tmux has no session to open a window in: start tmux first")
    return f"{found}:"


def current_of(server: Server, client: str, form: str) -> str:
    """The format `form` for what the client shows; without one, for what tmux takes for the current pane."""
    return of_client(server, client, form) if client else server.run("display-message", "-p", form)
