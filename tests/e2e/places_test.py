"""Where the real Codex may be, and where it keeps its things: all of it comes back with the session."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.support.world import Sandbox

pytestmark = pytest.mark.codex


def native_binary(codex: str) -> Path:
    """The binary that npm's script starts, as Homebrew and the releases install it: without node."""
    packages = Path(os.path.realpath(codex)).parents[2]
    found = [path for path in packages.glob("codex-*/vendor/*/bin/codex") if os.access(path, os.X_OK)]
    assert len(found) == 1, found
    return found[0]


def test_a_native_binary_behind_links_with_profile_home_and_databases_of_its_own(codex_binary: str) -> None:
    with Sandbox(codex_binary) as world:
        # Homebrew: a link in bin, into a folder named for the version.
        cellar = world.root / "Cellar/codex/0.169.0/bin"
        cellar.mkdir(parents=True)
        (cellar / "codex").symlink_to(native_binary(codex_binary))
        link = world.bin / "cx"
        link.symlink_to(cellar / "codex")
        home = world.new_home("second home")
        (home / "work.config.toml").write_text('model = "model-of-the-profile"\n')
        databases = world.root / "databases"
        databases.mkdir()
        world.start_server(load_plugin=True)
        world.attach()
        variables = f"CODEX_HOME='{home}' CODEX_SQLITE_HOME='{databases}'"
        pane = world.new_pane(f"{variables} exec cx -p work -s read-only")
        before = world.ask(pane, "first")
        assert before.body["model"] == "model-of-the-profile"
        session = world.bound(pane)
        row = world.rows()[pane]
        flags = ["-p", "work", "-s", "read-only"]
        assert (row["session_id"], row["flags"], row["codex_home"]) == (session, flags, str(home))
        assert list(databases.glob("state_*.sqlite")), "Codex has its databases there"

        os.kill(int(world.format(pane, "#{pane_pid}")), signal.SIGKILL)
        world.wait_asleep(pane)
        world.respawn(pane)
        again = world.ask(pane, "second")
        assert (again.messages, again.body["model"]) == (("first", "second"), "model-of-the-profile")
        assert world.pane_option(pane, "@codex_session") == session
        process = psutil.Process(int(world.format(pane, "#{pane_pid}")))
        assert process.cmdline() == ["cx", *flags, "resume", session], (
            "by the shell, with its variables, as before"
        )
        environ = process.environ()
        assert (environ["CODEX_HOME"], environ["CODEX_SQLITE_HOME"]) == (str(home), str(databases))
        assert str(databases) in (world.state_dir / "state.toml").read_text()
