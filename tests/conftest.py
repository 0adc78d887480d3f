"""Fixtures for all tests; no test can reach the real home, Codex home or tmux server."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from codex_tmux.selftest.world import cache_dir
from tests.support.world import Sandbox

# Asked for before any test changes the environment: the real Codex and the templates are found through it.
CACHE = cache_dir()
FUZZ = int(os.environ.get("FUZZ", "0"))
"""`make fuzz`: how many examples each property is tried on."""
# A loaded machine is no failure.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")
if FUZZ:
    settings.register_profile(
        "fuzz", max_examples=FUZZ, deadline=None, suppress_health_check=list(HealthCheck)
    )
    settings.load_profile("fuzz")
REAL_HOME = Path.home()
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Whoever starts a job in the background leaves it so, and everything below would never see a Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_real_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Point everything a test could reach by default at private, empty places."""
    # tmux's socket is `$TMUX_TMPDIR/tmux-<uid>/<name>`: in pytest's own directories its path is too long.
    sockets = Path(tempfile.mkdtemp(prefix="ct-", dir="/tmp"))
    home = tmp_path / "home"
    home.mkdir()
    places = {"HOME": home, "CODEX_HOME": home / ".codex", "CODEX_TMUX_STATE_DIR": home / "state"}
    places |= {"TMUX_TMPDIR": sockets, "CODEX_TMUX_CACHE_DIR": CACHE}
    for name in ("CONFIG", "CACHE", "STATE", "DATA"):
        monkeypatch.delenv(f"XDG_{name}_HOME", raising=False)
    for name in ("TMUX", "TMUX_PANE", "CODEX_SQLITE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, place in places.items():
        monkeypatch.setenv(name, str(place))
    yield
    if Path.home() == REAL_HOME:
        pytest.fail("the test put the real HOME back")
    for socket in sockets.glob("*/*"):
        subprocess.run(["tmux", "-S", str(socket), "kill-server"], capture_output=True)
    shutil.rmtree(sockets)


@pytest.fixture(scope="session")
def codex_binary() -> str:
    """The real Codex; without one the test is skipped, but on CI it fails."""
    codex = os.environ.get("CODEX_TMUX_TEST_CODEX")
    if codex and os.access(codex, os.X_OK):
        return codex
    why = (
        f"no real Codex: {codex} is not there" if codex else "no real Codex: CODEX_TMUX_TEST_CODEX is not set"
    )
    if os.environ.get("CI") == "true":
        pytest.fail(f"{why} (CI must not skip this)")
    pytest.skip(f"{why}; `make codex` installs one")


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox with the stand-in, or, in a test marked `codex`, with real Codex."""
    real = request.node.get_closest_marker("codex") is not None
    with Sandbox(request.getfixturevalue("codex_binary") if real else None) as made:
        yield made


@pytest.fixture
def world(sandbox: Sandbox) -> Sandbox:
    """The same with a tmux server that has the plugin."""
    sandbox.start_server(load_plugin=True)
    return sandbox


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """What the helper wrote into its log stands with a failed test."""
    report = yield
    values = getattr(item, "funcargs", {})
    sandbox = values.get("sandbox") or values.get("world")
    if report.when == "call" and report.failed and isinstance(sandbox, Sandbox):
        log = sandbox.state_dir / "log"
        report.sections.append(("codex-tmux log", log.read_text() if log.exists() else "(none)"))
    return report
