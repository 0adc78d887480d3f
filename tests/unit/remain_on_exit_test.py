"""Whether a pane's `remain-on-exit` is ours to set, and to give back."""

import pytest

from codex_tmux.sleeping.remain_on_exit import GIVE_BACK, LEAVE, SET, remain_on_exit

RULES = [
    # wanted, what counts for the pane, for all panes, ours
    (True, "off", "off", False, SET, "nothing said: a crash must not close it"),
    (True, "failed", "off", True, LEAVE, "set already"),
    (True, "on", "on", False, LEAVE, "kept by what is said for all"),
    (True, "failed", "failed", False, LEAVE, "the same"),
    (True, "key", "key", False, LEAVE, "a value of a newer tmux"),
    (True, "on", "off", False, LEAVE, "said for this pane, or its window"),
    (True, "failed", "off", False, LEAVE, "said for this pane in our words"),
    (True, "off", "on", False, LEAVE, "this pane alone is to close"),
    (True, "failed", "on", True, GIVE_BACK, "said for all panes since: it counts here too"),
    (True, "on", "off", True, LEAVE, "said for this pane since"),
    (True, "off", "off", True, LEAVE, "said for this pane since, or ours taken away"),
    (False, "failed", "off", True, GIVE_BACK, "Codex has gone"),
    (False, "failed", "off", False, LEAVE, "the user's, Codex or not"),
    (False, "off", "off", False, LEAVE, "none of ours"),
    (False, "on", "off", True, LEAVE, "ours no more"),
]


@pytest.mark.parametrize(("wanted", "shown", "everywhere", "ours", "todo", "why"), RULES)
def test_remain_on_exit(wanted: bool, shown: str, everywhere: str, ours: bool, todo: str, why: str) -> None:
    assert remain_on_exit(wanted, shown, everywhere, ours) == todo, why
