"""The clients of a tmux server: whose is whose, what each shows, and what it is to show."""

import os
import shlex
from collections.abc import Iterable
from typing import NamedTuple, NoReturn

from codex_tmux.errors import Problem
from codex_tmux.tmux.server import Server


class Client(NamedTuple):
    """A client. `pane`: what it shows; `came`, `used`: when it attached and was last used, in seconds since 1970;
    `control`: it is a program in control mode, which is asked nothing."""

    name: str
    pane: str
    came: int
    used: int
    control: bool


def clients(server: Server, session: str = "") -> list[Client]:
    """The clients of a tmux server, or of them those of a tmux session; none where there is no such."""
    form = "#{pane_id} #{client_created} #{client_activity} #{client_control_mode} #{client_name}"
    of = ("-t", session) if session else ()
    rows = (
        line.split(" ", 4) for line in (server.try_run("list-clients", *of, "-F", form) or "").splitlines()
    )
    return [
        Client(name, pane, int(came), int(used), control == "1") for pane, came, used, control, name in rows
    ]


def last_used(found: Iterable[Client]) -> str:
    """The name of the client that somebody used last; "" for none."""
    return max(found, key=lambda c: c.used, default=Client("", "", 0, 0, False)).name


def own_client(server: Server, without_pane: bool = False) -> str:
    """The client of the person who runs this: of those that show this pane's tmux session the last used one; "" for
    none. `without_pane`: also in what has no pane and is of a tmux session all the same, a popup or a key binding."""
    target = os.environ.get("TMUX_PANE", "")
    if not target and without_pane:
        target = f"${session}" if (session := os.environ.get("TMUX", "").rpartition(",")[2]) else ""
    return last_used(clients(server, target)) if target else ""


def looking_at(server: Server, pane: str) -> str:
    """The last used client that shows a pane, of those with a person; "" for none."""
    return last_used(c for c in clients(server) if c.pane == pane and not c.control)


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


def become_popup(server: Server, client: str, words: Iterable[str]) -> NoReturn:
    """Run a program in a popup of a client."""
    server.become("display-popup", "-E", "-c", client, "-w", "90%", "-h", "85%", shlex.join(words))


def show(server: Server, pane: str, client: str) -> None:
    """Make a pane the current one of its window, that the current one of its tmux session, and that the client's.

    Raises Problem where the pane has gone.
    """
    # A window may be linked into several tmux sessions: the client's own comes first.
    form = "#{pane_id} #{session_id}:#{window_id}.#{pane_id}"
    lines = server.run("list-panes", "-a", "-F", form).splitlines()
    targets = [target for found, target in (line.split(" ", 1) for line in lines) if found == pane]
    own = of_client(server, client, "#{session_id}")
    targets.sort(key=lambda target: target.partition(":")[0] != own)
    if not targets:
        raise Problem(f"pane {pane} has just gone")
    server.run("select-window", "-t", targets[0], ";", "select-pane", "-t", targets[0])
    if client:
        server.run("switch-client", "-c", client, "-t", targets[0].partition(":")[0])
