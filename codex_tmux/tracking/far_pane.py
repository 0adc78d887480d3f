"""A pane that shows a Codex of another machine or box: which session, and when its title is to be believed.

No process of that Codex is here, so nothing but the title tells, and whatever runs at the far end can write that. So a
title counts only while a known transport runs in the pane's foreground, and only for a session which nothing on this
machine knows: what it says can never take a session away from a pane that has a Codex of its own.
"""

import time
from typing import TYPE_CHECKING, NamedTuple

from codex_tmux.codex.processes.table import Processes
from codex_tmux.codex.session_id import CUT
from codex_tmux.codex.shells import runs_one_command
from codex_tmux.codex.store import Store, created_ms
from codex_tmux.elsewhere.remote_command import codex_of
from codex_tmux.elsewhere.run_again import run_again
from codex_tmux.elsewhere.transport import Transport, of_argv, split_words
from codex_tmux.state.launch import Launch
from codex_tmux.state.records import ADOPTED, ARGV, SCREEN, TITLE, TUI
from codex_tmux.state.start_command import shell_words
from codex_tmux.tracking.may_act import Place
from codex_tmux.tracking.model import Pane, Sighting
from codex_tmux.tracking.whose_title import title_of

if TYPE_CHECKING:
    from codex_tmux.tracking.identify import Identifier  # which imports this module

FIRST_MS = 1_735_689_600_000
"""The start of 2025, before which no Codex named a session by such an id; in ms since the epoch."""
CLOCKS_MS = 86_400_000
"""How far the far end's clock may be ahead of this one's."""


class TransportProcess(NamedTuple):
    """The process of a transport. `root`: the pane's own command, no shell is below it."""

    pid: int
    start: int
    argv: list[str]
    transport: Transport
    cwd: str
    root: bool


def find_transport(processes: Processes, root_pid: int) -> TransportProcess | None:
    """The outermost transport with a terminal in the foreground of the pane with this root process, or None."""
    for pid in (root_pid, *processes.descendants(root_pid)):
        argv = processes.argv(pid)
        transport = of_argv(argv) if argv else None
        if transport is None or not transport.terminal:
            continue
        process = processes.get(pid)
        if (
            process is None
            or process.state in "ZX"
            or process.tty_pgrp < 0
            or process.pgrp != process.tty_pgrp
        ):
            continue
        root = pid == root_pid or runs_one_command(processes.argv(root_pid))
        return TransportProcess(pid, process.start, argv, transport, processes.cwd(pid), root)
    return None


def identify_far_pane(identifier: "Identifier", row: dict[str, str], pane: Pane) -> Pane | None:
    """The pane with the Codex that its transport shows; None where it has no transport, or that shows none."""
    process = find_transport(identifier.processes, int(pane.root_pid))
    if process is None:
        return None
    transport = own_words(process, pane)
    codex = codex_of(transport)
    again = run_again(transport.argv)
    pane = pane._replace(process=f"{process.pid}:{process.start}")
    sighting = sight(identifier, row, pane, process, transport, (codex and codex.command.session_id) or "")
    if codex is None and sighting is None:
        return None
    names = identifier.env_names
    launch = Launch(
        mode=TUI,
        codex=again.codex,
        codex_home="",
        cwd=process.cwd,
        flags=again.flags,
        shell=not process.root,
        env=tuple(identifier.processes.environ(process.pid, names).items()) if names else (),
        transport=again.words,
    )
    if not identifier.processes.still_runs(process.pid, process.argv):
        return None  # it ended, and not all of this was read before
    return pane._replace(
        running=launch,
        launch=launch,
        root=process.root,
        codex=Place.ROOT if process.root else Place.FOREGROUND,
        cwd=launch.cwd,
        marked=True,
        sighting=sighting,
    )


def own_words(process: TransportProcess, pane: Pane) -> Transport:
    """The transport as it was written. mosh becomes a program that knows its words only joined by blanks."""
    seen = split_words(process.argv)
    if seen is None:
        return process.transport
    words = shell_words(pane.start_command)
    if len(words) == 1:
        words = shell_words(words[0])
    known = pane.launch.transport if pane.launch else ()
    for argv in (tuple(words), known, run_again(known, pane.session).words):
        written = of_argv(argv)
        if written is not None and " ".join(written.argv[written.before + 1 :]).split() == seen:
            return written
    return process.transport


def sight(
    identifier: "Identifier",
    row: dict[str, str],
    pane: Pane,
    process: TransportProcess,
    transport: Transport,
    named: str,
) -> Sighting | None:
    """The session that the far end's Codex shows; `named` is the one that its command line resumes."""
    # A title of unknown age may be codex-tmux's own: it gives one to the panes it rebuilds.
    title = title_of(row)
    cut = "" if title.came is None else identifier.title_id(title, row, pane, process.start)
    if not cut:
        # The pane's own command line is the user's word, or codex-tmux's; a title is not needed.
        return Sighting(named, ARGV) if named else None
    if named.startswith(cut):
        return Sighting(named, TITLE)
    if pane.session.startswith(cut) and pane.evidence == ADOPTED:
        return Sighting(pane.session, ADOPTED)
    if not is_plausible(cut):
        return None
    here = known_here(identifier, cut)
    if transport.program.shares_home:
        return Sighting(here or cut, TITLE)
    if here is not None:
        return None
    return Sighting(pane.session if pane.session.startswith(cut) else cut, TITLE)


def is_plausible(session_id: str) -> bool:
    """Whether this can be a session of Codex's: a UUIDv7 (or its first 29 characters) of the past."""
    made = created_ms(session_id)
    return (
        session_id[14:15] == "7"
        and session_id[19:20] in "89ab"
        and FIRST_MS < made < time.time() * 1000 + CLOCKS_MS
    )


def known_here(identifier: "Identifier", session_id: str) -> str | None:
    """The whole id, where a store of this machine has the session; None where none has."""
    for home in identifier.local_homes():
        store = Store(home)
        whole = store.complete(session_id[:CUT])
        if whole:
            return whole
    return None


def completed_by_screen(identifier: "Identifier", pane: Pane, hint: str) -> Pane:
    """A pane whose transport has ended, with what the last screen says: `hint` is the id in `codex resume <id>`."""
    if pane.session:
        cut = len(pane.session) == CUT and hint.startswith(pane.session)
        return pane._replace(sighting=Sighting(hint, pane.evidence)) if cut else pane
    if not hint or not is_plausible(hint) or known_here(identifier, hint):
        return pane
    return pane._replace(sighting=Sighting(hint, SCREEN))


def is_another_machine(address: str) -> bool:
    """Whether the address of an app-server leads off this machine. A forwarded port of this machine does not say so."""
    if address.startswith("unix:"):
        return False
    host = address.partition("://")[2].partition("/")[0].rpartition("@")[2].rpartition(":")[0].strip("[]")
    loopback = host in ("localhost", "::1") or (host.startswith("127.") and host.replace(".", "").isdigit())
    return not loopback
