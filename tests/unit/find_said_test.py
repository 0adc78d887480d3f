"""Finding conversations by what was said: through the daemon, without one, and with one that does not search."""

from pathlib import Path

import pytest

from codex_tmux.codex.daemon.search import looked_for, search
from codex_tmux.codex.rollout import mention
from codex_tmux.commands.conversations import Conversation, gather, others
from codex_tmux.commands.pick.find_said import matching
from codex_tmux.tmux.server import Server
from tests.support.fake_daemon import FakeDaemon
from tests.unit.codex_store_test import ID, OTHER, meta, rollout, said
from tests.unit.pick_test import record


@pytest.fixture
def home(tmp_path: Path) -> Path:
    place = tmp_path / "codex"
    rollout(place, ID, meta(), said("user", "Fix the\nLogin page"), said("assistant", "done: it was a typo"))
    rollout(place, OTHER, meta(), said("user", "<environment>login</environment>"), said("user", "hello"))
    return place


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("login", {ID: "Login page"}),
        ("TYPO", {ID: "done: it was a typo"}),
        ("the\nlogin", {ID: "Fix the\nLogin page"}),
        ("hell", {OTHER: "hello"}),
        ("nobody said", {}),
    ],
)
def test_without_a_daemon_the_rollouts_are_looked_through(
    home: Path, word: str, found: dict[str, str]
) -> None:
    assert search(str(home), word) == found


def test_the_newest_come_first_and_the_others_behind_them(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEX_HOME", str(home))
    none = Server("/nonexistent")
    first = gather(none, (), str(home), limit=1)
    assert [*(c.session_id for c in first), *(s.id for s in others(first))] == [OTHER, ID]
    # One that codex-tmux knows is among the first, however old.
    old = record(ID, "ended")._replace(codex_home=str(home))
    assert {c.session_id: c.status for c in gather(none, (old,), str(home), limit=1)} == {
        OTHER: "",
        ID: "ended",
    }


def test_a_daemon_is_asked_page_by_page(home: Path) -> None:
    with FakeDaemon(home) as daemon:
        daemon.pages = [
            {"data": [{"thread": {"id": ID}, "snippet": "one"}], "nextCursor": "next"},
            {"data": [{"thread": {"id": OTHER}, "snippet": "two"}], "nextCursor": None},
        ]
        assert search(str(home), "any") == {ID: "one", OTHER: "two"}


def test_a_daemon_that_does_not_search_is_done_without(home: Path) -> None:
    with FakeDaemon(home):
        assert search(str(home), "login") == {ID: "Login page"}


def test_no_time_is_no_reason_to_fail(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codex_tmux.codex.daemon.search.LOOK_FOR", -1.0)
    assert looked_for("login", [(ID, "/nowhere")]) == {}


def test_a_rollout_that_cannot_be_read_has_nothing(tmp_path: Path) -> None:
    assert mention(str(tmp_path / "none"), "login") == ""


def test_what_a_list_shows_is_searched_as_well() -> None:
    one, two = record(ID, "live")._replace(window=1), record(OTHER, "dead")
    rows = [
        Conversation(one._replace(cwd="/src/app"), "Fix LOGIN", 0.0, "%1"),
        Conversation(two._replace(cwd="/src/Login"), "else", 0.0, "%2"),
    ]
    assert [c.pane for c in matching(rows, "login", ())] == ["%1", "%2"]
    assert [c.pane for c in matching(rows, "work:2", ())] == ["%2"]
    assert [c.pane for c in matching(rows, "nothing", {OTHER: "said"})] == ["%2"]
