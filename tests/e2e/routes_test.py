"""Every way to respawn a pane, with the real Codex: the conversation goes on, and nothing is said on its behalf."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psutil
import pytest

from tests.support.world import Sandbox
from tests.tmux.respawn_routes_test import (
    ANY,
    CONFIG,
    DEAD_ONLY,
    FLAGS,
    Started,
    kill,
    start,
)

pytestmark = pytest.mark.codex

KINDS = ("prompt", "run", "shell")


@pytest.fixture
def world(codex_binary: str) -> Iterator[Sandbox]:
    """A private tmux server with keys bound before the plugin, the real Codex, and an attached client."""
    with Sandbox(codex_binary) as made:
        made.start_server(load_plugin=True, config=CONFIG)
        made.attach()
        yield made


def resumed(world: Sandbox, it: Started) -> list[str]:
    """The command line of another Codex than before with this session; of itself, not of npm's wrapper around it.

    The wrapper of the one before is there for a moment after it.
    """
    pid = world.codex_pid(it.pane)
    line = list(psutil.Process(pid).cmdline()) if pid != it.pid and psutil.pid_exists(pid) else []
    return line if it.session in line and os.path.basename(line[0]) == "codex" else []


@pytest.mark.parametrize("killed", [True, False], ids=["dead", "living"])
def test_the_conversation_goes_on_by_every_route(world: Sandbox, killed: bool) -> None:
    """The kinds of panes take turns: each comes back again and again, by another route each time."""
    panes = dict(zip(KINDS, start(world, *KINDS), strict=True))
    said = {kind: [it.first] for kind, it in panes.items()}
    routes = {**ANY, **DEAD_ONLY} if killed else ANY
    for number, (name, respawn) in enumerate(routes.items()):
        kind = KINDS[number % (2 if name in DEAD_ONLY else 3)]  # a shell is never dead
        it = panes[kind]._replace(pid=world.codex_pid(panes[kind].pane))
        turns = len(world.model.requests)
        if killed:
            kill(world, it)
        respawn(world, it.pane)
        line = world.wait_for(lambda it=it: resumed(world, it), 20, f"{name}: codex resume {it.session}")  # type: ignore[misc]
        assert tuple(line[line.index("resume") - len(FLAGS) :]) == (*FLAGS, "resume", it.session), name
        said[kind].append(f"behind {name}")
        assert world.ask(it.pane, said[kind][-1]).messages == tuple(said[kind]), name
        assert [r.last for r in world.model.requests[turns:]] == said[kind][-1:], f"{name}: sent by itself"
    assert "1" not in world.tmux("list-panes", "-a", "-F", "#{pane_in_mode}").split()
