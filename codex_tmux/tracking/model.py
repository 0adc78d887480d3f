"""What a sync sees of a tmux server, and what it may do about it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias

from codex_tmux.elsewhere.wrapper import storable
from codex_tmux.state.launch import Launch
from codex_tmux.state.records import ADOPTED, ARGV, INFERRED, LOCK, LOST, SCREEN, TITLE, Record
from codex_tmux.tmux.epoch import GONE
from codex_tmux.tracking.may_act import Place


class Sighting(NamedTuple):
    """A session that a pane shows, and how that is known."""

    session_id: str
    evidence: str


RANK = {TITLE: 5, LOCK: 4, ADOPTED: 4, ARGV: 3, SCREEN: 2, INFERRED: 1}
"""How much a kind of evidence says about one Codex process: more replaces less, never the other way round."""


def better(known: str, seen: str) -> str:
    """The better of two kinds of evidence for the same session."""
    return seen if RANK[seen] >= RANK[known] else known


class Guard(NamedTuple):
    """What the pane was when last seen, if a plain respawn of it would start Codex anew: root pid and command."""

    root_pid: str
    start_command: str

    def was_respawned(self, root_pid: str, start_command: str) -> bool:
        """Whether a pane that is so now has run its stored command again since."""
        return self.root_pid != root_pid and self.start_command == start_command


class Pane(NamedTuple):
    """One pane as it is now, and what its options remember of before.

    `running` is the Codex in it (None: none), `process` names that process (`pid:start`). `exit` is the dead
    pane's exit status or signal, "" while unknown. `quit` tells, for a pane that lost its Codex to a shell,
    whether the user quit it. `doubted`: it is not sure any more that the pane shows the session it was thought to.
    `ours`: its stored command is codex-tmux itself; `starting`: that is running right now, Codex not yet; `moved`: it
    sleeps, and its stored command starts a helper that lies elsewhere now; `wakes`: it was restored, and somebody is
    there to see it. `codex`: where the running Codex is; `left_alone`: why one that runs there is not the pane's.
    `window_automatic`: tmux itself names the window.
    """

    id: str
    tmux_session: str
    window: int
    window_name: str
    window_layout: str
    pane_index: int
    cwd: str
    dead: bool
    exit: str
    root_pid: str
    start_command: str
    ours: bool = False
    moved: bool = False
    starting: bool = False
    running: Launch | None = None
    process: str = ""
    root: bool = False
    sighting: Sighting | None = None
    doubted: bool = False
    quit: bool = False
    marked: bool = False
    session: str = ""
    evidence: str = ""
    launch: Launch | None = None
    guard: Guard | None = None
    asleep: bool = False
    wakes: bool = False
    last_process: str = ""
    neighbours: tuple[tuple[int, str, bool], ...] = ()
    codex: str = Place.NONE
    left_alone: str = ""
    window_automatic: bool = False

    @property
    def respawned(self) -> bool:
        """Whether another process is its root than when it was last seen. From 3.8 on, tmux names no process of a dead
        pane: it counts as the same."""
        return self.guard is not None and self.root_pid not in ("", self.guard.root_pid)

    @property
    def own_process(self) -> str:
        """The process of the Codex that is the pane's own program, and runs; "" for none."""
        return self.process if self.running and self.root and not self.dead else ""

    @property
    def remembered(self) -> Sighting | None:
        """The session that its options name."""
        return Sighting(self.session, self.evidence) if self.session else None

    @property
    def was_elsewhere(self) -> bool:
        """Whether the Codex that it had ran at the far end of a transport."""
        return self.launch is not None and bool(self.launch.transport)


class Snapshot(NamedTuple):
    """A tmux server at one moment.

    `marked` holds the ids of panes that were known to have Codex, without those whose process ended by itself: one of
    them that is gone was closed by the user. `fates` is what has become of the
    tmux servers of the records, by epoch, as `epoch.fate` tells it: one that is not in it is gone.
    """

    server: str
    epoch: str
    panes: tuple[Pane, ...]
    marked: frozenset[str] = frozenset()
    fates: Mapping[str, str] = {}

    def place(self, pane: str) -> tuple[str, str, str]:
        """As `Record.place`, of a pane here."""
        return self.server, self.epoch, pane

    def holds(self, record: Record) -> bool:
        """Whether a record is of a pane that it has here."""
        return record.current and record.place == self.place(record.pane)

    def may_hold(self, record: Record) -> bool:
        """Whether the tmux server of a record is this one, or may still run."""
        return record.epoch == self.epoch or self.fates.get(record.epoch, GONE) != GONE

    def has_lost(self, record: Record) -> bool:
        """Whether a record is of a session that this tmux server, in an earlier run on this host, has lost."""
        return record.status == LOST and record.server == self.server and not self.may_hold(record)


class Policy(NamedTuple):
    """What the user chose, and the limits."""

    revive: bool = False
    revivals: int = 3
    revival_window: timedelta = timedelta(minutes=1)
    keep_old: int = 200
    keep_old_elsewhere: int = 50
    keep_for: timedelta = timedelta(days=90)


class Sleep(NamedTuple):
    """Lay a dead pane to sleep: its stored command becomes the one that resumes, its last screen is drawn again.

    Also where that command resumes already: tmux before 3.5 has an end to fear of a pane that died before its Codex's
    request for focus events was taken back (`focus`); drawn again, the pane asks for none.
    `again`: it sleeps already, by the command of a helper that has moved.
    """

    pane: str
    launch: Launch
    exit: str = ""
    again: bool = False


class Revive(NamedTuple):
    """Respawn a dead or sleeping pane into its session now."""

    pane: str
    launch: Launch


class TakeOver(NamedTuple):
    """Replace what a respawn has just started anew, the process `root_pid`, by the session the pane had."""

    pane: str
    launch: Launch
    root_pid: str


class Tell(NamedTuple):
    """Show a message to whoever looks at the pane."""

    pane: str
    text: str


class Note(NamedTuple):
    """A line for the log."""

    event: str
    fields: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, event: str, **fields: str) -> "Note":
        return cls(event, tuple(fields.items()))


Action: TypeAlias = Sleep | Revive | TakeOver | Tell | Note


def new_record(
    snapshot: Snapshot, pane: Pane, launch: Launch, sighting: Sighting, status: str, now: datetime
) -> Record:
    fields = {**place_of(pane), **launch_fields(launch)}
    return Record(
        session_id=sighting.session_id,
        evidence=sighting.evidence,
        status=status,
        server=snapshot.server,
        epoch=snapshot.epoch,
        pane=pane.id,
        updated_at=now,
        **fields,  # type: ignore[arg-type]
    )


def place_of(pane: Pane) -> dict[str, object]:
    """The fields of a record that find the pane's place again."""
    return {
        "tmux_session": pane.tmux_session,
        "window": pane.window,
        "window_name": pane.window_name,
        "window_automatic": pane.window_automatic,
        "window_layout": pane.window_layout,
        "pane_index": pane.pane_index,
        "neighbours": pane.neighbours,
    }


def launch_fields(launch: Launch) -> dict[str, object]:
    """The fields of a record that start its Codex again."""
    return {**launch._asdict(), "wrapper": storable(launch.wrapper, [name for name, _ in launch.env])}
