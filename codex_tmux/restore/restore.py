"""After a server restart: every conversation back in its place."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from codex_tmux.codex.rollout import last_exchange
from codex_tmux.codex.session_id import CUT, find_id
from codex_tmux.codex.store import Store
from codex_tmux.errors import TmuxError
from codex_tmux.log import log
from codex_tmux.pane.idle_shell import untouched
from codex_tmux.plain_text import plain_line, shortened
from codex_tmux.restore.build import Rebuilder
from codex_tmux.restore.plan import Build, Fill, Plan, Spot, lost_records, make_plan, place
from codex_tmux.sleeping.resume import wait_until_dead
from codex_tmux.sleeping.waking import WHEN_SHOWN, WITH_A_CLIENT
from codex_tmux.state import store
from codex_tmux.state.records import LOST, Record
from codex_tmux.tmux import epoch
from codex_tmux.tmux.server import Server
from codex_tmux.tracking.names import names_of
from codex_tmux.tracking.pass_once import Pass, sync_once
from codex_tmux.tracking.sync import server_lock

RESUMED, WAITS, REBUILT, SKIPPED, FAILED = "resumed", "waiting", "rebuilt", "skipped", "failed"
Progress = Callable[[int, int], None]
TITLE_WIDTH = 60


class Result(NamedTuple):
    """What became of one session (None: a plain shell of its window), and in which pane."""

    session_id: str | None
    pane: str | None
    outcome: str
    reason: str
    where: str

    @classmethod
    def of(cls, record: Record, outcome: str, pane: str | None = None, reason: str = "") -> "Result":
        return cls(record.session_id, pane, outcome, reason, record.where)


@dataclass
class Restore:
    """One restore of what a tmux server has lost, or of it the `sessions`.

    `rebuilt`: tmux-resurrect has just restored the layout; `force`: also what other hosts have, whether they have it
    still or not; `waiting`: what the panes wait for ("": what the user has said).

    It holds the sync lock of its tmux server: neither a sync nor a second restore comes between. What is done is
    remembered in the panes themselves, by the very call that makes them: interrupted anywhere, the next sync sees which
    sessions have their pane, and only the others are still lost.
    """

    server: Server
    sessions: frozenset[str] | None = None
    rebuilt: bool = False
    force: bool = False
    waiting: str = ""
    results: list[Result] = field(default_factory=list)
    drawing: dict[str, str] = field(default_factory=dict)
    """The panes that are falling asleep, and their processes."""

    def plan_only(self) -> Plan:
        """What would be done; only the records are brought up to date."""
        with server_lock(self.server):
            return self.make_plan(self.look(save=False))

    def look(self, save: bool = True) -> Pass:
        """What there is; with `force` what other hosts have counts as lost here, and with `save` from now on."""
        seen = sync_once(self.server)
        if self.force:
            seen = seen._replace(records=taken_over(seen.records, seen, self.sessions))
            if save:
                with store.lock():
                    store.save(taken_over(store.load(), seen, self.sessions))
        return seen

    def run(self, progress: Progress = lambda done, of: None) -> list[Result]:
        """Restore; what became of each session. `progress` is told how many are done and how many there are. Raises
        Problem."""
        with server_lock(self.server):
            seen = self.look()
            plan = self.make_plan(seen)
            if plan.restored or plan.skips:
                self.perform(seen, plan, progress)
        return self.results

    def make_plan(self, seen: Pass) -> Plan:
        lost = lost_records(seen.records, seen.snapshot, self.sessions)
        spots = spots_of(seen)
        if not lost:
            return Plan()
        wanted = {spot.pane for spot in place(lost, spots).values()}
        free = untouched(self.server, wanted) if wanted else frozenset()
        return make_plan(lost, spots, free, rebuilt=self.rebuilt)

    def perform(self, seen: Pass, plan: Plan, progress: Progress = lambda done, of: None) -> None:
        records = plan.restored
        names = names_of(seen.reading, {record.session_id: record for record in records})
        version, waiting = seen.reading.server["version"], self.waiting or waits_for(self.server)
        builder = Rebuilder(self.server, version, last_said(records), names, waiting)
        self.results += [Result.of(skip.record, SKIPPED, reason=skip.reason) for skip in plan.skips]
        progress(0, len(records))
        for fill in plan.fills:
            self.fill(builder, fill)
            progress(len(self.drawing), len(records))
        for build in plan.builds:
            self.build(builder, build)
            progress(len(self.drawing), len(records))
        wait_until_dead(self.server, self.drawing)
        woken = {pane.id for pane in sync_once(self.server).snapshot.panes if pane.wakes}
        self.results = [r._replace(outcome=RESUMED) if r.pane in woken else r for r in self.results]
        for r in self.results:
            if r.outcome != REBUILT:
                log(f"restore.{r.outcome}", session=r.session_id, pane=r.pane, why=r.reason or None)

    def fill(self, builder: Rebuilder, fill: Fill) -> None:
        try:
            self.drawing[fill.pane], notes = builder.fill(fill.pane, fill.record)
        except TmuxError as e:
            self.results.append(Result.of(fill.record, FAILED, fill.pane, str(e)))
            return
        self.results.append(Result.of(fill.record, WAITS, fill.pane, "; ".join(notes)))

    def build(self, builder: Rebuilder, build: Build) -> None:
        where = f"{build.tmux_session}:{build.window}"
        try:
            panes, notes = builder.build(build)
        except TmuxError as e:
            self.results += [Result.of(record, FAILED, reason=str(e)) for record in build.records]
            return
        if build.moved is not None:
            notes.insert(0, f"window {build.tmux_session}:{build.moved} is in use: now {where}")
        for cell, (pane, pid) in zip(build.cells, panes):
            if cell.record:
                self.drawing[pane] = pid
            session = cell.record.session_id if cell.record else None
            outcome = WAITS if cell.record else REBUILT
            self.results.append(Result(session, pane, outcome, "; ".join(notes), where))


def taken_over(
    records: tuple[Record, ...], seen: Pass, sessions: frozenset[str] | None
) -> tuple[Record, ...]:
    """The records with those of other hosts, or of them the `sessions`, as what this tmux server has lost."""
    here, now_of = seen.snapshot.server, epoch.taken_over()
    elsewhere = {e for e, fate in seen.snapshot.fates.items() if fate == epoch.ELSEWHERE}

    def is_wanted(record: Record) -> bool:
        named = sessions is None or record.session_id in sessions
        return named and record.epoch in elsewhere and (record.current or record.status == LOST)

    return tuple(r._replace(status=LOST, server=here, epoch=now_of) if is_wanted(r) else r for r in records)


def spots_of(seen: Pass) -> tuple[Spot, ...]:
    panes = Counter((pane.tmux_session, pane.window) for pane in seen.snapshot.panes)
    return tuple(
        Spot(
            pane=pane.id,
            tmux_session=pane.tmux_session,
            window=pane.window,
            pane_index=pane.pane_index,
            cwd=row["pane_current_path"],
            title_id=find_id(row["pane_title"])[:CUT],
            taken=pane.dead or pane.marked or bool(pane.running) or pane.starting or bool(pane.session),
            fresh=panes[pane.tmux_session, pane.window] == 1,
        )
        for row, pane in zip(seen.reading.panes, seen.snapshot.panes)
    )


def last_said(records: list[Record]) -> dict[str, list[tuple[str, str]]]:
    """(who, what) of the last message of each side, by session: what its pane shows while it sleeps. Where Codex's
    store does not tell, the session's title."""
    found = {r.session_id: Store(r.codex_home).find(r.session_id) for r in records}
    said = {s: last_exchange(known.rollout) for s, known in found.items() if known}
    return {s: said.get(s) or [("", (known and known.title) or s)] for s, known in found.items()}


def titles_of(records: list[Record]) -> dict[str, str]:
    """The title of each session, in few words on one line; its id where it has none."""
    found = {r.session_id: Store(r.codex_home).find(r.session_id) for r in records}
    titles = {
        session: shortened(plain_line(known.title), TITLE_WIDTH) for session, known in found.items() if known
    }
    return {session: titles.get(session) or session for session in found}


def waits_for(server: Server) -> str:
    """What a restored pane waits for, as the user has it."""
    return WITH_A_CLIENT if server.option("@codex-restore-lazy") == "off" else WHEN_SHOWN
