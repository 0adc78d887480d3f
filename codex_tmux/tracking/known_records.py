"""The records while the rules are applied to them: found by place and by session; and which of them are kept."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from codex_tmux.codex.session_id import CUT, same_session
from codex_tmux.state.records import CLOSED, Record
from codex_tmux.tracking.model import Note, Policy

Place = tuple[str, str, str]


class KnownRecords:
    """The records, each with its number; of one session they stay what they are replaced by."""

    def __init__(self, records: Iterable[Record], now: datetime) -> None:
        self.now = now
        self.records: list[Record] = []
        self.current: dict[Place, Record] = {}
        self.numbers: dict[str, list[int]] = {}
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        self.numbers.setdefault(record.session_id[:CUT], []).append(len(self.records))
        self.records.append(record)
        if record.current:
            self.current[record.place] = record

    def of_session(self, session_id: str) -> list[Record]:
        """The records of a session, in their order."""
        found = (self.records[number] for number in self.numbers.get(session_id[:CUT], ()))
        return [r for r in found if same_session(r.session_id, session_id)]

    def replace(self, old: Record, **changes: object) -> Record:
        """Change a record in place; `updated_at` moves only when something else does."""
        new = old._replace(**changes)  # type: ignore[arg-type]
        if new == old:
            return old
        new = new._replace(updated_at=self.now)
        number = next(n for n in self.numbers[old.session_id[:CUT]] if self.records[n] is old)
        self.records[number] = new
        if self.current.get(old.place) is old:
            del self.current[old.place]
        if new.current:
            self.current[new.place] = new
        return new


def without_contradictions(
    records: Iterable[Record], remembered: Mapping[Place, str], now: datetime
) -> tuple[list[Record], list[Note]]:
    """A file that was edited, or merged by hand, may name a session or a pane twice: what the pane itself remembers
    decides, then the newest. `remembered` has the sessions of panes, by place."""

    def worth(record: Record) -> tuple[bool, bool, datetime]:
        confirmed = record.current and same_session(remembered.get(record.place, ""), record.session_id)
        return confirmed, record.current, record.updated_at

    records, notes = list(records), []
    kept: dict[str, list[Record]] = {}
    places: set[Place] = set()
    for record in sorted(records, key=worth, reverse=True):
        same = kept.setdefault(record.session_id[:CUT], [])
        double = next((r for r in same if same_session(r.session_id, record.session_id)), None)
        if double is not None:
            notes.append(
                Note.of("record.double", session=record.session_id, pane=record.pane, kept=double.pane)
            )
            continue
        if record.current and record.place in places:
            notes.append(
                Note.of("record.closed", session=record.session_id, pane=record.pane, was=record.status)
            )
            record = record._replace(status=CLOSED, revivals=(), updated_at=now)
        elif record.current:
            places.add(record.place)
        same.append(record)
    left = {r.session_id: r for same in kept.values() for r in same}
    return [left.pop(r.session_id) for r in records if r.session_id in left], notes


def outdated(records: Iterable[Record], policy: Policy, now: datetime) -> list[Record]:
    """Those of these records, which have no pane here, that are too old, or too many behind newer ones."""
    # What a far end made a pane show has its own number: many a made-up id must push nothing of this machine out.
    room = {False: policy.keep_old, True: policy.keep_old_elsewhere}
    found = []
    for record in sorted(records, key=lambda r: r.updated_at, reverse=True):
        room[bool(record.transport)] -= 1
        if room[bool(record.transport)] < 0 or record.updated_at <= now - policy.keep_for:
            found.append(record)
    return found
