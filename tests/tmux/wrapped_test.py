"""What stood before Codex in the pane's command stands there again, or the pane asks before it starts without."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.support.world import Sandbox
from tests.tmux.wrappers_test import FLAGS, WORDS, begun, check_back, codex_pid, come_back

QUESTION = "which cannot be run again for its session"


@pytest.fixture
def world(sandbox: Sandbox) -> Sandbox:
    sandbox.start_server(load_plugin=True)
    for name, text in {
        "start": f"#!/bin/sh\nexec codex {WORDS}\n",
        "confined": '#!/bin/sh\nCONFINED=yes "$@"\n',
        "own": '#!/bin/sh\nexport OWN=yes\nexec codex "$@"\n',
    }.items():
        (sandbox.bin / name).write_text(text)
        (sandbox.bin / name).chmod(0o700)
    return sandbox


def codex_of(world: Sandbox, pane: str) -> psutil.Process:
    """The process of the pane's Codex."""
    return psutil.Process(codex_pid(world, pane))


def nice_of_shell(world: Sandbox) -> int:
    """The niceness of what tmux starts by itself."""
    first = world.tmux("list-panes", "-a", "-F", "#{pane_pid}").splitlines()[0]
    return int(psutil.Process(int(first)).nice())


def umask_of(process: psutil.Process) -> str:
    """The umask of a process."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("Umask:"))


def resumed(world: Sandbox, pane: str, session: str) -> None:
    """Kill the pane's Codex, respawn the pane, and see the session again."""
    come_back(world, pane)
    world.wait_for(lambda: session in codex_of(world, pane).cmdline(), 20, "the session")


def wait_question(world: Sandbox, pane: str) -> None:
    """Wait until the pane asks."""
    world.wait_for(lambda: QUESTION in world.capture(pane).replace("\n", ""), 20, "the question")


def asked(world: Sandbox, pane: str) -> None:
    """Kill the pane's Codex, respawn the pane, and see the question."""
    come_back(world, pane)
    wait_question(world, pane)


def test_known_wrappers_are_there_again(world: Sandbox) -> None:
    nice = world.new_pane("nice", "-n", "5", "codex", *FLAGS, "the old prompt")
    text = world.new_pane(f"umask 077; API=s3cret codex {WORDS}")
    script = world.new_pane(f"own {WORDS}")
    sessions = {}
    for pane in (nice, text, script):
        world.wait_text(pane, "turn 1 |")
        sessions[pane] = world.bound(pane)
    for _ in range(2):
        for pane, session in sessions.items():
            resumed(world, pane, session)
        assert codex_of(world, nice).nice() == nice_of_shell(world) + 5
        assert codex_of(world, text).environ()["API"] == "s3cret"
        assert umask_of(codex_of(world, text)) == "0077"
        assert codex_of(world, script).environ()["OWN"] == "yes"
    assert world.ask(text, "more").messages == ("the old prompt", "more")
    world.quiet()
    for file in world.state_dir.iterdir():
        assert b"s3cret" not in file.read_bytes(), file.name


def test_a_wrapper_that_stays_typed_into_a_shell(world: Sandbox) -> None:
    pane = world.shell()
    world.enter(pane, f"confined codex {WORDS}")
    session = begun(world, pane)
    os.kill(codex_pid(world, pane), signal.SIGKILL)
    world.wait_format(pane, "#{pane_current_command}", "bash")
    world.helper("respawn", "-t", pane)
    check_back(world, pane, session)
    assert codex_of(world, pane).environ()["CONFINED"] == "yes"


def test_it_asks_before_it_starts_without(world: Sandbox) -> None:
    pane = world.new_pane("start")
    session = begun(world, pane)
    asked(world, pane)
    world.tmux("send-keys", "-t", pane, "Enter")
    check_back(world, pane, session)
    # The answer holds.
    resumed(world, pane, session)


def test_after_a_restart_what_was_not_stored_is_asked_for(world: Sandbox) -> None:
    nice = world.new_pane("nice", "-n", "5", "codex", *FLAGS, "the old prompt")
    secret = world.new_pane("env", "API=s3cret", "codex", *FLAGS, "the old prompt")
    sessions = []
    for pane in (nice, secret):
        world.wait_text(pane, "turn 1 |")
        sessions.append(world.bound(pane))
    world.quiet()
    assert "s3cret" not in (world.state_dir / "state.toml").read_text()
    world.tmux("kill-server")
    world.start_server(load_plugin=True)
    world.helper("restore")
    panes = world.sessions()
    for pane in panes.values():
        world.respawn(pane)
    nice, secret = (panes[session] for session in sessions)
    world.wait_for(lambda: sessions[0] in codex_of(world, nice).cmdline(), 20, "the session")
    assert codex_of(world, nice).nice() == nice_of_shell(world) + 5
    wait_question(world, secret)
    assert "Codex was started by env" in world.capture(secret)
