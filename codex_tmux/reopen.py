"""Go to a conversation: to its pane where it has one, else a new one that resumes it."""

from __future__ import annotations

import os

from codex_tmux.clients import of_client
from codex_tmux.conversations import Conversation
from codex_tmux.errors import Problem
from codex_tmux.log import log
from codex_tmux.options import encode_launch
from codex_tmux.pass_once import escape
from codex_tmux.records import ARGV, LIVE
from codex_tmux.respawn import respawn
from codex_tmux.resume import run_command
from codex_tmux.tmux import Server, literal


def reopen(server: Server, conversation: Conversation, client: str, split: bool = False) -> str:
    """Bring a conversation onto a client's screen; the pane it is in. Raises Problem.

    Lives: its pane is shown. Its pane is dead, or a shell that Codex returned to: resumed there. Else it comes up in
    a new window, in its directory, or with `split` beside the client's pane. `client` may be "": none is moved then.
    """
    if conversation.pane:
        if conversation.status != LIVE:
            respawn(server, conversation.pane)
        show(server, conversation.pane, client)
        return conversation.pane
    if conversation.elsewhere:
        raise Problem(f"it runs in another tmux server: tmux -S {conversation.elsewhere} attach")
    pane = open_pane(server, conversation, client, split)
    log("session.reopened", session=conversation.session_id, pane=pane, split=split)
    show(server, pane, client)
    return pane


def show(server: Server, pane: str, client: str) -> None:
    """Make a pane the current one of its window, that the current one of its tmux session, and that the client's."""
    server.run(
        *("select-window", "-t", pane, ";", "select-pane", "-t", pane),
        *((";", "switch-client", "-c", client, "-t", pane) if client else ()),
    )


def open_pane(server: Server, conversation: Conversation, client: str, split: bool) -> str:
    """A new pane that resumes the conversation; its id. Raises TmuxError."""
    cwd = conversation.cwd if os.path.isdir(conversation.cwd) else os.path.expanduser("~")
    # Directories are expanded as formats.
    where = ["-c", literal(cwd)]
    if split:
        current = current_of(server, client, "#{pane_id}")
        new = ["split-window", "-t", current, *where]
    else:
        new = ["new-window", "-a", "-t", window_beside(server, conversation, client), *where]
    # In one call: the pane's process asks for these options only after tmux has set them. tmux sets them on the new
    # pane, which is the current one of the call by then.
    commands = [
        [*new, *run_command(server, conversation.launch)],
        ["set-option", "-p", "@codex_session", conversation.session_id],
        ["set-option", "-p", "@codex_evidence", conversation.evidence or ARGV],
        ["set-option", "-p", "@codex_launch", encode_launch(conversation.launch)],
        ["set-option", "-p", "@codex_pane", "1"],
        ["display-message", "-p", "#{pane_id}"],
    ]
    words = [word for command in commands for word in (*(escape(w) for w in command), ";")]
    return server.run(*words[:-1])


def window_beside(server: Server, conversation: Conversation, client: str) -> str:
    """The window behind which a new one comes: in the tmux session the conversation was in, else in the client's."""
    plain = ("window_id", "window_active", "window_index")
    name, _, index = conversation.where.rpartition(":")
    before = ""
    for row in server.listed("list-windows", "-a", plain=plain, counted=("session_name",)):
        if row["session_name"] == name and conversation.where:
            if row["window_active"] == "1" and not before:
                before = row["window_id"]
            # Behind the window that stood before its old one, it stands where it was.
            if int(row["window_index"]) < int(index.partition(".")[0] or 0):
                before = row["window_id"]
    if before:
        return before
    current = current_of(server, client, "#{window_id}")
    if not current:
        raise Problem("tmux has no session to open a window in: start tmux first")
    return current


def current_of(server: Server, client: str, form: str) -> str:
    """The format `form` for what the client shows; without one, for what tmux takes for the current pane."""
    return of_client(server, client, form) if client else server.run("display-message", "-p", form)
