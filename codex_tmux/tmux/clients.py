"""What a client of a tmux server shows."""

from __future__ import annotations

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
