"""Whose record is it: a socket that was removed, a second host with the same home."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator

import psutil
import pytest

from tests.support.world import Sandbox


@pytest.fixture
def world(sandbox: Sandbox) -> Sandbox:
    sandbox.start_server(load_plugin=True, config="set -g @codex-restore off")
    return sandbox


def restored(world: Sandbox, *flags: str) -> list[str]:
    """What `restore` did, by outcome."""
    return [r["outcome"] for r in json.loads(world.helper("restore", "--json", *flags))["results"]]


def ended(pid: int) -> None:
    """End a process, and wait until it has."""
    with contextlib.suppress(psutil.Error, ProcessLookupError):
        process = psutil.Process(pid)
        process.kill()
        process.wait(10)


def test_a_server_whose_socket_was_removed_keeps_its_sessions(world: Sandbox) -> None:
    pane = world.new_pane()
    world.ask(pane, "first")
    session, former, codex = world.bound(pane), int(world.format(pane, "#{pid}")), world.codex_pid(pane)
    world.quiet()
    os.unlink(world.socket)
    here = world.start_server(load_plugin=True, config="set -g @codex-restore off")
    world.helper("sync")
    assert (world.records()[session]["status"], world.records()[session]["server_pid"]) == ("live", former)
    assert f"@process {former}" in world.helper("list")
    assert restored(world) == []
    # Nor is it resumed beside by hand, but for one who says so.
    refused = world.helper_result("adopt", "-t", here, session)
    assert f"is in pane {pane} of the tmux server {world.socket} (process {former})" in refused.stderr
    assert refused.returncode == 1
    ended(former)
    ended(codex)
    assert world.records()[session]["status"] == "lost"
    assert restored(world) == ["waiting"]
    assert world.records()[session]["server_pid"] == int(world.format(here, "#{pid}"))


def test_a_pane_of_a_server_without_its_socket_does_not_speak_for_another_one_s(world: Sandbox) -> None:
    """`codex-tmux respawn` from its keys, and `run` in its panes, reach whoever listens at the socket's path."""
    former = world.tmux("display-message", "-p", "#{pid}")
    os.unlink(world.socket)
    world.start_server(load_plugin=True, config="set -g @codex-restore off")
    pane = world.new_pane()
    world.ask(pane, "first")
    session, codex = world.bound(pane), world.codex_pid(pane)
    world.quiet()
    there = {"TMUX": f"{world.socket},{former},0", "TMUX_PANE": pane}
    for command in (("respawn", "-t", pane), ("respawn",), ("run",), ("forget", "-t", pane)):
        done = world.helper_result(*command, env=there)
        assert done.returncode == 1, command
        assert f"tmux server {former}" in done.stderr, (command, done.stderr)
    assert world.codex_pid(pane) == codex
    assert world.format(pane, "#{@codex_session} #{@codex_claim}") == f"{session} "
    assert world.ask(pane, "second").messages == ("first", "second")


class Container:
    """A second machine with the same home: its own processes, name, and sockets at the same paths."""

    def __init__(self, world: Sandbox) -> None:
        self.world = world
        script = f"mount -t tmpfs none {world.short} && hostname far-away && echo up && exec sleep 1000"
        words = ["unshare", "-m", "-p", "-u", "--fork", "--mount-proc", "sh", "-c", script]
        self.process = subprocess.Popen(words, env=world.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self.process.stdout is not None
        if self.process.stdout.readline() != b"up\n":
            self.process.wait()
            pytest.skip("no namespaces may be made here")
        (self.init,) = psutil.Process(self.process.pid).children()

    def run(self, *words: str) -> str:
        """Run this in there; what it prints."""
        enter = ["nsenter", "-t", str(self.init.pid), "-m", "-p", "-u", "--"]
        server = {"TMUX": f"{self.world.socket},{self.pid},0"} if hasattr(self, "pid") else {}
        done = subprocess.run(
            [*enter, *words],
            env=self.world.env | server,
            cwd=self.world.work,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start_server(self) -> None:
        """A tmux server with the plugin, as the sandbox's own."""
        conf = str(self.world.root / "tmux.conf")
        tmux = ("tmux", "-u", "-S", str(self.world.socket))
        self.run(*tmux, "-f", conf, "new-session", "-d", "-s", "main", "-c", str(self.world.work))
        self.pid = self.run(*tmux, "display-message", "-p", "#{pid}").strip()

    def helper(self, *args: str) -> str:
        return self.run(str(self.world.bin / "codex-tmux"), *args)

    def close(self) -> None:
        # The first process of a pid namespace takes all others with it.
        with contextlib.suppress(psutil.Error):
            self.init.kill()
        self.process.wait(10)


@pytest.fixture
def container(world: Sandbox) -> Iterator[Container]:
    made = Container(world)
    yield made
    made.close()


def test_another_host_with_the_same_home_is_shown_and_left_alone(
    world: Sandbox, container: Container
) -> None:
    pane, session = world.talk("first")
    world.quiet()
    before = world.records()[session]
    container.start_server()
    (there,) = json.loads(container.helper("list", "--json"))["panes"]
    assert (there["session_id"], there["status"], there["server_is"]) == (session, "live", "elsewhere")
    assert "@another host" in container.helper("list")
    assert json.loads(container.helper("restore", "--json"))["results"] == []
    assert "0 " not in container.helper("status")
    world.helper("sync")
    assert world.records()[session] == before
    # Lost there, it still is that host's to restore.
    codex = world.codex_pid(pane)
    world.quiet()
    world.tmux("kill-server")
    ended(codex)
    world.start_server(load_plugin=True, config="set -g @codex-restore off")
    assert world.records()[session]["status"] == "lost"
    assert json.loads(container.helper("restore", "--json"))["results"] == []
    planned = json.loads(container.helper("restore", "--json", "--force", "--dry-run"))["results"]
    assert [r["session_id"] for r in planned] == [session]
    assert world.records()[session]["status"] == "lost"
    taken = json.loads(container.helper("restore", "--json", "--force"))["results"]
    assert [(r["session_id"], r["outcome"]) for r in taken] == [(session, "waiting")]
    assert restored(world) == []
    assert world.records()[session]["server_is"] == "elsewhere"
    assert restored(world, "--force") == ["waiting"]
