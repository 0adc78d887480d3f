"""A pane that shows a Codex of another machine or box: which session, and when its title is to be believed.

No process of that Codex is here, so nothing but the title tells, and whatever runs at the far end can write that. So a
title counts only while a known transport runs in the pane's foreground, and only for a session which nothing on this
machine knows: what it says can never take a session away from a pane that has a Codex of its own.
"""

import os
import re
import time
from typing import TYPE_CHECKING, NamedTuple

from codex_tmux.codex.processes.table import Processes
from codex_tmux.codex.session_id import CUT
from codex_tmux.codex.shells import runs_one_command
from codex_tmux.codex.store import Store, created_ms
from codex_tmux.elsewhere.remote_command import codex_of
from codex_tmux.elsewhere.run_again import run_again
from codex_tmux.elsewhere.transport import MOSH_CLIENT, Transport, of_argv
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
    """The outermost transport in the foreground of the pane with this root process, or None."""
    for pid in (root_pid, *processes.descendants(root_pid)):
        process, argv = processes.get(pid), processes.argv(pid)
        transport = of_argv(argv) if argv else None
        in_front = process and process.state not in "ZX" and process.pgrp == process.tty_pgrp >= 0
        if process and transport and in_front:
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
    # A title of unknown age may be codex-tmux's own: it gives one to the panes it rebuilds.
    title = title_of(row)
    cut = "" if title.came is None else identifier.title_id(title, row, pane, process.start)
    named = (codex and codex.command.session_id) or ""
    shown = cut if is_plausible(cut) else ""
    sighting = sight(identifier, pane, transport.program.shares_home, shown, named)
    if codex is None and sighting is None:
        return None
    env = tuple(identifier.processes.environ(process.pid, identifier.env_names).items())
    launch = Launch(TUI, again.codex, "", process.cwd, again.flags, not process.root, env, again.words)
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
    """The transport as it was written: mosh becomes a program that knows its words only joined by blanks."""
    seen = process.argv[1:2] if os.path.basename(process.argv[0]) == MOSH_CLIENT else []
    words = shell_words(pane.start_command)
    words = shell_words(words[0]) if len(words) == 1 else words
    known = pane.launch.transport if pane.launch else ()
    for argv in (words, known, run_again(known, pane.session).words) if seen else ():
        written = of_argv(argv)
        if written and seen[0] == f"-# {' '.join(written.argv[written.before + 1 :])} |":
            return written
    return process.transport


def sight(identifier: "Identifier", pane: Pane, shares_home: bool, cut: str, named: str) -> Sighting | None:
    """The session that the far end's Codex shows: `cut` is in its title, and its command line resumes `named`."""
    if named.startswith(cut):
        # The pane's own command line is the user's word, or codex-tmux's; a title is not needed.
        return Sighting(named, TITLE if cut else ARGV) if named else None
    known = pane.session if pane.session.startswith(cut) else cut
    if known == pane.session and pane.evidence == ADOPTED:
        return Sighting(known, ADOPTED)
    here = known_here(identifier, cut)
    if here and not shares_home:
        return None
    return Sighting(here or known, TITLE)


def is_plausible(session_id: str) -> bool:
    """Whether this can be a session of Codex's: a UUIDv7 (or its first 29 characters) of the past."""
    latest = time.time() * 1000 + CLOCKS_MS
    return bool(re.match(".{14}7.{4}[89ab]", session_id)) and FIRST_MS < created_ms(session_id) < latest


def known_here(identifier: "Identifier", session_id: str) -> str | None:
    """The whole id, where a store of this machine has the session; None where none has."""
    found = (Store(home).complete(session_id[:CUT]) for home in identifier.local_homes())
    return next(filter(None, found), None)


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
