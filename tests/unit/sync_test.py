"""What a sync that hooks have started leaves behind where it comes to nothing."""

import os
import subprocess
from pathlib import Path

import pytest

from codex_tmux.codex.processes.table import Processes
from codex_tmux.errors import Problem
from codex_tmux.tmux.server import Server
from codex_tmux.tracking import sync
from codex_tmux.tracking.pass_once import has_ended
from tests.unit.rules_test import pane


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


def test_a_process_that_has_ended_since_it_was_looked_at_is_seen() -> None:
    """Its pane is no shell that Codex went back to, though tmux does not call it dead yet."""
    child = subprocess.Popen(["sleep", "100"])
    ours = pane(root_pid=str(child.pid), last_process=f"{child.pid}:1")
    processes = Processes()
    assert child.pid in processes.pids()
    assert not has_ended(processes, ours)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert has_ended(processes, ours)
    child.wait()
    assert has_ended(processes, ours)
    assert not has_ended(processes, ours._replace(last_process="1:1")), "another user's may be hidden"
