"""Every way to respawn a pane, with the real Codex: the conversation goes on, and nothing is said on its behalf."""

from __future__ import annotations

import pytest

from tests.support.world import Sandbox
from tests.tmux.respawn_routes_test import CONFIG, by_every_route

pytestmark = pytest.mark.codex


@pytest.mark.parametrize("killed", [True, False], ids=["dead", "living"])
def test_the_conversation_goes_on_by_every_route(sandbox: Sandbox, killed: bool) -> None:
    sandbox.start_server(load_plugin=True, config=CONFIG)
    sandbox.attach()
    by_every_route(sandbox, ("prompt", "run", "shell"), killed)
