"""The shared server behind the panes fails in every way: the real Codex, killed and respawned, goes on all the same."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.keep_test import kill_codex
from tests.support.world import Sandbox

pytestmark = pytest.mark.codex


def pid_file(world: Sandbox) -> Path:
    """Where Codex notes which process its shared server is."""
    return world.codex_home / "app-server-daemon/daemon.pid"


def daemon_of(world: Sandbox) -> int:
    """The process of the shared server."""
    return int(json.loads(pid_file(world).read_text())["pid"])


def kill_daemon(world: Sandbox) -> None:
    """Kill the shared server; what it has written stays."""
    pid = daemon_of(world)
    os.kill(pid, signal.SIGKILL)
    world.wait_for(lambda: not Path(f"/proc/{pid}/exe").exists(), 20, "the shared server to end")


def activity(world: Sandbox, pane: str) -> str | None:
    """What `codex-tmux list` says that the pane's conversation is doing."""
    (row,) = [r for r in world.listed() if r["pane"] == pane]
    found: str | None = row["activity"]
    return found


def wait_idle(world: Sandbox, pane: str) -> None:
    """Wait until the turn is over, and the shared server says so: a busy one may take longer than `list` waits."""
    world.wait_for(lambda: activity(world, pane) == "idle", 20, "the conversation to be idle")


class Talk:
    """A pane with a conversation, that goes on whatever happens."""

    def __init__(self, world: Sandbox) -> None:
        self.world, self.pane, self.said = world, world.new_pane(), ["one"]
        world.ask(self.pane, "one")
        self.session = world.bound(self.pane)

    def killed_and_respawned_it_goes_on(self, word: str) -> None:
        kill_codex(self.world, self.pane, "SIGKILL")
        self.world.wait_asleep(self.pane)
        self.world.respawn(self.pane)
        self.goes_on(word)

    def goes_on(self, word: str) -> None:
        self.said.append(word)
        request = self.world.ask(self.pane, word, timeout=40)
        assert request.messages == tuple(self.said)
        assert request.session_id == self.session
        self.world.no_view_mode()


def test_killed_its_files_stay(world: Sandbox) -> None:
    talk = Talk(world)
    kill_daemon(world)
    assert Path(world.codex_home, f"thread-writer-locks/{talk.session}.lock").exists()
    assert activity(world, talk.pane) is None
    talk.killed_and_respawned_it_goes_on("two")
    wait_idle(world, talk.pane)


def test_its_pid_is_another_program_s(world: Sandbox) -> None:
    talk = Talk(world)
    kill_daemon(world)
    with subprocess.Popen(["sleep", "1000"], env=world.env) as other:
        noted = json.loads(pid_file(world).read_text())
        pid_file(world).write_text(json.dumps({**noted, "pid": other.pid}))
        assert activity(world, talk.pane) is None
        talk.killed_and_respawned_it_goes_on("two")
        assert other.poll() is None, "left alone"
        other.kill()


def test_its_socket_is_gone(world: Sandbox) -> None:
    talk = Talk(world)
    Path(world.codex_home, "app-server-control/app-server-control.sock").unlink()
    assert activity(world, talk.pane) is None
    kill_codex(world, talk.pane, "SIGKILL")
    world.wait_asleep(talk.pane)
    world.respawn(talk.pane)
    world.wait_format(talk.pane, "#{pane_dead}", "0")
    # It waits for that socket, gives up after a minute, and says what to do: nothing of ours is lost by then.
    kill_daemon(world)
    world.respawn(talk.pane, "-k")
    talk.goes_on("two")


def test_upgraded_to_another_release(world: Sandbox) -> None:
    talk = Talk(world)
    (current,) = [p for p in Path(world.codex_home, "packages").rglob("current") if p.is_symlink()]
    release = current.resolve()
    other = release.with_name(release.name + "-next")
    shutil.copytree(release, other, symlinks=True, copy_function=os.link)
    current.unlink()
    current.symlink_to(other)
    talk.killed_and_respawned_it_goes_on("the old one still runs")
    kill_daemon(world)
    talk.killed_and_respawned_it_goes_on("the next one runs")
    wait_idle(world, talk.pane)
    assert str(other) in os.readlink(f"/proc/{daemon_of(world)}/exe")
