"""tmux-continuum restores at the start of a server: nothing of ours stops it, and we are there when it has."""

import time

from tests.support.world import Sandbox
from tests.tmux.hooks_test import Counted
from tests.tmux.respawn_routes_test import Started, start

ON = "set -g @continuum-restore on"
LOOKED = 2.5
"""Seconds after which continuum has looked for other tmux clients, and has begun to restore."""


def lost(sandbox: Sandbox) -> Started:
    """A conversation that was lost with its tmux server."""
    sandbox.start_server(load_plugin=True)
    (one,) = start(sandbox, "prompt")
    sandbox.quiet()
    sandbox.end_server()
    return one


def test_the_helper_waits_until_continuum_has_looked(sandbox: Sandbox) -> None:
    """Each tmux client that it sees beside the one that started the server makes it decline."""
    lost(sandbox)
    counted = Counted(sandbox)
    sandbox.start_server(load_plugin=True, config=f"{counted.config}\n{ON}")
    time.sleep(LOOKED)
    assert counted.started() == []
    sandbox.wait_for(lambda: "restore --at-start" in counted.started(), 40, "it to look for what is lost")


def test_a_server_that_has_run_for_a_while_is_not_waited_for(sandbox: Sandbox) -> None:
    counted = Counted(sandbox)
    sandbox.start_server(config=f"{counted.config}\n{ON}")
    sandbox.wait_for(
        lambda: time.time() - int(sandbox.tmux("display-message", "-p", "#{start_time}")) > 10, 20, "its age"
    )
    begun = time.monotonic()
    sandbox.load()
    sandbox.wait_for(lambda: "restore --at-start" in counted.started(), 20, "it to look")
    assert time.monotonic() - begun < 4
