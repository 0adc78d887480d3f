"""Evidence that only fits: reads what `infer.py` needs, for Codexes whose session nothing names.

Imported only where there is such a Codex: it reads the command lines of all processes, Codex's store, and screens.
"""

import os
import re
import time
from collections.abc import Iterable
from typing import NamedTuple

from codex_tmux.codex.commandline import is_app_server, parse, split_program
from codex_tmux.codex.home import home_of
from codex_tmux.codex.processes.find import CodexProcess
from codex_tmux.codex.processes.held import sessions_held
from codex_tmux.codex.processes.table import Processes
from codex_tmux.codex.rollout import last_user_message
from codex_tmux.codex.screen import last_message, title_name
from codex_tmux.codex.session_id import same_session
from codex_tmux.codex.store import Store, created_ms
from codex_tmux.sleeping.resume import screen_buffer
from codex_tmux.state.records import ARGV, INFERRED, TUI
from codex_tmux.tmux.server import Server
from codex_tmux.tracking.infer import START, Candidate, RunningCodex, infer, possible_for
from codex_tmux.tracking.model import Pane, Sighting

COLOURS = re.compile(r"\x1b\[[0-9;:]*m|\x1b\]8;[^\x1b]*\x1b\\|[\x0e\x0f]")
BETWEEN = "codex-tmux: the next screen"


class Unnamed(NamedTuple):
    """A pane whose session nothing names for sure. `codex` is None where it has just ended; `started` tells when it
    began, in seconds since the epoch by the clock as it is set now."""

    pane: Pane
    title: str
    codex: CodexProcess | None
    store: Store
    started: float

    @property
    def home(self) -> str:
        return os.path.realpath(self.store.codex_home)

    @property
    def by_argv(self) -> bool:
        """Whether its command line names a session."""
        if self.codex is None:
            return self.pane.evidence == ARGV
        return self.pane.sighting is not None

    @property
    def prior(self) -> str:
        """What this very process was last known to show, "" for nothing."""
        if self.pane.sighting is not None:
            return self.pane.sighting.session_id
        same = self.codex is None or self.pane.last_process == self.pane.process
        return self.pane.session if same else ""


def with_inferred(
    panes: tuple[Pane, ...], unnamed: list[Unnamed], server: Server, processes: Processes
) -> tuple[Pane, ...]:
    """`panes` with what fits the unnamed ones: a sighting, or a doubt about what was thought before."""
    screens = read_screens(server, [u.pane.id for u in unnamed])
    asked = {u.pane.id for u in unnamed}
    # What a far end shows takes nothing from this machine.
    here = [p for p in panes if p.id not in asked and not (p.launch and p.launch.transport)]
    taken = frozenset(p.sighting.session_id if p.sighting else p.session for p in here) - {""}
    found: dict[str, Pane] = {}
    sharing: dict[str, list[Unnamed]] = {}
    for u in unnamed:
        own = sessions_held(processes, u.codex.pids) if u.codex is not None else []
        if own:
            # Without the background server a Codex has its sessions open itself: several after /new or /resume.
            found.update(decided([u], (), own, u.started, taken, screens))
        else:
            sharing.setdefault(u.home, []).append(u)
    for home, together in sharing.items():
        held, since = open_in_background(processes, home)
        if held:
            inside = {int(p.process.partition(":")[0] or 0) for p in panes if p.running}
            outside = tuple(codexes_outside_panes(processes, home, inside))
            found.update(decided(together, outside, held, since, taken, screens))
    return tuple(found.get(p.id, p) for p in panes)


def read_screens(server: Server, panes: list[str]) -> dict[str, str]:
    """What each pane shows, in one tmux call; nothing where one of them has just gone."""
    words: list[str] = []
    for pane in panes:
        words += ["capture-pane", "-p", "-t", pane, ";", "display-message", "-p", BETWEEN, ";"]
    shown = (server.try_run(*words[:-1]) or "").split(BETWEEN)
    if len(shown) < len(panes):
        return {}
    screens = {pane: text.removeprefix("\n") for pane, text in zip(panes, shown)}
    for pane, text in screens.items():
        if not text.strip() and (kept := server.try_run("show-buffer", "-b", screen_buffer(pane))):
            # A dead pane that had to be reset at once: the buffer has its history too, and colours.
            screens[pane] = "\n".join(COLOURS.sub("", kept).splitlines()[-text.count("\n") :])
    return screens


def open_in_background(processes: Processes, home: str) -> tuple[list[str], float]:
    """The sessions that the background server of a `CODEX_HOME` has open, and since when that runs."""
    locks = os.path.join(home, "thread-writer-locks")
    for pid in processes.pids():
        if not is_app_server(processes.argv(pid)):
            continue
        held = sessions_held(processes, (pid,), os.path.realpath(locks))
        process = processes.get(pid)
        if held and process is not None:
            return held, processes.started_at(process.start)
    return [], 0.0


def codexes_outside_panes(processes: Processes, home: str, inside: set[int]) -> Iterable[RunningCodex]:
    """The Codexes of a `CODEX_HOME` in no pane of this tmux server: each shows some session as well."""
    for pid in processes.pids():
        process, split = processes.get(pid), split_program(processes.argv(pid))
        if process is None or split is None or pid in inside or process.state in "ZX":
            continue
        command, cwd = parse(split[1]), processes.cwd(pid)
        above = split_program(processes.argv(process.ppid))
        is_wrapped = above is not None and above[1] == split[1]  # npm's wrapper stands for its native binary
        own = home_of(processes.environ(pid, ("HOME", "CODEX_HOME")), cwd)
        if command.mode != TUI or command.remote or is_wrapped or os.path.realpath(own) != home:
            continue
        below = [p for p in processes.children(pid) if not is_app_server(processes.argv(p))]
        if not sessions_held(processes, (pid, *below)):
            words = frozenset(w.strip() for w in split[1]) if command.prompt else frozenset()
            began = processes.started_at(process.start)
            yield RunningCodex(f"process {pid}", cwd, began, command.session_id or "", words)


def decided(
    unnamed: list[Unnamed],
    outside: tuple[RunningCodex, ...],
    held: list[str],
    since: float,
    taken: frozenset[str],
    screens: dict[str, str],
) -> dict[str, Pane]:
    """The panes of `unnamed`, of one `CODEX_HOME`, with the sessions that fit them of those that are held, `since` when
    their holder runs."""
    store = unnamed[0].store
    free = [s for s in sorted(held) if not any(same_session(s, t) for t in taken)]
    candidates = tuple(c for c in (candidate(store, s) for s in free) if c is not None)
    codexes = tuple(running_codex(u, screens.get(u.pane.id)) for u in unnamed)
    sessions = infer((*codexes, *outside), candidates)
    found = {}
    for u, its in zip(unnamed, codexes):
        session = sessions.get(its.name, "")
        if stays(u, session, {c.id for c in possible_for(its, candidates)}, held, since):
            continue
        found[u.pane.id] = u.pane._replace(
            sighting=Sighting(session, INFERRED) if session else None,
            doubted=bool(u.prior) and session != u.prior,
        )
    return found


def stays(unnamed: Unnamed, session: str, possible: set[str], held: list[str], since: float) -> bool:
    """Whether what a pane was known to show is not asked about, though this session, or none, fits it now."""
    prior, started = unnamed.prior, unnamed.started
    if unnamed.by_argv and (prior in possible or time.time() - started < START):
        return True  # its command line says so, and nothing since contradicts it
    if session or possible:
        return False
    # It shows something though no open session can be it: a message that is not written yet; a background server that
    # was ended, and has not taken every session up again; a session that was deleted.
    return prior in held or since > started + START or unnamed.store.find(prior) is None


def running_codex(unnamed: Unnamed, screen: str | None) -> RunningCodex:
    """A pane's Codex, as far as anything is known of it."""
    codex, pane = unnamed.codex, unnamed.pane
    cwd = pane.launch.cwd if pane.launch else pane.cwd
    words: frozenset[str] = frozenset()
    if codex is not None:
        cwd = os.path.join(codex.cwd, codex.command.cd or "")
        words = frozenset(w.strip() for w in codex.args) if codex.command.prompt else words
    return RunningCodex(
        pane.id,
        os.path.normpath(cwd),
        unnamed.started,
        unnamed.prior,
        words,
        last_message(screen) if screen is not None else None,
        title_name(unnamed.title),
    )


def candidate(store: Store, session_id: str) -> Candidate | None:
    """An open session as the store has it; None for one that no pane shows: a sub-agent's, or of `codex exec`."""
    session = store.find(session_id)
    created = created_ms(session_id) / 1000
    if session is None:
        # Before the first message it is a lock and nothing else.
        return Candidate(session_id, created, first="", last="")
    if session.subagent or session.exec_session:
        return None
    last = last_user_message(session.rollout) if session.rollout else None
    return Candidate(session_id, created, session.cwd, session.first_message or None, last, session.title)
