"""What `codex-tmux setup` writes, the real Codex understands: the pane title carries the session id."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from codex_tmux.selftest.world import cache_dir
from codex_tmux.setup import setup

CODEX = os.environ.get("CODEX_TMUX_TEST_CODEX", "")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{5}")

pytestmark = [
    pytest.mark.codex,
    pytest.mark.xdist_group("codex"),
    pytest.mark.skipif(not os.access(CODEX, os.X_OK), reason="no real Codex: run `make codex`"),
]

# Nothing listens on port 9: a session has its id before the first message.
CONFIG = """\
model = "mock-model"
model_provider = "mock"
approval_policy = "never"
check_for_update_on_startup = false
[model_providers.mock]
name = "mock"
base_url = "http://127.0.0.1:9/v1"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
[projects."{work}"]
trust_level = "trusted"
[analytics]
enabled = false
"""


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """HOME with a work directory; not in /tmp, where Codex puts no helper programs."""
    cache = cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="test-setup-", dir=cache))
    (home / "work").mkdir()
    (home / ".codex").mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("CODEX_HOME", str(home / ".codex"))
    monkeypatch.setenv("CODEX_TMUX_STATE_DIR", str(home / "state"))
    monkeypatch.delenv("TMUX", raising=False)
    yield home
    shutil.rmtree(home, ignore_errors=True)


def title_of_codex(home: Path) -> str:
    """The title of a pane that runs Codex, as soon as an id is in it, or else two seconds after Codex has set one."""
    # A unix socket's path may have 107 bytes: home is too deep for it.
    sockets = Path(tempfile.mkdtemp(prefix="ct-", dir="/tmp"))
    socket = sockets / "s"

    def tmux(*args: str) -> str:
        return subprocess.run(
            ["tmux", "-u", "-S", str(socket), "-f", "/dev/null", *args],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    # --no-daemon: nothing outlives the pane
    tmux("new-session", "-d", "-x", "120", "-y", "30", "-c", str(home / "work"), CODEX, "--no-daemon")
    pid = int(tmux("display-message", "-p", "#{pane_pid}"))
    try:
        end = time.monotonic() + 30
        title, first, its_own = "", tmux("display-message", "-p", "#{host}"), False
        while not ID.search(title) and time.monotonic() < end:
            time.sleep(0.1)
            title = tmux("display-message", "-p", "#{pane_title}")
            if title != first and not its_own:
                its_own, end = True, time.monotonic() + 2
        assert its_own, f"Codex has set no title: {title!r}"
        return title
    finally:
        tmux("kill-server")
        shutil.rmtree(sockets, ignore_errors=True)
        for _ in range(100):  # it still writes into the home we are about to remove
            if not Path(f"/proc/{pid}").exists():
                break
            time.sleep(0.05)


@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        CONFIG + '[tui] # mine\nterminal_title = [ "activity", "git-branch" ] # where\n',
        "\ufeff" + CONFIG.replace("\n", "\r\n"),
    ],
    ids=["no table", "list", "mark and crlf"],
)
def test_the_title_carries_the_id(home: Path, config: str) -> None:
    path = home / ".codex/config.toml"
    path.write_bytes(config.replace("{work}", str(home / "work")).encode())
    done = CliRunner().invoke(
        setup.command, ["--yes", "--codex", CODEX], standalone_mode=False, catch_exceptions=False
    )
    assert done.return_value == 0
    assert ID.search(title_of_codex(home))
    # Codex has written its own things into the file since: what we put in still comes out, and nothing else.
    done = CliRunner().invoke(
        setup.command, ["--yes", "--undo"], standalone_mode=False, catch_exceptions=False
    )
    assert done.return_value == 0
    assert "thread-id" not in path.read_text()
    assert not ID.search(title_of_codex(home))
