"""The sandbox itself, and that the stand-in keeps the promises of real Codex the other tests rely on."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from codex_tmux.selftest.world import WorldError, cache_dir, codex_version
from tests.support.world import Sandbox, running

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["stand-in", pytest.param("real", marks=[pytest.mark.codex])])
def both(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox with its tmux server up: once with the stand-in, once with real Codex."""
    codex = request.getfixturevalue("codex_binary") if request.param == "real" else None
    with Sandbox(codex) as made:
        made.start_server()
        made.attach()
        yield made


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


@pytest.mark.codex
def test_a_home_takes_no_room(codex_binary: str) -> None:
    with Sandbox(codex_binary) as sandbox:
        if codex_version(codex_binary) < "codex-cli 0.157":
            pytest.skip("no daemon in this Codex")
        binaries = [
            p for p in (sandbox.codex_home / "packages").rglob("codex") if p.is_file() and not p.is_symlink()
        ]
        assert binaries
        assert all(p.stat().st_nlink > 1 for p in binaries)
        for link in (p for p in (sandbox.codex_home / "packages").rglob("*") if p.is_symlink()):
            assert str(sandbox.root) in str(link.resolve()), "a link into the template makes Codex hang"


def test_home_is_not_in_tmp_and_socket_path_is_short(sandbox: Sandbox) -> None:
    assert not str(sandbox.root).startswith("/tmp/")
    assert len(f"{sandbox.short}/codex-daemon-{os.getuid()}/{'0' * 64}") < 104
    assert sandbox.root.stat().st_mode & 0o777 == 0o700


def test_environment_is_clean(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMUX", "/tmp/nowhere,1,0")
    sandbox.start_server()
    pane = sandbox.shell("bash")
    sandbox.tmux(
        "send-keys",
        "-t",
        pane,
        'echo "<$CODEX_HOME|$HOME|$CODEX_TMUX_STATE_DIR|$(command -v codex)>"',
        "Enter",
    )
    wanted = f"<{sandbox.codex_home}|{sandbox.home}|{sandbox.state_dir}|{sandbox.bin}/codex>"
    sandbox.wait_for(lambda: wanted in sandbox.capture(pane).replace("\n", ""), 20, "the environment")


def test_wait_for_shows_the_screens(sandbox: Sandbox) -> None:
    sandbox.start_server()
    pane = sandbox.new_pane("echo a mark on the screen; sleep 60")
    sandbox.wait_text(pane, "mark")
    start = time.monotonic()
    with pytest.raises(WorldError, match=r"waited 0.1 s for a miracle(?s:.*)a mark on the screen"):
        sandbox.wait_for(lambda: False, 0.1, "a miracle")
    assert time.monotonic() - start < 5


def test_format_of_a_gone_pane_is_an_error(sandbox: Sandbox) -> None:
    sandbox.start_server()
    with pytest.raises(WorldError):
        sandbox.format("%99", "#{pane_pid}")


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
