"""What comes back at an undo, and into which window."""

from datetime import timedelta
from typing import Any

import pytest

from codex_tmux.commands.undo import closed_last, window_of
from codex_tmux.state.records import CLOSED, ENDED, LIVE, LOST, Record
from codex_tmux.tmux.epoch import ALIVE, ELSEWHERE
from codex_tmux.tracking.model import Pane, Snapshot
from tests.unit.restore_plan_test import SERVER, record, sid
from tests.unit.store_test import NOW

OURS, FORMER = "a.1.b:1:1", "a.1.b:3:3"
THREE = "1a95,160x39,0,0{109x39,0,0[109x28,0,0,1,109x10,0,29,3],50x39,110,0,2}"
TWO = "cfb2,160x39,0,0{109x39,0,0,3,50x39,110,0,2}"
"""%1 above %3, and %2 on their right."""


def closed(number: int, window: int = 1, session: str = "work", at: int = 0, **changes: Any) -> Record:
    """A record of session `number`, closed `at` seconds after noon; its pane was %number."""
    changes = {"status": CLOSED, "epoch": OURS, "updated_at": NOW + timedelta(seconds=at), **changes}
    return record(number, session, window, **changes)


def pane(number: int, window: int = 1, session: str = "work", shows: str = "") -> Pane:
    """A pane that is there."""
    return Pane(f"%{number}", session, window, "w", "", 0, "/w", False, "", "1", "", session=shows)


def server(*panes: Pane, fate: str = "gone") -> Snapshot:
    """The tmux server as it is; `fate`: what has become of its earlier run."""
    return Snapshot(SERVER, OURS, panes, fates={FORMER: fate})


THERE = server(pane(9))
LAST: dict[str, tuple[list[Record], Snapshot, list[int]]] = {
    "the newest alone": ([closed(1), closed(2, 2, at=9)], THERE, [2]),
    "nothing is closed": (
        [closed(1, status=ENDED), closed(2, status=LIVE), closed(3, status=LOST)],
        THERE,
        [],
    ),
    "a window with all that was closed with it": (
        [closed(1), closed(2), closed(3, 2)],
        server(pane(9, 0)),
        [1, 2],
    ),
    "two of one window that is there": ([closed(1), closed(2)], THERE, [1, 2]),
    "one of a window, another one just before": (
        [closed(1, window_layout=THREE), closed(2, window_layout=TWO)],
        THERE,
        [1],
    ),
    "one of a window, another one long before": ([closed(1), closed(2, at=9)], THERE, [2]),
    "a tmux session with its windows": (
        [closed(1, 1, "gone"), closed(2, 2, "gone", at=1), closed(3, 1, "other")],
        THERE,
        [2, 1],
    ),
    "what is in a pane again": ([closed(1), closed(2, at=9)], server(pane(9, shows=sid(2))), [1]),
    "a pane that shows something else is there": ([closed(1), closed(2, at=9)], server(pane(2)), [1]),
    "of another server": ([closed(1, server="/other")], THERE, []),
    "an earlier run comes last": ([closed(1, epoch=FORMER, at=9), closed(2)], THERE, [2]),
    "an earlier run": ([closed(1, epoch=FORMER)], THERE, [1]),
    "a run that is not over": ([closed(1, epoch=FORMER)], server(pane(9), fate=ALIVE), []),
    "another host's": ([closed(1, epoch=FORMER)], server(pane(9), fate=ELSEWHERE), []),
}


@pytest.mark.parametrize("case", LAST)
def test_what_was_closed_last(case: str) -> None:
    records, snapshot, expected = LAST[case]
    assert [r.session_id for r in closed_last(records, snapshot, former=True)] == [sid(n) for n in expected]


def test_an_earlier_run_is_left_out_where_something_is_lost() -> None:
    assert closed_last([closed(1, epoch=FORMER)], THERE, former=False) == ()


WINDOWS: dict[str, tuple[Record, Snapshot, tuple[str, int] | None]] = {
    "the panes beside it name it, wherever it is now": (
        closed(2, 1, window_layout=THREE),
        server(pane(1, 4, "moved"), pane(3, 4, "moved"), pane(7, 1)),
        ("moved", 4),
    ),
    "its window is gone": (closed(2, 1, window_layout=THREE), server(pane(7, 2)), None),
    "another window has its number": (closed(2, 1, window_layout="b25d,160x39,0,0,2"), server(pane(7)), None),
    "an earlier run's numbers say nothing": (
        closed(2, 1, window_layout=THREE, epoch=FORMER),
        server(pane(1, 5), pane(3, 5)),
        None,
    ),
}


@pytest.mark.parametrize("case", WINDOWS)
def test_the_window_it_was_in(case: str) -> None:
    known, snapshot, expected = WINDOWS[case]
    assert window_of(known, snapshot) == expected
