"""What makes a hook slow, by its causes and not by time: what it imports, how often it calls tmux, what it reads."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.world import Sandbox

HEAVY = set(
    "click codex_tmux.cli codex_tmux.restore.build hashlib libtmux prompt_toolkit psutil rich shutil traceback "
    "websockets".split()
)
"""Each costs about as much as a bare Python start, or is no use to a sync in which nothing changes."""


@pytest.fixture
def calls(sandbox: Sandbox) -> Path:
    """Where each tmux that is started from now on, by the name `counted-tmux`, is written down."""
    counted = sandbox.root / "counted-tmux"
    written = sandbox.root / "tmux-calls"
    counted.write_text(
        f'#!/bin/sh\necho "$*" | tr "\\n" " " >> {written}; echo >> {written}\nexec tmux "$@"\n'
    )
    counted.chmod(0o700)
    sandbox.env["CODEX_TMUX_TMUX"] = str(counted)
    return written


def bound(sandbox: Sandbox, message: str) -> str:
    """A pane with a conversation, and no sync under way any more."""
    pane, _ = sandbox.talk(message, "codex")
    for _ in range(2):
        sandbox.helper("sync", "--settle")
    sandbox.quiet()
    return pane


def hook(sandbox: Sandbox, *args: str, pane: str = "") -> subprocess.CompletedProcess[str]:
    """Run the helper as hooks and stored commands do, with its imports on stderr."""
    return subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "codex_tmux", *args],
        env={**sandbox.inside, "TMUX_PANE": pane},
        capture_output=True,
        text=True,
        check=True,
    )


def imported(done: subprocess.CompletedProcess[str]) -> set[str]:
    """The modules that were imported."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


def test_a_sync_imports_little_and_calls_tmux_once(sandbox: Sandbox, calls: Path) -> None:
    sandbox.start_server(load_plugin=True)
    bound(sandbox, "hello")
    calls.unlink(missing_ok=True)
    done = hook(sandbox, "sync", "--settle")
    found = imported(done)
    assert "codex_tmux.tracking.rules" in found, "it did work"
    assert found & HEAVY == set()
    assert len(calls.read_text().splitlines()) == 1, calls.read_text()


def test_run_imports_little_and_calls_tmux_once(sandbox: Sandbox, calls: Path) -> None:
    """A pane that wakes into its session."""
    sandbox.start_server(load_plugin=True)
    pane = bound(sandbox, "hello")
    true = sandbox.root / "true-codex"
    true.write_text("#!/bin/sh\necho became $*\n")
    true.chmod(0o700)
    session = sandbox.format(pane, "#{@codex_session}")
    sandbox.kill_codex(pane)
    sandbox.helper("sync", "--settle")
    sandbox.quiet()
    launch = sandbox.format(pane, "#{@codex_launch}").split(" ")
    sandbox.tmux(
        "set-option", "-p", "-t", pane, "@codex_launch", " ".join([launch[0], str(true), *launch[2:]])
    )
    sandbox.tmux("respawn-pan", "-t", pane, "sleep 1000")
    calls.unlink(missing_ok=True)
    done = hook(sandbox, "run", pane=pane)
    assert done.stdout.split() == ["became", "resume", session]
    assert imported(done) & HEAVY == set()
    assert len(calls.read_text().splitlines()) == 1, calls.read_text()
