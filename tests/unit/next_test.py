"""Where `codex-tmux next` goes: a table."""

import pytest

from codex_tmux.commands.conversations import Conversation
from codex_tmux.commands.next_waiting import Stop, in_order, said_of, stop_of
from codex_tmux.state.attention import attention_of
from codex_tmux.tmux.tell import PREFIX
from tests.unit.codex_store_test import ID
from tests.unit.pick_test import record

A, B, C = (Stop(f"%{n}", ("main", n, 0), needs="needs approval") for n in (1, 3, 5))
OLD, NEW = Stop("%2", ("main", 2, 0), unread_since=100), Stop("%0", ("main", 0, 0), unread_since=200)
CALM = Stop("%4", ("main", 4, 0))


@pytest.mark.parametrize(
    ("stops", "front", "order"),
    [
        ([], CALM, []),
        ([CALM], CALM, []),
        # Those that need the user come first, from here on, and go round.
        ([A, B, C], CALM, [C, A, B]),
        ([OLD, A, NEW, C], CALM, [C, A, OLD, NEW]),
        # Then the unread, oldest first, wherever they are.
        ([NEW, OLD, CALM], CALM, [OLD, NEW]),
        # Who leaves one that needs him as it is goes on: behind it, to the unread, then round to it again.
        ([A, B, C, OLD], A, [B, C, OLD, A]),
        ([A, B, C, OLD, NEW], C, [OLD, NEW, A, B, C]),
        ([B, OLD], B, [OLD, B]),
        ([B], B, [B]),
        # What the user sees is read; another client's look is not his.
        ([OLD, NEW], OLD, [NEW]),
    ],
)
def test_the_order(stops: list[Stop], front: Stop, order: list[Stop]) -> None:
    assert in_order(stops, front.place, front.pane) == order
    assert in_order(stops[::-1], front.place, front.pane) == order, "however they are listed"


def test_without_a_client_it_begins_at_the_first() -> None:
    assert in_order([C, OLD, A], ("", -1, -1), "") == [A, C, OLD]


@pytest.mark.parametrize(
    ("activity", "options", "needs", "since"),
    [
        ("approval", ("", "", ""), "needs approval", None),
        ("answer", ("1", "7", ""), "needs an answer", None),
        ("idle", ("1", "7", "0 12 "), "", 7),
        # Set by hand, it has no time; a time alone is nothing.
        ("", ("1", "", ""), "", 0),
        ("", ("", "7", "0 12 "), "", None),
        # Without the daemon the title alone says so; the daemon knows better.
        ("", ("", "", "! 12 "), "needs you", None),
        ("working", ("", "", "! 12 "), "", None),
    ],
)
def test_what_a_pane_needs(
    activity: str, options: tuple[str, str, str], needs: str, since: int | None
) -> None:
    names = ("@codex_unread", "@codex_unread_at", "@codex_turning")
    found = Conversation(record(ID, "live"), None, 0.0)
    mark = attention_of(dict(zip(names, options)))
    stop = stop_of(found._replace(activity=activity, mark=mark))
    assert (stop.needs, stop.unread_since) == (needs, since)
    assert stop_of(found).needs == ""


@pytest.mark.parametrize("stops", [[A], [A, B, OLD], [OLD, NEW], [OLD], [A] * 12 + [OLD] * 12])
def test_what_it_says_fits_a_line(stops: list[Stop]) -> None:
    said = said_of([stop._replace(title="long " * 30) for stop in stops])
    assert len(PREFIX + said) <= 80
    assert said.startswith(stops[0].needs or "unread")
