"""The clients of a tmux server: what one of them shows, and how to say something on it."""

from __future__ import annotations

import os

from codex_tmux.tmux import TIMEOUT, Server, TmuxError, spawn


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


def show_on(server: Server, client: str, form: str, *options: str) -> None:
    """Show the tmux format `form` as a message on `client`; nothing happens where that has gone."""
    if server.try_run("display-message", *options, "-c", client, form) is not None:
        return
    # tmux 3.2a takes no value for -c, see tmux_versions.MESSAGE_CLIENT: there the message goes to the client that
    # last used the tmux session of the pane it is told to be in.
    pane = of_client(server, client, "#{pane_id}")
    if pane:
        environment = ["env", "-u", "TMUX", f"TMUX_PANE={pane}"]
        socket = ["-S", server.socket or os.environ.get("TMUX", "").partition(",")[0]]
        words = [server.binary, "-u", *(socket if socket[1] else [])]
        try:
            spawn([*environment, *words, "display-message", *options, form], TIMEOUT)
        except TmuxError:
            return
