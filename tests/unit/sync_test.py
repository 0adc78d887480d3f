"""What a sync that hooks have started leaves behind where it comes to nothing."""

import os
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from codex_tmux.errors import Problem
from codex_tmux.state.records import LIVE
from codex_tmux.tmux import server as tmux
from codex_tmux.tmux.server import Reading, Server
from codex_tmux.tracking import pass_once, sync


@pytest.mark.parametrize(
    ("failure", "logged"),
    [(Problem("the state cannot be used"), "sync.failed"), (ValueError("unforeseen"), "sync.crashed")],
)
def test_the_next_event_starts_another_sync(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, failure: Exception, logged: str
) -> None:
    """All events rely on the sync that is due: one that failed must not be waited for as if it were to come."""
    told: list[tuple[str, ...]] = []

    def fail(server: Server) -> None:
        raise failure

    monkeypatch.setenv("CODEX_TMUX_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(sync, "sync_rate_limited", fail)
    monkeypatch.setattr(Server, "try_run", lambda self, *args: told.append(args))
    assert sync.main([]) == 0
    assert told == [("set-option", "-gu", "@codex_pending")]
    assert f" {logged} " in (tmp_path / "log").read_text()


def test_a_server_that_has_ended_is_no_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CODEX_TMUX_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("TMUX", f"{tmp_path}/gone,1,0")
    assert sync.main([]) == 0
    log = tmp_path / "log"
    assert not log.exists() or "sync." not in log.read_text()


def test_a_respawn_is_told_that_nothing_was_settled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Then tmux itself sees to it that the old command does not run again."""

    def fail(server: Server, wait: float = 0.0) -> None:
        raise Problem("tmux cannot be used")

    monkeypatch.setenv("CODEX_TMUX_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(sync, "sync", fail)
    monkeypatch.setattr(Server, "try_run", lambda self, *args: None)
    assert sync.main(["--settle"]) == 1
    assert sync.main([]) == 0


@pytest.mark.parametrize("reaped", [False, True])
def test_a_pane_is_read_again_until_tmux_knows_that_its_process_has_ended(
    monkeypatch: pytest.MonkeyPatch, reaped: bool
) -> None:
    with subprocess.Popen(["sleep", "100"]) as child:
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | (0 if reaped else os.WNOWAIT))
        row = defaultdict(str, window_index="0", pane_index="0", pane_pid=str(child.pid), pane_dead="0")
        row |= {"@codex_pane": "1", "@codex_state": LIVE, "@codex_process": f"{child.pid}:1"}
        server = defaultdict(str, version="3.7", pid=str(os.getpid()))
        rows = iter([row, row, row | {"pane_dead": "1", "pane_dead_status": "1"}])
        monkeypatch.setattr(tmux, "read", lambda _: Reading(server, [next(rows)], "", "off", "on", {}))
        monkeypatch.setattr(Server, "try_run", lambda self, *args: "")
        assert pass_once.settled_reading(Server("/s"))[2].panes[0].dead
