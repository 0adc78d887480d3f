"""Which session does a pane show, and how do we know: from one reading of tmux to the snapshot the rules work on."""

import os
from collections.abc import Iterator

from codex_tmux.codex.daemon.client import has_daemon
from codex_tmux.codex.home import default_home
from codex_tmux.codex.processes.find import CodexProcess, find_codex
from codex_tmux.codex.processes.held import sessions_held
from codex_tmux.codex.processes.table import Processes
from codex_tmux.codex.session_id import is_whole, same_session
from codex_tmux.codex.store import SQLITE_HOME, Store
from codex_tmux.paths import own_words
from codex_tmux.sleeping.waking import wakes
from codex_tmux.state.launch import Launch
from codex_tmux.state.pane_options import Option, decode_launch
from codex_tmux.state.records import ARGV, EXEC, INFERRED, LIVE, LOCK, TITLE, TUI
from codex_tmux.state.start_command import has_moved, helper_named, helper_of
from codex_tmux.tmux.server import Reading, Server
from codex_tmux.tracking import whose_title
from codex_tmux.tracking.ended_pane import dead_pane, lost_pane
from codex_tmux.tracking.far_pane import identify_far_pane, is_another_machine, known_here
from codex_tmux.tracking.inferred import Unnamed, with_inferred
from codex_tmux.tracking.may_act import Act, Place, ProcessFacts, may_act
from codex_tmux.tracking.model import Guard, Pane, Sighting, Snapshot
from codex_tmux.tracking.pane_facts import age_of, codex_facts, pane_facts, place_of
from codex_tmux.tracking.wrapper_of import wrapper_of

STARTING = 0.5
"""Seconds within which a Codex that has just started has no session yet."""
STARTING_WITH = 15.0
"""Seconds it may take to open the session that it was told to resume."""
CODEX_COMMANDS = frozenset(("codex", "node", "bun"))
"""What tmux calls the command of a pane that runs Codex: the binary itself, or the interpreter of its wrapper."""


class Identifier:
    """Works out what each pane of one reading shows. Asks processes and Codex's store only where Codex is, or was."""

    def __init__(self, server: Server, reading: Reading, processes: Processes | None = None) -> None:
        self.server = server
        self.reading = reading
        self.processes = processes or Processes()
        self.stores: dict[tuple[str, str | None], Store] = {}
        self.titles: dict[str, dict[str, str]] = {}
        """What the options of panes should say of their titles."""
        self.codexes: dict[str, CodexProcess] = {}
        self.env_names = tuple(reading.server["@codex-env"].split())
        helper = helper_named(reading.server.get("@codex_word", ""))
        self.helper = helper if os.access(helper, os.X_OK) else ""

    def snapshot(self) -> Snapshot:
        """The whole server, as the rules want it."""
        rows = self.reading.panes
        panes = tuple(self.pane(row) for row in rows)
        unnamed = [(row, pane) for row, pane in zip(rows, panes) if self.is_unnamed(row, pane)]
        if unnamed:
            panes = self.infer(panes, unnamed)
        windows: dict[str, list[tuple[int, str, bool]]] = {}
        for row, pane in zip(rows, panes):
            cell = (int(row["pane_index"]), row["pane_current_path"], not pane.start_command)
            windows.setdefault(row["window_id"], []).append(cell)
        panes = tuple(
            p._replace(neighbours=tuple(windows[row["window_id"]])) if p.running or p.session else p
            for row, p in zip(rows, panes)
        )
        server = self.reading.server
        return Snapshot(
            server=server["socket_path"],
            epoch=self.reading.epoch,
            panes=panes,
            marked=frozenset(server["@codex_panes"].split()),
        )

    def pane(self, row: dict[str, str]) -> Pane:
        pane = self.as_read(row)
        if not self.is_candidate(row):
            return pane
        if pane.dead:
            return dead_pane(self, row, pane)
        if row["@codex_mode"] == EXEC and pane.launch and self.runs_helper(pane, "exec"):
            # A conversation through `codex exec`: in its turns and between them its own program tells what it holds.
            return pane._replace(
                running=pane.launch,
                process=pane.root_pid,
                sighting=pane.remembered,
                root=True,
                codex=Place.ROOT,
            )
        codex = find_codex(self.processes, int(pane.root_pid), self.env_names)
        if codex is not None:
            listed = may_act(pane_facts(row), codex_facts(codex), Act.LIST)
            if listed:
                return self.running_pane(row, pane, codex)
            pane = pane._replace(left_alone=listed.because)
        return self.without_own_codex(row, self.obeyed(row, pane))

    def as_read(self, row: dict[str, str]) -> Pane:
        """A pane as tmux tells it."""
        command, asleep, signal = (
            row["pane_start_command"],
            bool(row["@codex_asleep"]),
            row["pane_dead_signal"],
        )
        return Pane(
            id=row["pane_id"],
            tmux_session=row["session_name"],
            window=int(row["window_index"]),
            window_name=row["window_name"],
            window_automatic=row["automatic-rename"] == "1",
            window_layout=row["window_layout"],
            pane_index=int(row["pane_index"]),
            cwd=row["pane_current_path"],
            dead=row["pane_dead"] == "1",
            exit=f"signal {signal}" if signal else row["pane_dead_status"],
            root_pid=row["pane_pid"],
            start_command=command,
            ours="codex" in command and bool(helper_of(command)),
            moved=asleep and has_moved(command, self.helper),
            marked=bool(row["@codex_pane"]),
            session=row["@codex_session"],
            evidence=row["@codex_evidence"],
            launch=decode_launch(row["@codex_launch"]),
            guard=guard_of(row["@codex_guard"]),
            asleep=asleep,
            wakes=asleep
            and wakes(row["@codex_waiting"], is_shown(row), any(map(is_shown, self.reading.panes))),
            last_process=row["@codex_process"],
        )

    def obeyed(self, row: dict[str, str], pane: Pane) -> Pane:
        """The pane without its guard where what a respawn has started is the user's."""
        if not pane.respawned:
            return pane
        now = ProcessFacts(front=row["pane_current_command"], age=age_of(self.processes, int(pane.root_pid)))
        return pane if may_act(pane_facts(row), now, Act.TAKE_OVER) else pane._replace(guard=None)

    def without_own_codex(self, row: dict[str, str], pane: Pane) -> Pane:
        if self.runs_helper(pane, "run") or self.is_between_programs(int(pane.root_pid)):
            return pane._replace(starting=True)
        named = row["@codex_title_id"] or "codex" in pane.start_command or pane.was_elsewhere
        if named and (elsewhere := identify_far_pane(self, row, pane)) is not None:
            return elsewhere
        return lost_pane(self, row, pane) if pane.marked else pane

    def is_candidate(self, row: dict[str, str]) -> bool:
        """Whether a pane may run Codex, or had it: only then its processes are looked at."""
        return bool(
            row["@codex_pane"]
            or row["@codex_title_id"]
            or row["pane_current_command"] in CODEX_COMMANDS
            or "codex" in row["pane_start_command"]
        )

    def running_pane(self, row: dict[str, str], pane: Pane, codex: CodexProcess) -> Pane:
        process = f"{codex.pid}:{codex.start}"
        launch = self.launch_of(codex)._replace(wrapper=wrapper_of(pane, codex))
        # What a respawn has just started says nothing of what was here: tmux keeps no `-e` and no directory.
        kept_launch = pane.launch if pane.respawned and pane.launch else launch
        pane = pane._replace(
            running=launch,
            launch=kept_launch,
            process=process,
            root=codex.root,
            codex=place_of(codex),
            cwd=launch.cwd,
            marked=True,
        )
        self.codexes[pane.id] = codex
        return pane._replace(sighting=self.sight(row, pane, codex))

    def is_unnamed(self, row: dict[str, str], pane: Pane) -> bool:
        """Whether nothing names the session of a pane's Codex for sure, so that what fits it is worth a look."""
        if codex := self.codexes.get(pane.id):
            return self.is_unnamed_codex(pane, codex)
        just_ended = row["@codex_state"] == LIVE and not (pane.running or pane.asleep or pane.starting)
        if not just_ended or not pane.marked or pane.sighting or pane.was_elsewhere:
            return False
        known = bool(pane.last_process) and pane.launch is not None and pane.launch.mode == TUI
        return known and (not pane.session or pane.evidence in (INFERRED, ARGV))

    def is_unnamed_codex(self, pane: Pane, codex: CodexProcess) -> bool:
        """The same of a Codex that runs."""
        # `agents` shows a list of sessions, and none of them is its own.
        if codex.command.remote or codex.command.subcommand == "agents":
            return False
        if pane.sighting and pane.sighting.evidence != ARGV:
            return False
        same = pane.last_process == pane.process
        if same and pane.session and pane.evidence not in (INFERRED, ARGV, LOCK):
            return False
        # Before that there is no session yet, and who was told which one to resume is at it.
        return self.processes.age(codex.start) > (STARTING_WITH if pane.sighting else STARTING)

    def infer(self, panes: tuple[Pane, ...], unnamed: list[tuple[dict[str, str], Pane]]) -> tuple[Pane, ...]:
        """The panes with what fits those that nothing names."""
        found = []
        for row, pane in unnamed:
            codex = self.codexes.get(pane.id)
            launch = pane.launch
            store = self.store(codex) if codex else Store(launch.codex_home if launch else "")
            start = str(codex.start) if codex else pane.last_process.rpartition(":")[2]
            began = self.processes.started_at(int(start)) if start.isdigit() else 0.0
            found.append(Unnamed(pane, row["pane_title"], codex, store, began))
        return with_inferred(panes, found, self.server, self.processes)

    def launch_of(self, codex: CodexProcess) -> Launch:
        """What it takes to start this Codex again."""
        databases = {SQLITE_HOME: codex.sqlite_home} if codex.sqlite_home else {}
        return Launch(
            mode=EXEC if codex.command.mode == "exec" else TUI,
            codex=codex.program[-1] if codex.program else "",
            codex_home=codex.codex_home,
            cwd=codex.cwd,
            flags=tuple(codex.command.flags),
            shell=not codex.root,
            # What @codex-env lists, and where Codex has its databases.
            env=tuple((dict(codex.environ) | databases).items()),
        )

    def sight(self, row: dict[str, str], pane: Pane, codex: CodexProcess) -> Sighting | None:
        """The session this Codex shows: the first kind of evidence that answers."""
        store = self.store(codex)
        for seen in self.evidence(row, pane, codex, store):
            if seen.session_id and self.may_show(seen.session_id, pane, store):
                return seen
        return None

    def evidence(
        self, row: dict[str, str], pane: Pane, codex: CodexProcess, store: Store
    ) -> Iterator[Sighting]:
        yield Sighting(self.by_title(row, pane, codex, store), TITLE)
        yield Sighting(self.by_lock(codex, store), LOCK)
        yield Sighting(codex.command.session_id or "", ARGV)

    def is_refuted(self, session_id: str, pane: Pane, codex: CodexProcess, store: Store) -> bool:
        """Whether a title that names another session than the pane is known to show cannot be this Codex's."""
        if same_session(session_id, pane.session):
            return False
        if codex.command.remote:
            # A server on another machine gives its session no id that one of this machine has.
            return is_another_machine(codex.command.remote) and known_here(self, session_id) is not None
        # A background server has every session open that its Codexes show.
        return (
            has_daemon(codex.codex_home)
            and store.rollout(session_id) is not None
            and store.lock_holder(session_id) is None
            and session_id not in sessions_held(self.processes, codex.pids)
        )

    def by_title(self, row: dict[str, str], pane: Pane, codex: CodexProcess, store: Store) -> str:
        """The session in the title, where this very process set it: a title outlives a killed Codex."""
        title = whose_title.title_of(row, store.is_in_a_name)
        cut = self.title_id(title, row, pane, codex.start, codex.foreground)
        if not cut:
            return ""
        if pane.session.startswith(cut) and is_whole(pane.session):
            return pane.session
        found = store.complete(cut) or cut
        return "" if self.is_refuted(found, pane, codex, store) else found

    def title_id(
        self, title: whose_title.Title, row: dict[str, str], pane: Pane, start: int, foreground: bool = True
    ) -> str:
        """The id in the title, whole or cut, where it is of the pane's process, which began at `start`; else ""."""
        # `run`, which became this process, took away the id that was there.
        cleared = bool(row["@codex_title_id"]) and row["@codex_cleared"] == pane.process.partition(":")[0]
        asker = whose_title.Asker(pane.process, self.processes.started_at(start), foreground, cleared)
        counted = whose_title.counts(title, asker, whose_title.Before(pane.last_process, pane.session))
        self.titles[pane.id] = {Option.TITLE_AT: title.noted(counted, pane.process)}
        if title.session_id and not counted:
            self.titles[pane.id][Option.TITLE_ID] = ""
        return title.session_id if counted else ""

    def local_homes(self) -> set[str]:
        """The `CODEX_HOME`s of this machine that are known of: the default one, and those of this server's panes."""
        launches = (decode_launch(row["@codex_launch"]) for row in self.reading.panes if row["@codex_launch"])
        return {default_home(), *(launch.codex_home for launch in launches if launch and launch.codex_home)}

    def by_lock(self, codex: CodexProcess, store: Store) -> str:
        """The one session whose lock or rollout the pane's own Codex holds open, sub-agents left out."""
        held = [s for s in sessions_held(self.processes, codex.pids) if not store.is_subagent(s)]
        return held[0] if len(held) == 1 else ""

    def may_show(self, session_id: str, pane: Pane, store: Store) -> bool:
        """Whether a session may be a pane's own: a sub-agent's never is."""
        if same_session(session_id, pane.session) or len(session_id) != 36:
            return True
        return not store.is_subagent(session_id)

    def runs_helper(self, pane: Pane, command: str) -> bool:
        """Whether `codex-tmux <command>` runs as the pane's root process or in its foreground."""
        root = int(pane.root_pid)
        return any(
            own_words(self.processes.argv(pid))[1] == command
            for pid in (root, *self.processes.descendants(root))
        )

    def is_between_programs(self, root: int) -> bool:
        """Whether a pane's own process is just becoming another program: it has no command line then, and has not gone
        to a shell."""
        # Where somebody else's command lines are hidden, theirs are always empty.
        return not self.processes.argv(root) and self.processes.uid(root) == os.geteuid()

    def store(self, codex: CodexProcess) -> Store:
        """The store of a Codex's own CODEX_HOME."""
        key = (codex.codex_home, codex.sqlite_home)
        if key not in self.stores:
            self.stores[key] = Store(*key)
        return self.stores[key]


def is_shown(row: dict[str, str]) -> bool:
    """Whether a client shows the window of a pane."""
    return row["window_active_clients"] not in ("", "0")


def guard_of(text: str) -> Guard | None:
    pid, space, command = text.partition(" ")
    return Guard(pid, command) if space and pid.isdigit() else None
