"""Whose record is it: a socket that was removed, a second host with the same home."""

import contextlib
import json
import os
import re

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
    assert world.format(pane, "#{@codex_session}") == session
    assert world.ask(pane, "second").messages == ("first", "second")


def moved_to_another_host(world: Sandbox) -> None:
    """Every record is of a tmux server of another machine with the same home, as far as the file tells."""
    path = world.state_dir / "state.toml"
    text = re.sub(
        r'(?<=^epoch = ")\w+\.(\d*)\.\w+', r"aaaaaaaaaaaa.\1.bbbbbbbbbbbb", path.read_text(), flags=re.M
    )
    path.write_text(text)


def test_another_host_with_the_same_home_is_shown_and_left_alone(world: Sandbox) -> None:
    pane, session = world.talk("first")
    codex = world.codex_pid(pane)
    world.quiet()
    world.end_server()
    ended(codex)
    moved_to_another_host(world)
    before = world.stored()
    world.start_server(load_plugin=True, config="set -g @codex-restore off")
    world.helper("sync")
    assert world.stored() == before, "it may still run there"
    assert world.records()[session]["server_is"] == "elsewhere"
    assert "@another host" in world.helper("list")
    assert "0 " not in world.helper("status")
    assert restored(world) == []
    planned = json.loads(world.helper("restore", "--json", "--force", "--dry-run"))["results"]
    assert [r["session_id"] for r in planned] == [session]
    assert world.stored() == before
    assert restored(world, "--force") == ["waiting"]
    assert world.records()[session]["server_is"] is None
