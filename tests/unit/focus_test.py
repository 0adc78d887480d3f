"""When a Codex's request for focus events is taken back."""

import os
import pty

import pytest

from codex_tmux.sleeping.focus import NO_FOCUS_EVENTS, asked_since, take_back
from codex_tmux.state.launch import Launch
from codex_tmux.tracking.model import Pane

CODEX = Launch("tui", "/bin/codex", "/h", "/w", (), False)
PANE = Pane(
    "%1", "main", 0, "w", "", 0, "/w", False, "", "7", "codex", running=CODEX, root=True, process="7:1"
)
SEEN = "7:1 7 7 1800000000 01a2"


@pytest.mark.parametrize(
    ("version", "pane", "unfocused", "wanted"),
    [
        ("3.2a", PANE, "", SEEN),
        ("3.4", PANE, "", SEEN),
        ("3.4", PANE, SEEN, ""),
        # Seen before it had a title, or another process since.
        ("3.4", PANE, "7:1    ", SEEN),
        ("3.4", PANE, "6:1 6 6 1799999999 01a2", SEEN),
        # Seen while the title was still that of the process before: the same session's.
        ("3.4", PANE, "7:1 7 6 1799999999 01a2", SEEN),
        # tmux that lives on, a pane that is no Codex's own, one that is dead.
        ("3.5", PANE, "", ""),
        ("next-3.8", PANE, "", ""),
        ("3.4", PANE._replace(root=False), "", ""),
        ("3.4", PANE._replace(running=None), "", ""),
        ("3.4", PANE._replace(dead=True), "", ""),
    ],
)
def test_asked_since(version: str, pane: Pane, unfocused: str, wanted: str) -> None:
    row = {
        "@codex_looked": "7",
        "@codex_cleared": "7",
        "@codex_title_at": "1800000000",
        "@codex_title_id": "01a2",
        "@codex_unfocused": unfocused,
    }
    assert asked_since(version, row, pane.own_process) == wanted


def test_take_back() -> None:
    master, slave = pty.openpty()
    try:
        take_back(os.ttyname(slave))
        assert os.read(master, 100) == NO_FOCUS_EVENTS
    finally:
        os.close(slave)
        os.close(master)
    take_back("/dev/pts/no-such")
