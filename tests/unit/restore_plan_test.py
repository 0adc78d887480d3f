"""What is restored where: one session to one pane, one pane to one session, nobody's pane taken."""

from datetime import timedelta
from typing import Any

import hypothesis.strategies as st
from hypothesis import given

from codex_tmux.restore.plan import Spot, lost_records, make_plan
from codex_tmux.restore.plan import place as placed
from codex_tmux.state.records import CLOSED, LOST, Record
from codex_tmux.tmux.epoch import ALIVE, ELSEWHERE, GONE
from codex_tmux.tracking.model import Snapshot
from tests.unit.store_test import NOW
from tests.unit.store_test import record as known

SERVER = "/tmp/tmux-1000/default"
FATES = {"1:1": GONE, "b.1.c:1:1": ELSEWHERE, "a.1.b:2:2": ALIVE, "a.1.b:3:3": GONE}
SNAPSHOT = Snapshot(SERVER, "a.1.b:1:1", (), fates=FATES)


def sid(number: int) -> str:
    """The id of the test's session of that number."""
    return f"01a201da-7561-7551-a7df-{number:04x}00000000"


def record(number: int, session: str = "work", window: int = 0, pane: int = 0, **changes: Any) -> Record:
    """A lost record."""
    made = known(number, session_id=sid(number), status=LOST, epoch="1:1", cwd="/src", flags=())
    made = made._replace(tmux_session=session, window=window, pane_index=pane)
    return made._replace(window_layout="b25d,120x40,0,0,1")._replace(**changes)


def spot(number: int, session: str = "work", window: int = 0, pane: int = 0, **changes: Any) -> Spot:
    """A pane that is there, with an idle shell."""
    return Spot(f"%{number}", session, window, pane, "/src", "", False)._replace(**changes)


def place(lost: list[Record], spots: list[Spot]) -> dict[str, str]:
    """The pane of each session."""
    return {session: spot.pane for session, spot in placed(lost, spots).items()}


def test_only_this_servers_lost_ones_come_back() -> None:
    """Nor another host's, though its socket has the same path, nor those of a server that may still run."""
    records = (
        *(record(1), record(2, status=CLOSED), record(3, server="/tmp/other")),
        *(record(4, epoch="b.1.c:1:1"), record(5, epoch="a.1.b:2:2"), record(6, epoch="a.1.b:3:3")),
    )
    assert [r.session_id for r in lost_records(records, SNAPSHOT)] == [sid(1), sid(6)]
    assert lost_records(records, SNAPSHOT, frozenset({sid(2)})) == ()


def test_a_title_finds_its_session_wherever_the_pane_went() -> None:
    moved = spot(7, "elsewhere", 9, 3, title_id=sid(1)[:29], cwd="/other")
    assert place([record(1)], [moved, spot(8)]) == {sid(1): "%7"}


def test_a_pane_with_another_sessions_title_is_not_taken_by_coordinates() -> None:
    spots = [spot(7, title_id=sid(2)[:29]), spot(8, window=5)]
    assert place([record(1), record(2, window=5)], spots) == {sid(2): "%7"}


def test_two_panes_with_one_title_are_told_apart_by_place_or_not_at_all() -> None:
    twins = [spot(7, title_id=sid(1)[:29]), spot(8, window=5, title_id=sid(1)[:29])]
    assert place([record(1)], twins) == {sid(1): "%7"}
    assert place([record(1, window=6)], twins) == {}


def test_coordinates_need_the_directory_and_a_pane_without_codex() -> None:
    assert place([record(1)], [spot(7)]) == {sid(1): "%7"}
    assert place([record(1)], [spot(7, cwd="/elsewhere")]) == {}
    assert place([record(1)], [spot(7, taken=True)]) == {}


def test_a_busy_pane_is_left_alone() -> None:
    plan = make_plan((record(1),), (spot(7),), frozenset(), rebuilt=True)
    assert not plan.fills
    assert not plan.builds
    assert "left alone" in plan.skips[0].reason


def test_without_a_rebuilt_layout_the_users_own_pane_is_not_taken() -> None:
    plan = make_plan((record(1),), (spot(7),), frozenset({"%7"}), rebuilt=False)
    assert plan.fills == ()
    assert [(b.window, b.moved) for b in plan.builds] == [(1, 0)]
    fresh = make_plan((record(1),), (spot(7, fresh=True),), frozenset({"%7"}), rebuilt=False)
    assert [f.pane for f in fresh.fills] == ["%7"]


def test_a_window_is_built_with_all_its_panes_in_order() -> None:
    neighbours = ((0, "/a", True), (1, "/src", False), (2, "/b", True))
    group = (record(1, pane=1, neighbours=neighbours),)
    (build,) = make_plan(group, (), frozenset(), rebuilt=False).builds
    assert [(c.cwd, c.record is not None) for c in build.cells] == [
        ("/a", False),
        ("/src", True),
        ("/b", False),
    ]
    assert build.room == ["-x", "120", "-y", "40"]


def test_two_epochs_with_one_place_get_two_windows_and_the_newer_keeps_it() -> None:
    old = record(1, updated_at=NOW - timedelta(days=1), epoch="0:0")
    plan = make_plan((old, record(2)), (), frozenset(), rebuilt=False)
    assert {b.window: b.cells[0].record and b.cells[0].record.session_id for b in plan.builds} == {
        0: sid(2),
        1: sid(1),
    }


SESSIONS, INDICES = st.sampled_from(["a", "b"]), st.integers(0, 2)
LOST_ONES = st.lists(
    st.builds(record, st.integers(1, 9), SESSIONS, INDICES, INDICES), unique_by=lambda r: r.session_id
)
SPOTS = st.lists(
    st.builds(
        spot,
        st.integers(1, 9),
        SESSIONS,
        INDICES,
        INDICES,
        title_id=st.sampled_from(["", *(sid(n)[:29] for n in range(1, 6))]),
        taken=st.booleans(),
        fresh=st.booleans(),
    ),
    unique_by=lambda s: s.pane,
)


@given(LOST_ONES, SPOTS, st.booleans(), st.data())
def test_each_session_comes_back_once_and_no_pane_twice(
    lost: list[Record], spots: list[Spot], rebuilt: bool, data: st.DataObject
) -> None:
    untouched = (
        frozenset(data.draw(st.sets(st.sampled_from([s.pane for s in spots])))) if spots else frozenset()
    )
    plan = make_plan(tuple(lost), tuple(spots), untouched, rebuilt=rebuilt)
    built = [c.record.session_id for b in plan.builds for c in b.cells if c.record]
    seen = [f.record.session_id for f in plan.fills] + built + [s.record.session_id for s in plan.skips]
    assert sorted(seen) == sorted(r.session_id for r in lost)
    panes = [f.pane for f in plan.fills]
    assert len(panes) == len(set(panes))
    assert set(panes) <= untouched
    assert not set(panes) & {s.pane for s in spots if s.taken}
    windows = [(b.tmux_session, b.window) for b in plan.builds]
    assert len(windows) == len(set(windows))
    assert not set(windows) & {(s.tmux_session, s.window) for s in spots}
