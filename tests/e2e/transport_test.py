"""Real Codex at the far end of a real ssh, and real Codex here with its own app-server elsewhere."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.far_end import far_end, kill_root, wait_bound
from tests.support.world import Sandbox

pytestmark = pytest.mark.codex


@pytest.fixture
def world(sandbox: Sandbox) -> Sandbox:
    sandbox.start_server(load_plugin=True)
    return sandbox


def test_ssh_killed_and_respawned_the_same_conversation_goes_on(world: Sandbox) -> None:
    with far_end(world) as far:
        pane = world.new_pane(shlex.join([*far.ssh_t, "cd src && codex -m mock-model 'first words'"]))
        world.wait_text(pane, "turn 1 |", 30)
        session = world.model.turns_with("first words")[0].session_id
        wait_bound(world, pane, session)
        row = world.rows()[pane]
        assert (row["evidence"], row["exact"], row["status"]) == ("title", True, "live")
        assert (row["session_id"], row["session_prefix"]) == (None, session[:29])
        assert (row["transport"]["kind"], row["transport"]["target"], row["paste"]) == ("ssh", "far", None)
        assert row["flags"] == ["-m", "mock-model"]
        # /new there, followed by its title alone.
        world.type(pane, "/new")
        world.wait_for(
            lambda: not session.startswith(world.format(pane, "#{@codex_session}")), 20, "another session"
        )
        session = world.ask(pane, "anew").session_id
        wait_bound(world, pane, session)
        kill_root(world, pane)
        turns = len(world.model.requests)
        world.respawn(pane)
        world.wait_text(pane, "turn 1 |", 30)
        request = world.ask(pane, "on")
        assert (request.session_id, request.messages) == (session, ("anew", "on"))
        assert [r.last for r in world.model.requests[turns:]] == ["on"], "nothing was sent by itself"
        assert world.rows()[pane]["session_id"] == session
        assert not list(world.codex_home.glob("sessions/**/*.jsonl")), "all of it was there, nothing here"


@contextmanager
def app_server(world: Sandbox, home: Path) -> Iterator[str]:
    """A real app-server with a Codex home of its own; its address."""
    log = home / "app-server.log"
    with open(log, "w") as stderr:
        server = subprocess.Popen(
            [str(world.bin / "codex"), "app-server", "--listen", "ws://127.0.0.1:0"],
            env={**world.env, "CODEX_HOME": str(home)},
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd=world.work,
        )
    try:
        address = re.compile(r"ws://127\.0\.0\.1:[1-9]\d*")
        yield world.wait_for(lambda: address.search(log.read_text()), 20, "the app-server to listen")[0]
    finally:
        server.terminate()
        server.wait(10)


def test_a_session_of_another_app_server_is_resumed_there(world: Sandbox) -> None:
    home = world.new_home("elsewhere")
    with app_server(world, home) as address:
        pane = world.new_pane("codex", "--remote", address, "-m", "mock-model")
        session = world.ask(pane, "first words").session_id
        wait_bound(world, pane, session)
        kill_root(world, pane)
        world.respawn(pane)
        request = world.ask(pane, "second")
        assert (request.session_id, request.messages) == (session, ("first words", "second"))
        row = world.rows()[pane]
        assert (row["session_id"], row["flags"]) == (session, ["--remote", address, "-m", "mock-model"])
        assert not list(world.codex_home.glob("sessions/**/*.jsonl"))
        kill_root(world, pane)
    # Its server gone, Codex itself says so; the session stays the pane's.
    world.respawn(pane)
    world.wait_dead(pane)
    world.wait_asleep(pane)
    assert world.format(pane, "#{@codex_session}") == session
