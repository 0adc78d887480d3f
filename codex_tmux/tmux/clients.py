"""What a client of a tmux server shows, and what it is to show."""

from __future__ import annotations

from codex_tmux.errors import Problem
from codex_tmux.tmux.server import Server


def of_client(server: Server, client: str, form: str) -> str:
    """The tmux format `form` for what `client` shows; "" where there is no such client.

    `display-message -p -c` would do the same from 3.3 on, see tmux_versions.MESSAGE_CLIENT; and for a client that
    has gone it answers for another one.
    """
    listed = server.try_run("list-clients", "-F", "#{client_name} " + form) or ""
    for line in listed.splitlines():
        name, _, value = line.partition(" ")
        if name == client:
            return value
    return ""


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
