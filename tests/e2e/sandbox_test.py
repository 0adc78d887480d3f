"""The sandbox itself: nothing of it is left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from codex_tmux.selftest.world import cache_dir
from tests.support.world import Sandbox, running

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.codex
def test_nothing_is_left(codex_binary: str) -> None:
    with Sandbox(codex_binary) as sandbox:
        sandbox.start_server()
        sandbox.attach()
        sandbox.ask(sandbox.new_pane(), "hello")
        other = sandbox.new_home("other")
        env = ["env", f"CODEX_HOME={other}", "codex"]
        sandbox.ask(sandbox.new_pane(*env), "hello")
        assert (other / "app-server-daemon/daemon.pid").exists()
        started = sandbox.processes()
        assert len(started) > 6
    assert [pid for pid in started if running(pid)] == []
    assert sandbox.processes() == []
    assert not sandbox.root.exists()
    assert not sandbox.short.exists()


def test_home_is_not_in_tmp_and_socket_path_is_short(sandbox: Sandbox) -> None:
    assert not str(sandbox.root).startswith("/tmp/")
    assert len(f"{sandbox.short}/codex-daemon-{os.getuid()}/{'0' * 64}") < 104
    assert sandbox.root.stat().st_mode & 0o777 == 0o700


def test_a_killed_owner_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    script = (
        "import os, signal\nfrom tests.support.world import Sandbox, running\n"
        "s = Sandbox().__enter__()\ns.start_server()\n"
        "print(s.root, s.short, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", script]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    root, short = (Path(word) for word in out.split())
    assert root.parent == cache_dir() / "worlds"
    assert root.exists()
    with Sandbox() as other:
        # Another test may be at clearing it away.
        other.wait_for(lambda: not root.exists() and not short.exists(), 20, "it to be cleared away")
        assert other.root.exists()
