"""The rules: what the records should be, given what a tmux server shows, and what to do about it.

Pure: no clock, no file, no process. `tests/unit/rules_test.py` attacks it.
"""

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
    TITLE,
    Record,
)
from codex_tmux.tmux.epoch import ELSEWHERE, OURS
from codex_tmux.tracking.known_records import KnownRecords, outdated, without_contradictions
from codex_tmux.tracking.model import (
    RANK,
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
    better,
    launch_fields,
    new_record,
    place_of,
)


def reconcile(
    records: tuple[Record, ...], snapshot: Snapshot, policy: Policy, now: datetime
) -> tuple[tuple[Record, ...], tuple[Action, ...]]:
    """The records as they should be after `snapshot`, and what to do; the same input gives the same answer.

    Holds: a session belongs to at most one current record, a pane to at most one; exact evidence is never
    replaced by inferred nor erased by none; a record goes only by age and number, after its pane.
    """
    return Reconciliation(records, snapshot, policy, now).result()


class Reconciliation:
    """One run of the rules. `known` changes as they are applied; `actions` collects what they ask for."""

    def __init__(
        self, records: tuple[Record, ...], snapshot: Snapshot, policy: Policy, now: datetime
    ) -> None:
        renamed = (
            r._replace(epoch=snapshot.epoch) if snapshot.fates.get(r.epoch) == OURS else r for r in records
        )
        remembered = {snapshot.place(pane.id): pane.session for pane in snapshot.panes}
        settled, notes = without_contradictions(renamed, remembered, now)
        self.known = KnownRecords(settled, now)
        self.actions: list[Action] = [*notes]
        self.snapshot = snapshot
        self.policy = policy
        self.now = now

    def result(self) -> tuple[tuple[Record, ...], tuple[Action, ...]]:
        """Apply the rules in their order."""
        self.retire_what_is_gone()
        # Panes that already hold what they show go first, so that a second one cannot take it from them.
        for pane in sorted(self.snapshot.panes, key=lambda p: not self.holds_what_it_shows(p)):
            self.apply(pane)
        return self.kept(), tuple(self.actions)

    # Records

    def of_pane(self, pane: Pane) -> Record | None:
        return self.known.current.get(self.snapshot.place(pane.id))

    def retire(self, record: Record, status: str) -> None:
        """A record's pane no longer shows its session."""
        self.known.replace(record, status=status, revivals=())
        self.note(f"record.{status}", session=record.session_id, pane=record.pane, was=record.status)

    def note(self, event: str, **fields: str) -> None:
        self.actions.append(Note.of(event, **fields))

    # The server as a whole

    def retire_what_is_gone(self) -> None:
        """What was current in a tmux server that is gone has lost its pane with that, whatever its socket was. A pane
        that is gone here ended by itself, or was closed by the user."""
        here = {pane.id for pane in self.snapshot.panes}
        for record in list(self.known.current.values()):
            if not self.snapshot.may_hold(record):
                self.retire(record, LOST)
            elif self.snapshot.holds(record) and record.pane not in here:
                self.retire(record, CLOSED if record.pane in self.snapshot.marked else ENDED)

    def kept(self) -> tuple[Record, ...]:
        """The records without the old ones that are dropped by age, then by number; never one with its pane here."""
        elsewhere = {epoch for epoch, fate in self.snapshot.fates.items() if fate == ELSEWHERE}
        records = self.known.records
        old = (r for r in records if not r.current or r.epoch in elsewhere)
        dropped = outdated(old, self.policy, self.now)
        for record in dropped:
            self.note("record.pruned", session=record.session_id, status=record.status)
        gone = {id(record) for record in dropped}
        return tuple(r for r in records if id(r) not in gone)

    # One pane

    def holds_what_it_shows(self, pane: Pane) -> bool:
        """Whether the pane's own record is of the session it shows."""
        record = self.of_pane(pane)
        if pane.sighting is None:
            return record is not None
        known = record.session_id if record else pane.session
        return same_session(known, pane.sighting.session_id)

    def apply(self, pane: Pane) -> None:
        record = self.own_record(pane)
        if not pane.running and self.changed_at_the_end(pane, record):
            record = self.of_pane(pane)
        if self.was_respawned(pane):
            self.take_over(pane, record)
        elif pane.dead and (pane.asleep or has_lost_its_marks(pane, record)):
            self.asleep(pane, record)
        elif pane.dead:
            self.lay_or_revive(pane, self.dead(pane, record))
        elif pane.running:
            self.running(pane, pane.running, record)
        elif record is None:
            self.take_what_is_said(pane)
        else:
            self.without_codex(pane, record)

    def own_record(self, pane: Pane) -> Record | None:
        """The record that a pane still has, as far as the pane itself says the same."""
        record = self.of_pane(pane)
        if record and self.contradicts(pane, record):
            self.retire(record, CLOSED)
            record = None
        record = record or self.recall(pane)
        if record is None:
            return None
        if pane.doubted and record.evidence in (INFERRED, ARGV, LOCK):
            self.note("session.doubted", session=record.session_id, pane=pane.id, evidence=record.evidence)
            self.retire(record, ENDED)
            return None
        if len(pane.session) > len(record.session_id) and record.session_id == pane.session[:CUT]:
            # What the pane's own program has learnt of it since.
            return self.known.replace(record, session_id=pane.session)
        return record

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
        holder = next(iter(self.known.of_session(pane.session)), None)
        if holder is not None:
            return self.restore(pane, pane.launch, holder)
        record = self.place_record(pane, pane.launch, Sighting(pane.session, pane.evidence), LIVE)
        self.note("record.recalled", session=pane.session, pane=pane.id)
        return record

    def restore(self, pane: Pane, launch: Launch, lost: Record) -> Record | None:
        """The lost record as that of the pane it was restored in; None where it is not lost any more."""
        placed = {**place_of(pane), **launch_fields(launch)}
        if lost.place == self.snapshot.place(pane.id) and self.was_killed_at_once(pane):
            return self.known.replace(lost, status=LIVE, **placed)
        if lost.status != LOST or lost.server != self.snapshot.server:
            return None
        self.note("record.restored", session=lost.session_id, pane=pane.id)
        status = DEAD if pane.dead else LIVE
        return self.known.replace(lost, **placed, epoch=self.snapshot.epoch, pane=pane.id, status=status)

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

    def asleep(self, pane: Pane, record: Record | None) -> None:
        """A pane that sleeps goes on to. Its exit status is that of the drawing, not of Codex."""
        if record:
            self.known.replace(record, status=DEAD, **place_of(pane))
        launch = pane.launch or (launch_of(record) if record else None)
        if pane.wakes and launch:
            self.actions.append(Revive(pane.id, launch))
        elif (pane.moved or has_lost_its_marks(pane, record)) and launch:
            self.actions.append(Sleep(pane.id, launch, again=True))

    def dead(self, pane: Pane, record: Record | None) -> Record | None:
        """A dead pane keeps its session; its record."""
        status = ENDED if pane.exit == "0" else DEAD
        if record is None:
            if pane.sighting and pane.launch and self.is_free(pane, pane.sighting):
                self.take(pane, pane.launch, pane.sighting, status)
            return self.of_pane(pane)
        record = self.see(pane, record)
        if status == record.status:
            return record
        self.note("session.saved", session=record.session_id, pane=pane.id, status=status, exit=pane.exit)
        return self.known.replace(record, status=status)

    def lay_or_revive(self, pane: Pane, record: Record | None) -> None:
        """A pane that has just died sleeps, or comes back by itself."""
        if not (pane.launch and pane.marked):
            return
        if self.policy.revive and pane.exit != "0" and not pane.launch.shell:
            recent = self.recent_revivals(record.revivals if record else ())
            if len(recent) < self.policy.revivals:
                if record:
                    self.known.replace(record, revivals=(*recent, self.now))
                self.actions.append(Revive(pane.id, pane.launch))
                return
            self.actions.append(Tell(pane.id, f"Codex died {len(recent)} times within a minute: asleep now"))
            self.note("revive.gave_up", pane=pane.id)
        self.actions.append(Sleep(pane.id, pane.launch, pane.exit))

    def recent_revivals(self, revivals: tuple[datetime, ...]) -> tuple[datetime, ...]:
        """Those within the window that counts."""
        return tuple(t for t in revivals if t > self.now - self.policy.revival_window)

    def running(self, pane: Pane, launch: Launch, record: Record | None) -> None:
        """A pane that runs Codex holds the session it shows."""
        sighting = self.believed(pane, launch)
        new_process = bool(pane.last_process) and pane.last_process != pane.process
        if sighting is None:
            if record and new_process:
                # The Codex that showed this session is gone, and the one now here has not said what it shows.
                self.retire(record, ENDED)
            elif record:
                self.known.replace(record, status=LIVE, **place_of(pane))
            return
        former = record if record and not same_session(record.session_id, sighting.session_id) else None
        if former and not new_process and RANK[sighting.evidence] < RANK[former.evidence]:
            # The record knows better, of the same Codex process.
            self.known.replace(former, status=LIVE, **place_of(pane))
            return
        held = self.holder(pane, sighting) is not None
        if held:
            self.note("session.held_elsewhere", session=sighting.session_id, pane=pane.id)
        if former:
            # A far end's that was killed and never resumed has not ended because something else started there.
            killed = former.transport and former.status == DEAD and not held
            self.retire(former, CLOSED if killed else ENDED)
        if not held:
            self.take(pane, launch, sighting)

    def believed(self, pane: Pane, launch: Launch) -> Sighting | None:
        """What a pane shows; not what a far end shows that cannot be its own."""
        if not pane.sighting or not launch.transport or self.may_be_elsewhere(pane, launch, pane.sighting):
            return pane.sighting
        self.note("session.not_believed", session=pane.sighting.session_id, pane=pane.id)
        return None

    def may_be_elsewhere(self, pane: Pane, launch: Launch, sighting: Sighting) -> bool:
        """Whether what a far end made the pane show may be the pane's session: only one that nobody else has had."""
        known = next(iter(self.known.of_session(sighting.session_id)), None)
        if known is None or sighting.evidence == ADOPTED:
            return True
        if known.place == self.snapshot.place(pane.id) and known.transport:
            return True
        return bool(known.transport) and same_far_end(known.transport, launch.transport)

    def take_what_is_said(self, pane: Pane) -> None:
        """A living pane without Codex and without a record has what the Codex that has left it said at last."""
        if not pane.sighting or not pane.launch:
            return
        if pane.quit and not self.known.of_session(pane.sighting.session_id):
            self.place_record(pane, pane.launch, pane.sighting, ENDED)
        elif not pane.quit and self.is_free(pane, pane.sighting):
            self.take(pane, pane.launch, pane.sighting, DEAD)

    def without_codex(self, pane: Pane, record: Record) -> None:
        """A living pane without Codex: it returned to its shell, or runs something else now."""
        if pane.starting:
            self.known.replace(record, **place_of(pane))
        elif pane.guard is not None and pane.guard.start_command != pane.start_command:
            self.retire(record, CLOSED)
        elif pane.quit and record.status != DEAD:
            # What is dead was killed, or bound by hand and has not run there yet: an exit message is another one's.
            self.retire(self.see(pane, record), ENDED)
        else:
            if record.status != DEAD:
                self.note("session.saved", session=record.session_id, pane=pane.id, status=DEAD)
            self.known.replace(record, status=DEAD, **place_of(pane))

    # Sessions and panes

    def is_free(self, pane: Pane, sighting: Sighting) -> bool:
        """Whether a pane without Codex may have the sighted session: what its screen says may be of long ago."""
        if sighting.evidence == INFERRED:
            return self.holder(pane, sighting) is None
        return not self.known.of_session(sighting.session_id)

    def holder(self, pane: Pane, sighting: Sighting) -> Record | None:
        """The current record of another pane that holds the sighted session."""
        for record in self.known.of_session(sighting.session_id):
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
        known = next(iter(self.known.of_session(sighting.session_id)), None)
        if known is None:
            record = self.place_record(pane, launch, sighting, status)
            self.note("session.bound", session=record.session_id, pane=pane.id, evidence=record.evidence)
            return
        session = max(known.session_id, sighting.session_id, key=len)
        shown = Sighting(session, self.evidence_of(pane, known, sighting))
        new = new_record(self.snapshot, pane, launch, shown, status, known.updated_at)
        record = self.known.replace(known, **new._replace(revivals=known.revivals)._asdict())
        if record.status != known.status or record.place != known.place:
            self.note("session.bound", session=record.session_id, pane=pane.id, evidence=record.evidence)

    def evidence_of(self, pane: Pane, known: Record, sighting: Sighting) -> str:
        """How it is known that the pane has the session; what was known exactly of another pane, or before, says
        nothing about this one."""
        here = known.current and known.place == self.snapshot.place(pane.id)
        if sighting.evidence == INFERRED and not here:
            return INFERRED
        return better(known.evidence, sighting.evidence)

    def see(self, pane: Pane, record: Record) -> Record:
        """Bring the place of a record up to date, and its id where only its beginning was known."""
        changes: dict[str, object] = dict(place_of(pane))
        if pane.sighting and same_session(pane.sighting.session_id, record.session_id):
            changes["session_id"] = max(record.session_id, pane.sighting.session_id, key=len)
            changes["evidence"] = better(record.evidence, pane.sighting.evidence)
        return self.known.replace(record, **changes)

    def place_record(self, pane: Pane, launch: Launch, sighting: Sighting, status: str) -> Record:
        record = new_record(self.snapshot, pane, launch, sighting, status, self.now)
        self.known.add(record)
        return record


def same_far_end(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether two transports reach the same machine or box."""
    first, second = of_argv(one), of_argv(other)
    return first is not None and second is not None and first.name == second.name


def has_lost_its_marks(pane: Pane, record: Record | None) -> bool:
    """Whether an unload has taken the marks of a pane that slept; its stored command is still ours."""
    return pane.ours and not pane.marked and record is not None
