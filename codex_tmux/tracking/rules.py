"""The rules: what the records should be, given what a tmux server shows, and what to do about it.

Pure: no clock, no file, no process. `tests/unit/rules_test.py` attacks it.
"""

from __future__ import annotations

from datetime import datetime

from codex_tmux.codex.session_id import CUT, same_session
from codex_tmux.elsewhere.transport import of_argv
from codex_tmux.state.launch import Launch, launch_of
from codex_tmux.state.records import (
    ADOPTED,
    ARGV,
    CLOSED,
    DEAD,
    ENDED,
    INFERRED,
    LIVE,
    LOCK,
    LOST,
    SCREEN,
    TITLE,
    Record,
)
from codex_tmux.tmux.epoch import ELSEWHERE, OURS
from codex_tmux.tracking.may_act import Act, PaneFacts, ProcessFacts, may_act
from codex_tmux.tracking.model import (
    Action,
    Note,
    Pane,
    Policy,
    Revive,
    Sighting,
    Sleep,
    Snapshot,
    TakeOver,
    Tell,
    launch_fields,
    new_record,
    place_of,
)

RANK = {TITLE: 5, LOCK: 4, ADOPTED: 4, ARGV: 3, SCREEN: 2, INFERRED: 1}
"""How much a kind of evidence says about one Codex process: more replaces less, never the other way round."""


def reconcile(
    records: tuple[Record, ...], snapshot: Snapshot, policy: Policy, now: datetime
) -> tuple[tuple[Record, ...], tuple[Action, ...]]:
    """The records as they should be after `snapshot`, and what to do; the same input gives the same answer.

    Holds: a session belongs to at most one current record, a pane to at most one; exact evidence is never
    replaced by inferred nor erased by none; a record goes only by age and number, after its pane.
    """
    return Reconciliation(records, snapshot, policy, now).result()


class Reconciliation:
    """One run of the rules. `records` changes as they are applied; `actions` collects what they ask for."""

    def __init__(
        self, records: tuple[Record, ...], snapshot: Snapshot, policy: Policy, now: datetime
    ) -> None:
        self.records = [
            r._replace(epoch=snapshot.epoch) if snapshot.fates.get(r.epoch) == OURS else r for r in records
        ]
        self.places: dict[tuple[str, str, str], Record] = {}
        self.by_session: dict[str, list[Record]] = {}
        self.positions: dict[int, int] = {}
        self.index()
        self.snapshot = snapshot
        self.policy = policy
        self.now = now
        self.actions: list[Action] = []

    def result(self) -> tuple[tuple[Record, ...], tuple[Action, ...]]:
        """Apply the rules in their order."""
        self.settle_contradictions()
        self.lose_other_epochs()
        self.close_gone_panes()
        # Panes that already hold what they show go first, so that a second one cannot take it from them.
        for pane in sorted(self.snapshot.panes, key=lambda p: not self.holds_what_it_shows(p)):
            self.apply(pane)
        self.prune()
        return tuple(self.records), tuple(self.actions)

    # Records

    def of_pane(self, pane: Pane) -> Record | None:
        """The current record of a pane."""
        return self.places.get(self.snapshot.place(pane.id))

    def index(self) -> None:
        """Note which record is where and of which session: it is asked for every pane, of all records."""
        self.places, self.by_session, self.positions = {}, {}, {}
        for at, record in enumerate(self.records):
            self.note_place(record, at)
            self.by_session.setdefault(record.session_id[:CUT], []).append(record)

    def note_place(self, record: Record, at: int) -> None:
        """Note where one record is."""
        self.positions[id(record)] = at
        if record.current:
            self.places[record.place] = record

    def of_session(self, session_id: str) -> list[Record]:
        """The records of a session, in their order."""
        return [
            r for r in self.by_session.get(session_id[:CUT], ()) if same_session(r.session_id, session_id)
        ]

    def replace(self, old: Record, **changes: object) -> Record:
        """Change a record in place; `updated_at` moves only when something else does."""
        new = old._replace(**changes)  # type: ignore[arg-type]
        if new == old:
            return old
        new = new._replace(updated_at=self.now)
        at = self.positions.pop(id(old))
        self.records[at] = new
        if self.places.get(old.place) is old:
            del self.places[old.place]
        self.note_place(new, at)
        same = self.by_session[old.session_id[:CUT]]
        same[next(i for i, r in enumerate(same) if r is old)] = new
        return new

    def retire(self, record: Record, status: str) -> None:
        """A record's pane no longer shows its session."""
        self.replace(record, status=status, revivals=())
        self.note(f"record.{status}", session=record.session_id, pane=record.pane, was=record.status)

    def note(self, event: str, **fields: str) -> None:
        """Ask for a log line."""
        self.actions.append(Note(event, tuple(fields.items())))

    # The server as a whole

    def settle_contradictions(self) -> None:
        """A file that was edited, or merged by hand, may name a session or a pane twice: what the pane itself
        remembers decides, then the newest."""
        sessions = {r.session_id[:CUT] for r in self.records}
        current = [r for r in self.records if r.current]
        if len(sessions) == len(self.records) and len(self.places) == len(current):
            return
        remembered = {self.snapshot.place(p.id): p.session for p in self.snapshot.panes}

        def worth(record: Record) -> tuple[bool, bool, datetime]:
            confirmed = record.current and same_session(remembered.get(record.place, ""), record.session_id)
            return confirmed, record.current, record.updated_at

        kept: dict[str, list[Record]] = {}
        places: set[tuple[str, str, str]] = set()
        for record in sorted(self.records, key=worth, reverse=True):
            same = kept.setdefault(record.session_id[:CUT], [])
            double = next((r for r in same if same_session(r.session_id, record.session_id)), None)
            if double is not None:
                self.note("record.double", session=record.session_id, pane=record.pane, kept=double.pane)
                continue
            if record.current and record.place in places:
                self.note("record.closed", session=record.session_id, pane=record.pane, was=record.status)
                record = record._replace(status=CLOSED, revivals=(), updated_at=self.now)
            elif record.current:
                places.add(record.place)
            same.append(record)
        left = {r.session_id: r for records in kept.values() for r in records}
        self.records = [left.pop(r.session_id) for r in self.records if r.session_id in left]
        self.index()

    def lose_other_epochs(self) -> None:
        """What was current in a tmux server that is gone has lost its pane with that, whatever its socket was."""
        for record in list(self.records):
            if record.current and not self.snapshot.may_hold(record):
                self.retire(record, LOST)

    def close_gone_panes(self) -> None:
        """A pane that is gone ended by itself, or was closed by the user."""
        here = {pane.id for pane in self.snapshot.panes}
        for record in list(self.records):
            if self.snapshot.holds(record) and record.pane not in here:
                self.retire(record, ENDED if record.pane in self.snapshot.exited else CLOSED)

    def prune(self) -> None:
        """Drop old records by age, then by number; never one that has its pane here."""
        elsewhere = {epoch for epoch, fate in self.snapshot.fates.items() if fate == ELSEWHERE}
        old = [r for r in self.records if not r.current or r.epoch in elsewhere]
        old.sort(key=lambda r: r.updated_at, reverse=True)
        # What a far end made a pane show has its own number: many a made-up id must push nothing of this machine out.
        here = [r for r in old if not r.transport][: self.policy.keep_old]
        there = [r for r in old if r.transport][: self.policy.keep_old_elsewhere]
        kept = {id(r) for r in here + there if r.updated_at > self.now - self.policy.keep_for}
        for record in old:
            if id(record) not in kept:
                self.note("record.pruned", session=record.session_id, status=record.status)
        dropped = {id(r) for r in old} - kept
        self.records = [r for r in self.records if id(r) not in dropped]

    # One pane

    def holds_what_it_shows(self, pane: Pane) -> bool:
        """Whether the pane's own record is of the session it shows."""
        record = self.of_pane(pane)
        if pane.sighting is None:
            return record is not None
        known = record.session_id if record else pane.session
        return same_session(known, pane.sighting.session_id)

    def apply(self, pane: Pane) -> None:
        """Apply the rules to one pane."""
        record = self.of_pane(pane)
        if record and self.contradicts(pane, record):
            self.retire(record, CLOSED)
            record = None
        record = record or self.recall(pane)
        if record and pane.doubted and record.evidence in (INFERRED, ARGV, LOCK):
            self.note("session.doubted", session=record.session_id, pane=pane.id, evidence=record.evidence)
            self.retire(record, ENDED)
            record = None
        if record and len(pane.session) > len(record.session_id) and record.session_id == pane.session[:CUT]:
            # What the pane's own program has learnt of it since.
            record = self.replace(record, session_id=pane.session)
        if not pane.running and self.changed_at_the_end(pane, record):
            record = self.of_pane(pane)
        if self.was_respawned(pane):
            self.take_over(pane, record)
        elif pane.dead:
            self.dead(pane, record)
        elif pane.running:
            self.running(pane, pane.running, record)
        else:
            self.without_codex(pane, record)

    def changed_at_the_end(self, pane: Pane, record: Record | None) -> bool:
        """Whether the Codex that has ended showed another session at last than its record has: then that is its own."""
        last = pane.sighting
        if record is None or last is None or pane.launch is None or RANK[last.evidence] < RANK[TITLE]:
            return False
        if same_session(last.session_id, record.session_id) or self.holder(pane, last):
            return False
        self.retire(record, ENDED)
        self.take(pane, pane.launch, last)
        return True

    def contradicts(self, pane: Pane, record: Record) -> bool:
        """Whether the state file names another session for the pane than the pane itself, which knew last."""
        if pane.sighting and same_session(pane.sighting.session_id, record.session_id):
            return False
        return (
            bool(pane.session) and pane.evidence in RANK and not same_session(pane.session, record.session_id)
        )

    def recall(self, pane: Pane) -> Record | None:
        """The record that the pane's options remember, where the state file has none of it: a lost disk, or a pane
        that was restored and takes the lost record over."""
        if not pane.session or not pane.launch or pane.evidence not in RANK:
            return None
        holder = next(iter(self.of_session(pane.session)), None)
        if holder is not None:
            return self.restore(pane, pane.launch, holder)
        record = self.place_record(pane, pane.launch, Sighting(pane.session, pane.evidence), LIVE)
        self.note("record.recalled", session=pane.session, pane=pane.id)
        return record

    def restore(self, pane: Pane, launch: Launch, lost: Record) -> Record | None:
        """The lost record as that of the pane it was restored in; None where it is not lost any more."""
        if lost.place == self.snapshot.place(pane.id) and self.was_killed_at_once(pane):
            return self.replace(lost, status=LIVE, **place_of(pane), **launch_fields(launch))
        if lost.status != LOST or lost.server != self.snapshot.server:
            return None
        self.note("record.restored", session=lost.session_id, pane=pane.id)
        return self.replace(
            lost,
            **{**place_of(pane), **launch_fields(launch)},
            epoch=self.snapshot.epoch,
            pane=pane.id,
            status=DEAD if pane.dead else LIVE,
        )

    def was_killed_at_once(self, pane: Pane) -> bool:
        """Whether a pane remembers a session that had ended: it was resumed, and killed before anybody saw it."""
        over = pane.running or pane.starting or pane.asleep or pane.quit
        return pane.marked and not over and pane.exit != "0"

    def was_respawned(self, pane: Pane) -> bool:
        """Whether a respawn has just run the pane's stored command again, which starts Codex anew."""
        return (
            pane.guard is not None
            and not pane.dead
            and not pane.ours
            and pane.launch is not None
            and pane.guard.was_respawned(pane.root_pid, pane.start_command)
        )

    def take_over(self, pane: Pane, record: Record | None) -> None:
        """Give the pane its session back instead of what the respawn started."""
        assert pane.launch is not None
        self.actions.append(TakeOver(pane.id, pane.launch, pane.root_pid))
        self.note("pane.taken_over", pane=pane.id, session=record.session_id if record else "unknown")

    def dead(self, pane: Pane, record: Record | None) -> None:
        """A dead pane keeps its session; it sleeps, or comes back by itself."""
        # An unload has taken the marks of one that slept; its stored command is still ours.
        unmarked = pane.ours and not pane.marked and record is not None
        if pane.asleep or unmarked:
            # Its exit status is that of the drawing, not of Codex.
            if record:
                self.replace(record, status=DEAD, **place_of(pane))
            launch = pane.launch or (launch_of(record) if record else None)
            if (pane.moved or unmarked) and launch:
                self.actions.append(Sleep(pane.id, launch, again=True))
            return
        if record:
            status = ENDED if pane.exit == "0" else DEAD
            record = self.see(pane, record)
            if status != record.status:
                self.note(
                    "session.saved", session=record.session_id, pane=pane.id, status=status, exit=pane.exit
                )
                record = self.replace(record, status=status)
        elif pane.sighting and pane.launch and self.is_free(pane, pane.sighting):
            self.take(pane, pane.launch, pane.sighting, ENDED if pane.exit == "0" else DEAD)
            record = self.of_pane(pane)
        facts = PaneFacts(dead=True, had_codex=pane.marked)
        if not pane.launch or not may_act(facts, ProcessFacts(), Act.SLEEP):
            return
        if self.policy.revive and pane.exit != "0" and not pane.launch.shell:
            recent = self.recent_revivals(record)
            if len(recent) < self.policy.revivals:
                if record:
                    self.replace(record, revivals=(*recent, self.now))
                self.actions.append(Revive(pane.id, pane.launch))
                return
            self.actions.append(Tell(pane.id, f"Codex died {len(recent)} times within a minute: asleep now"))
            self.note("revive.gave_up", pane=pane.id)
        self.actions.append(Sleep(pane.id, pane.launch, pane.exit))

    def recent_revivals(self, record: Record | None) -> tuple[datetime, ...]:
        """When the pane last came back by itself, within the window that counts."""
        since = self.now - self.policy.revival_window
        return tuple(t for t in record.revivals if t > since) if record else ()

    def running(self, pane: Pane, launch: Launch, record: Record | None) -> None:
        """A pane that runs Codex holds the session it shows."""
        sighting = pane.sighting
        new_process = bool(pane.last_process) and pane.last_process != pane.process
        if sighting and launch.transport and not self.may_be_elsewhere(pane, launch, sighting):
            self.note("session.not_believed", session=sighting.session_id, pane=pane.id)
            sighting = None
        if sighting and not self.outranked(sighting, record, new_process):
            if self.holder(pane, sighting):
                self.note("session.held_elsewhere", session=sighting.session_id, pane=pane.id)
                if record and not same_session(record.session_id, sighting.session_id):
                    self.retire(record, ENDED)
                return
            if record and not same_session(record.session_id, sighting.session_id):
                # A far end's that was killed and never resumed has not ended because something else started there.
                self.retire(record, CLOSED if record.transport and record.status == DEAD else ENDED)
            self.take(pane, launch, sighting)
        elif record and sighting is None and new_process:
            # The Codex that showed this session is gone, and the one now here has not said what it shows.
            self.retire(record, ENDED)
        elif record:
            self.replace(record, status=LIVE, **place_of(pane))

    def may_be_elsewhere(self, pane: Pane, launch: Launch, sighting: Sighting) -> bool:
        """Whether what a far end made the pane show may be the pane's session: only one that nobody else has had."""
        known = next((r for r in self.records if same_session(r.session_id, sighting.session_id)), None)
        if known is None or sighting.evidence == ADOPTED:
            return True
        if known.place == self.snapshot.place(pane.id) and known.transport:
            return True
        return bool(known.transport) and same_far_end(known.transport, launch.transport)

    def outranked(self, sighting: Sighting, record: Record | None, new_process: bool) -> bool:
        """Whether the record knows better than the sighting, of the same Codex process."""
        if record is None or new_process:
            return False
        if same_session(record.session_id, sighting.session_id):
            return False
        return RANK[sighting.evidence] < RANK[record.evidence]

    def without_codex(self, pane: Pane, record: Record | None) -> None:
        """A living pane without Codex: it returned to its shell, or runs something else now."""
        if record is None:
            if pane.quit and pane.sighting and pane.launch and not self.known(pane.sighting):
                self.place_record(pane, pane.launch, pane.sighting, ENDED)
            elif not pane.quit and pane.sighting and pane.launch and self.is_free(pane, pane.sighting):
                self.take(pane, pane.launch, pane.sighting, DEAD)
            return
        if pane.starting:
            self.replace(record, **place_of(pane))
        elif pane.guard is not None and pane.guard.start_command != pane.start_command:
            self.retire(record, CLOSED)
        elif pane.quit and record.status != DEAD:
            # What is dead was killed, or bound by hand and has not run there yet: an exit message is another one's.
            self.retire(self.see(pane, record), ENDED)
        elif record.status != DEAD:
            self.note("session.saved", session=record.session_id, pane=pane.id, status=DEAD)
            self.replace(record, status=DEAD, **place_of(pane))
        else:
            self.replace(record, **place_of(pane))

    # Sessions and panes

    def known(self, sighting: Sighting) -> bool:
        """Whether any record is of the sighted session."""
        return bool(self.of_session(sighting.session_id))

    def is_free(self, pane: Pane, sighting: Sighting) -> bool:
        """Whether a pane without Codex may have the sighted session: what its screen says may be of long ago."""
        if sighting.evidence == INFERRED:
            return self.holder(pane, sighting) is None
        return not self.known(sighting)

    def holder(self, pane: Pane, sighting: Sighting) -> Record | None:
        """The current record of another pane that holds the sighted session."""
        for record in self.of_session(sighting.session_id):
            if not record.current:
                continue
            if record.place == self.snapshot.place(pane.id):
                continue
            if record.transport and pane.running and not pane.running.transport:
                continue  # a Codex of this machine is proof, what a far end writes is none
            if self.snapshot.may_hold(record):
                return record
        return None

    def take(self, pane: Pane, launch: Launch, sighting: Sighting, status: str = LIVE) -> None:
        """Make the pane's record one of the sighted session, moving an older record of that session here."""
        known = next(iter(self.of_session(sighting.session_id)), None)
        if known is None:
            record = self.place_record(pane, launch, sighting, status)
            self.note("session.bound", session=record.session_id, pane=pane.id, evidence=record.evidence)
            return
        fields = {
            **place_of(pane),
            **launch_fields(launch),
            "server": self.snapshot.server,
            "epoch": self.snapshot.epoch,
            "pane": pane.id,
            "session_id": max(known.session_id, sighting.session_id, key=len),
            "evidence": self.evidence_of(pane, known, sighting),
            "status": status,
        }
        record = self.replace(known, **fields)
        if record.status != known.status or record.place != known.place:
            self.note("session.bound", session=record.session_id, pane=pane.id, evidence=record.evidence)

    def evidence_of(self, pane: Pane, known: Record, sighting: Sighting) -> str:
        """How it is known that the pane has the session; what was known exactly of another pane, or before, says
        nothing about this one."""
        here = known.current and known.place == self.snapshot.place(pane.id)
        if sighting.evidence == INFERRED and not here:
            return INFERRED
        return best(known.evidence, sighting.evidence)

    def see(self, pane: Pane, record: Record) -> Record:
        """Bring the place of a record up to date, and its id where only its beginning was known."""
        changes: dict[str, object] = dict(place_of(pane))
        if pane.sighting and same_session(pane.sighting.session_id, record.session_id):
            changes["session_id"] = max(record.session_id, pane.sighting.session_id, key=len)
            changes["evidence"] = best(record.evidence, pane.sighting.evidence)
        return self.replace(record, **changes)

    def place_record(self, pane: Pane, launch: Launch, sighting: Sighting, status: str) -> Record:
        """A new record of this pane."""
        record = new_record(self.snapshot, pane, launch, sighting, status, self.now)
        self.records.append(record)
        self.note_place(record, len(self.records) - 1)
        self.by_session.setdefault(record.session_id[:CUT], []).append(record)
        return record


def best(known: str, seen: str) -> str:
    """The better of two kinds of evidence for the same session."""
    return seen if RANK[seen] >= RANK[known] else known


def same_far_end(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two transports reach the same machine or box."""
    first, second = of_argv(one), of_argv(other)
    return first is not None and second is not None and first.name == second.name
