"""Say something to the people who look at a tmux server: the one place that shows messages on clients."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from codex_tmux.errors import Problem, TmuxError
from codex_tmux.log import log
from codex_tmux.tmux.clients import clients, of_client
from codex_tmux.tmux.server import TIMEOUT, Server, spawn

SHORTEST = 4000
PER_CHARACTER = 70
"""Milliseconds: a message stays long enough to be read, though tmux's own default is 750. Any key takes it away."""
PREFIX = "codex-tmux: "


def milliseconds(text: str, display_time: str, least: int = SHORTEST) -> int:
    """How long a message is shown, 0 for until a key is pressed; the user's own `display-time` where that is longer.

    >>> [milliseconds("copied", own) for own in ("750", "9000", "0")], milliseconds("x" * 80, "750")
    ([4000, 9000, 0], 5600)
    """
    own = int(display_time) if display_time.isdigit() else 1
    return own and max(least, PER_CHARACTER * len(text), own)


def tell(server: Server, pane: str, text: str) -> None:
    """Show `text` to every client whose tmux session holds the pane; it stands in the log as well."""
    log("message", pane=pane, text=text)
    show(server, [client.name for client in clients(server, pane)], text)


def tell_all(server: Server, text: str) -> bool:
    """Show `text` to every client of a tmux server; whether there was one. The log has it from the caller."""
    names = [client.name for client in clients(server)]
    show(server, names, text)
    return bool(names)


def tell_client(server: Server, client: str, text: str) -> None:
    """Show `text` to one client; "": to the one that tmux takes for the current one."""
    log("message", client=client or None, text=text)
    show(server, [client], text)


@contextmanager
def problems_told(server: Server, when: bool, client: str = "", pane: str = "") -> Iterator[None]:
    """With `when`, a Problem within is told the client, or who looks at the pane, and ends the program: a key binding
    has no terminal."""
    try:
        yield
    except Problem as e:
        if not when:
            raise
        if pane:
            tell(server, pane, str(e))
        else:
            tell_client(server, client, str(e))
        sys.exit(1)


def say_for(server: Server, client: str, text: str, least: int = 10_000) -> None:
    """Show `text` to one client that has pressed no key for it: for `least` milliseconds."""
    log("message", client=client, text=text)
    show(server, [client], text, least)


def tell_later(server: Server, text: str) -> None:
    """Show `text` to the first client that attaches, by the hook client-attached."""
    server.try_run("set-option", "-g", "@codex_say", PREFIX + text)


def show(server: Server, names: list[str], text: str, least: int = SHORTEST) -> None:
    """Show `text` to the clients of these names; "" is the current one."""
    if not names:
        return
    delay = milliseconds(text, server.try_run("show-options", "-gv", "display-time") or "", least)
    for client in names:
        # The text goes through an option: as a message of its own it would be expanded as a format.
        server.try_run("set-option", "-g", "@codex_message", PREFIX + text)
        show_message(server, client, ["display-message", "-d", str(delay)])


def show_message(server: Server, client: str, command: list[str]) -> None:
    """Show @codex_message on a client; nothing happens where that has gone."""
    form = "#{@codex_message}"
    to = ["-c", client] if client else []
    if server.try_run(*command, *to, form) is not None or not client:
        return
    # tmux 3.2a takes no value for -c, see tmux_versions.MESSAGE_CLIENT: there the message goes to the client that
    # last used the tmux session of the pane it is told to be in.
    pane = of_client(server, client, "#{pane_id}")
    if pane:
        environment = ["env", "-u", "TMUX", f"TMUX_PANE={pane}"]
        socket = ["-S", server.socket or os.environ.get("TMUX", "").partition(",")[0]]
        words = [server.binary, "-u", *(socket if socket[1] else [])]
        try:
            spawn([*environment, *words, *command, form], TIMEOUT)
        except TmuxError:
            return
