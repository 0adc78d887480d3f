"""Whether a fork that a pane asked for was made, though the pane does not know it."""

import json
import time
from pathlib import Path

import pytest

from codex_tmux.codex.store import Store
from codex_tmux.pane import forks
from codex_tmux.selftest.standin import new_id


def stored(home: Path, forked_from: str = "") -> str:
    """A session of now in Codex's store; its id."""
    session = new_id()
    folder = home / time.strftime("sessions/%Y/%m/%d")
    folder.mkdir(parents=True, exist_ok=True)
    meta = {"id": session, "cwd": "/w", "source": "cli"} | (
        {"forked_from_id": forked_from} if forked_from else {}
    )
    said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    lines = [{"type": "session_meta", "payload": meta}, {"type": "response_item", "payload": said}]
    name = time.strftime(f"rollout-%Y-%m-%dT%H-%M-%S-{session}.jsonl")
    (folder / name).write_text("".join(json.dumps({"timestamp": "x", **line}) + "\n" for line in lines))
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
