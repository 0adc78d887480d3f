"""With the real Codex: a change of session and a death right after it."""

from __future__ import annotations

import os
import signal
import time

import pytest

from codex_tmux.codex.session_id import find_id
from tests.e2e.keep_test import option
from tests.support.world import Sandbox

pytestmark = pytest.mark.codex


@pytest.mark.parametrize("after", [0.0, 0.1])
def test_a_fork_that_is_killed_at_once_is_what_comes_back(world: Sandbox, after: float) -> None:
    pane = world.new_pane()
    world.ask(pane, "one")
    parent = world.bound(pane)

    def shown() -> str:
        found = find_id(world.format(pane, "#{pane_title}"))
        return "" if parent.startswith(found) else found

    # Two syncs within a second: the one that the new title starts has to wait.
    for _ in range(2):
        world.helper("sync")
    world.type(pane, "/fork")
    fork = world.wait_for(shown, 20, "the fork's title")
    codex = world.codex_pid(pane)
    time.sleep(after)
    os.kill(codex, signal.SIGKILL)
    world.wait_asleep(pane)
    world.wait_for(lambda: option(world, pane, "@codex_session").startswith(fork), 10, "the fork to be known")
    world.tmux("respawn-pane", "-t", pane)
    request = world.ask(pane, "two")
    assert request.messages == ("one", "two")
    assert request.session_id.startswith(fork)
