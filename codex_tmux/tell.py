"""Say something to the people who look at a pane."""

from __future__ import annotations

from codex_tmux.log import log
from codex_tmux.tmux import Server, TmuxError


def tell(server: Server, pane: str, text: str) -> None:
    """Show `text` to every client whose tmux session holds the pane; it stands in the log as well."""
    log("message", pane=pane, text=text)
    try:
        session = server.run("display-message", "-p", "-t", pane, "#{session_id}")
        clients = server.run("list-clients", "-t", session, "-F", "#{client_name}").splitlines()
    except TmuxError:
        return
    show(server, clients, text)


def tell_all(server: Server, text: str) -> None:
    """Show `text` to every client of a tmux server. The log has it from the caller."""
    show(server, (server.try_run("list-clients", "-F", "#{client_name}") or "").splitlines(), text)


def show(server: Server, clients: list[str], text: str) -> None:
    """Show `text` to these clients."""
    if not clients:
        return
    from codex_tmux.clients import show_on

    for client in clients:
        # The text goes through an option: as a message of its own it would be expanded as a format.
        server.try_run("set-option", "-g", "@codex_message", f"codex-tmux: {text}")
        show_on(server, client, "#{@codex_message}")


def tell_client(server: Server, client: str | None, text: str) -> None:
    """Show `text` to one client; None: to whom tmux takes for the current one."""
    log("message", client=client, text=text)
    if client:
        show(server, [client], text)
        return
    server.try_run(
        *("set-option", "-g", "@codex_message", f"codex-tmux: {text}", ";"),
        *("display-message", "#{@codex_message}"),
    )
