"""Whose title is it? One row a case."""

import pytest

from codex_tmux.tracking.whose_title import NOBODY, Asker, Before, Title, counts, is_last_of

X, Y = "01a201da-7561-7551-a7df-a07aa", "01a201da-9999-7551-a7df-b07bb"
WHOLE = f"{X}6f38cdb"
A, B = "100:5000", "200:9000"
ASKER = Asker(A, 1000.5)
B_HERE = Asker(B, 1040.5)


@pytest.mark.parametrize(
    ("title", "asker", "before", "expected"),
    [
        (Title(""), ASKER, Before(), False),
        # The first sync that sees this process.
        (Title(X, came=1001), ASKER, Before(), True),
        (Title(X, came=1000), ASKER, Before(), True),
        (Title(X, came=999), ASKER, Before(), False),
        # It was there before the plugin was.
        (Title(X), ASKER, Before(), True),
        # The same process as before: whatever the clock says, the new title is its own.
        (Title(Y, came=1001), ASKER, Before(A, WHOLE), True),
        (Title(Y, came=1), ASKER, Before(A, WHOLE), True),
        (Title(X, owner=A, came=1), ASKER, Before(A, WHOLE), True),
        # The one before was killed, its title stands.
        (Title(X, owner=A, came=1001), B_HERE, Before(A, WHOLE), False),
        (Title(X, came=1001), B_HERE, Before(A, WHOLE), False),
        (Title(X), B_HERE, Before(A, WHOLE), False),
        # Another one began in the second in which it came.
        (Title(X, came=1040), B_HERE, Before(A, WHOLE), False),
        (Title(X, came=1040), B_HERE._replace(cleared=True), Before(A, WHOLE), True),
        (Title(Y, came=1040), B_HERE, Before(A, WHOLE), True),
        # A is stopped, B runs and is killed, `fg`: A is in front and sets no title.
        (Title(Y, came=1042), B_HERE, Before(A, WHOLE), True),
        (Title(Y, owner=B, came=1042), ASKER._replace(foreground=False), Before(B, Y), False),
        (Title(Y, owner=B, came=1042), ASKER, Before(B, Y), False),
        # B was killed before a sync saw it: the title came while A was not in front.
        (Title(Y, came=1042), ASKER._replace(foreground=False), Before(A, WHOLE), False),
        (Title(Y, owner=NOBODY, came=1042), ASKER, Before(A, WHOLE), False),
        # A's next turn: the hook takes the former owner away.
        (Title(X, came=1050), ASKER, Before(B, Y), True),
    ],
)
def test_counts(title: Title, asker: Asker, before: Before, expected: bool) -> None:
    counted = counts(title, asker, before)
    assert counted is expected
    noted = title.noted(counted, asker.process).partition(" ")[2]
    assert (noted == asker.process) is counted
    # What was worked out once stays so, whatever the clock, and the processes in front, do.
    later = title._replace(owner=noted, came=None)
    assert counts(later, asker._replace(began=0.0), before) is counted


@pytest.mark.parametrize(
    ("title", "before", "respawned", "expected"),
    [
        (Title(Y), Before(A, WHOLE), None, True),
        (Title(Y, owner=A), Before(A, WHOLE), None, True),
        (Title(Y), Before(A, ""), None, True),
        (Title(X), Before(A, WHOLE), None, False),
        (Title(WHOLE), Before(A, X), None, False),
        (Title(Y, owner=B), Before(A, WHOLE), None, False),
        (Title(Y, owner=NOBODY), Before(A, WHOLE), None, False),
        (Title(""), Before(A, WHOLE), None, False),
        # The pane was respawned since: the title may be of what that started.
        (Title(Y, came=1039), Before(A, WHOLE), 1040.5, True),
        (Title(Y, came=1040), Before(A, WHOLE), 1040.5, False),
        (Title(Y, came=1041), Before(A, WHOLE), 1040.5, False),
        (Title(Y), Before(A, WHOLE), 1040.5, False),
        (Title(Y, came=1039), Before(A, WHOLE), 0.0, False),
    ],
)
def test_the_last_title_of_what_has_ended(
    title: Title, before: Before, respawned: float | None, expected: bool
) -> None:
    assert is_last_of(title, before, respawned) is expected
