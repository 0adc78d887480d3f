"""What to restore where: lost records against the panes there are. Pure: no tmux, no process, no file."""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

from codex_tmux.codex.session_id import CUT
from codex_tmux.state.records import Record
from codex_tmux.tracking.model import Snapshot

LAYOUT_SIZE = re.compile(r"^[0-9a-f]{4},(\d+)x(\d+)[,\[{]")


class Spot(NamedTuple):
    """A pane that is there now. `title_id`: the session id in its title, cut as titles cut it; `taken`: it runs
    Codex or holds a session; `fresh`: a window of this one pane, as a new tmux session has it."""

    pane: str
    tmux_session: str
    window: int
    pane_index: int
    cwd: str
    title_id: str
    taken: bool
    fresh: bool = False

    @property
    def position(self) -> tuple[str, int, int]:
        return self.tmux_session, self.window, self.pane_index


class Fill(NamedTuple):
    """Resume in a pane that is there: an idle shell in the record's place."""

    record: Record
    pane: str


class Cell(NamedTuple):
    """One pane of a window to build: the record that comes back in it, or a plain shell."""

    cwd: str
    record: Record | None


class Build(NamedTuple):
    """Build a window; `window` is its index, `moved` the one it had where that is taken now (None: its own).

    `automatic`: tmux itself named it.
    """

    tmux_session: str
    window: int
    window_name: str
    layout: str
    cells: tuple[Cell, ...]
    moved: int | None = None
    automatic: bool = False

    @property
    def records(self) -> list[Record]:
        return [cell.record for cell in self.cells if cell.record]

    @property
    def room(self) -> list[str]:
        """What makes a tmux session as large as the layout was made for."""
        found = LAYOUT_SIZE.match(self.layout)
        return ["-x", found[1], "-y", found[2]] if found else []


class Skip(NamedTuple):
    """A record that is not restored, and why."""

    record: Record
    reason: str


class Plan(NamedTuple):
    """What to do, in this order."""

    fills: tuple[Fill, ...] = ()
    builds: tuple[Build, ...] = ()
    skips: tuple[Skip, ...] = ()

    @property
    def restored(self) -> list[Record]:
        return [*(fill.record for fill in self.fills), *(r for build in self.builds for r in build.records)]


def lost_records(
    records: Iterable[Record], snapshot: Snapshot, sessions: frozenset[str] | None = None
) -> tuple[Record, ...]:
    """What the tmux server has lost, in the order of places; `sessions` narrows it to these ids."""
    lost = [r for r in records if snapshot.has_lost(r)]
    if sessions is not None:
        lost = [r for r in lost if r.session_id in sessions]
    return tuple(sorted(lost, key=lambda r: (*r.position, r.session_id)))


def place(lost: Iterable[Record], spots: Iterable[Spot]) -> dict[str, Spot]:
    """The pane that is each lost session's own, by session id: one pane to one session.

    Of two panes that fit as well (a title that was copied) neither is.
    """
    lost = tuple(lost)
    titled = {record.session_id[:CUT] for record in lost}
    free = [spot for spot in spots if not spot.taken]
    found: dict[str, Spot] = {}
    for record in lost:
        fits = Counter(fit(record, spot, titled) for spot in free)
        alone = [spot for spot in free if fits[fit(record, spot, titled)] == 1]
        best = max(alone, key=lambda spot: fit(record, spot, titled), default=None)
        if best and fit(record, best, titled):
            found[record.session_id] = best
            free.remove(best)
    return found


def fit(record: Record, spot: Spot, titled: Collection[str]) -> int:
    """How well a pane fits a lost session; 0: it does not. `titled`: the titles that name a lost one.

    A title names the session (tmux-resurrect restores titles); else tmux session, window, pane and directory say where
    it was. A pane whose title names another lost session is that one's.
    """
    there = spot.position == record.position
    if spot.title_id in titled:
        return 2 + there if spot.title_id == record.session_id[:CUT] else 0
    # tmux-resurrect loses directories with a space in them.
    return int(there and (record.cwd.rstrip("/") == spot.cwd.rstrip("/") or " " in record.cwd))


def make_plan(
    lost: tuple[Record, ...],
    spots: tuple[Spot, ...],
    untouched: frozenset[str],
    *,
    rebuilt: bool,
) -> Plan:
    """What to do about `lost`, given the panes there are.

    `untouched` holds the panes with a shell that waits at an empty prompt: only these are ever taken. `rebuilt`: the
    layout was just restored by somebody else (tmux-resurrect), so that a pane in the right place is the right pane;
    otherwise it may be the user's own, and only a title, or a tmux session as it comes up new, is taken for ours.
    """
    places = place(lost, spots)
    fills, skips, left = [], [], []
    for record in lost:
        spot = places.get(record.session_id)
        free = spot is not None and spot.pane in untouched
        if spot is None or not (rebuilt or spot.title_id or (spot.fresh and free)):
            left.append(record)
        elif free:
            fills.append(Fill(record, spot.pane))
        else:
            where = "{}:{}.{}".format(*spot.position)
            skips.append(Skip(record, f"pane {spot.pane} ({where}) is in use: left alone"))
    return Plan(tuple(fills), tuple(builds(left, spots)), tuple(skips))


def builds(lost: list[Record], spots: tuple[Spot, ...]) -> list[Build]:
    groups: dict[tuple[str, str, int], list[Record]] = {}
    for record in lost:
        groups.setdefault((record.epoch, record.tmux_session, record.window), []).append(record)
    # The newest first: where two tmux servers' windows had one place, the newer keeps it.
    ordered = sorted(groups.values(), key=lambda g: max(r.updated_at for r in g), reverse=True)
    taken = {(s.tmux_session, s.window) for s in spots}
    made, homeless = [], []
    for group in ordered:
        where = (group[0].tmux_session, group[0].window)
        if where in taken:
            homeless.append(group)
        else:
            taken.add(where)
            made.append(build(group, where[1]))
    for group in homeless:
        name = group[0].tmux_session
        window = max(w for s, w in taken if s == name) + 1
        taken.add((name, window))
        made.append(build(group, window))
    return sorted(made, key=lambda b: (b.tmux_session, b.window))


def build(group: list[Record], window: int) -> Build:
    """One window with its panes: those that held Codex, and the plain ones between them."""
    newest = max(group, key=lambda r: r.updated_at)
    cells: dict[int, Cell] = {index: Cell(cwd, None) for index, cwd, _ in newest.neighbours}
    extra = []
    for record in group:
        cell = Cell(record.cwd, record)
        if cells.get(record.pane_index, cell).record is None:
            cells[record.pane_index] = cell
        else:
            extra.append(cell)
    return Build(
        tmux_session=newest.tmux_session,
        window=window,
        window_name=newest.window_name,
        layout=newest.window_layout,
        cells=(*(cells[i] for i in sorted(cells)), *extra),
        moved=newest.window if window != newest.window else None,
        automatic=newest.window_automatic,
    )
