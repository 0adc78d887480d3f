"""Whether a fork that a pane asked for was made, though the pane does not know it."""

import time
from pathlib import Path

import pytest

from codex_tmux.codex.store import Store
from codex_tmux.pane import forks
from codex_tmux.selftest.standin import new_id
from tests.unit.codex_store_test import meta, rollout, said


def stored(home: Path, forked_from: str = "") -> str:
    """A session of now in Codex's store; its id."""
    session = new_id()
    more = {"forked_from_id": forked_from} if forked_from else {}
    rollout(home, session, meta(session, **more), said("user", "hi"))
    return session


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("nothing", False),
        ("its fork", True),
        ("an older fork", False),
        ("another's fork", False),
        ("a new session", False),
    ],
)
def test_only_a_younger_fork_of_this_very_session_counts(tmp_path: Path, what: str, expected: bool) -> None:
    parent, other = stored(tmp_path), stored(tmp_path)
    if what == "an older fork":
        stored(tmp_path, parent)
        time.sleep(0.002)  # ids have milliseconds
    text = forks.text_of(parent, worktree=False)
    if what != "nothing" and what != "an older fork":
        stored(tmp_path, {"its fork": parent, "another's fork": other}.get(what, ""))
    assert forks.was_made(text, Store(str(tmp_path))) == expected
