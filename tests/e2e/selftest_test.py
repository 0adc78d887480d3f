import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codex_tmux.selftest.world import MARKER, cache_dir


def selftest(*args: str, path: str | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "codex_tmux", "selftest", *args],
        env={**os.environ, "PATH": path or os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def left_of(child: subprocess.Popen[str]) -> list[str]:
    """The sandboxes of `child` that still are there, and what still runs in them."""
    found = [str(root) for root in (cache_dir() / "worlds").glob(f"{child.pid}-*")]
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            settings = environ.read_bytes().split(b"\0")
        except OSError:
            continue
        found += [str(environ) for root in found if f"{MARKER}={root}".encode() in settings]
    return found


def test_passes_with_the_stand_in_where_there_is_no_codex(tmp_path: Path) -> None:
    for name in ("tmux", "bash", "sh"):
        found = [Path(d, name) for d in os.environ["PATH"].split(os.pathsep) if Path(d, name).exists()]
        (tmp_path / name).symlink_to(found[0])
    child = selftest(path=f"{tmp_path}:/usr/bin:/bin")
    out, _ = child.communicate(timeout=120)
    assert child.returncode == 0, out
    assert "the bundled stand-in" in out
    assert out.splitlines()[-1].startswith("PASSED")
    assert left_of(child) == []


@pytest.mark.codex
def test_passes_with_real_codex(codex_binary: str) -> None:
    child = selftest("--codex", codex_binary)
    out, _ = child.communicate(timeout=120)
    assert child.returncode == 0, out
    assert f"Codex: {codex_binary} (codex-cli " in out
    assert left_of(child) == []


@pytest.mark.codex
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_leaves_nothing_when_interrupted(codex_binary: str, number: signal.Signals) -> None:
    child = selftest("--codex", codex_binary)
    assert child.stdout is not None
    while "three Codex panes" not in (line := child.stdout.readline()):
        assert line, "the self-test ended early"
    assert left_of(child), "this test looks for the wrong thing"
    os.killpg(child.pid, number)
    time.sleep(0.05)
    if number == signal.SIGINT and child.poll() is None:
        os.killpg(child.pid, number)
    child.communicate(timeout=60)
    assert child.returncode == 130
    assert left_of(child) == []


def test_says_what_is_wrong_with_the_given_codex(tmp_path: Path) -> None:
    child = selftest("--codex", str(tmp_path / "nothing"))
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 1
    assert out == f"codex-tmux: --codex {tmp_path / 'nothing'}: no such program\n"
