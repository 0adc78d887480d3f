"""What a key press says: whole on 80 columns, long enough to be read, and in `prefix ~`."""

import time

import pytest

from tests.support.screen import Screen
from tests.support.world import Sandbox


@pytest.fixture
def world(sandbox: Sandbox) -> Sandbox:
    sandbox.start_server(load_plugin=True, width=80, config="set -g @codex-next-key N")
    sandbox.wait_for(lambda: "pick --from-key" in sandbox.tmux("list-keys"), 20, "the keys")
    return sandbox


SAID = {
    "R": "codex-tmux: no Codex has run in pane %0",
    "P": "codex-tmux: no conversations yet: start codex, and say something to it",
    "N": "codex-tmux: no conversation needs you",
}


def test_it_can_be_read(world: Sandbox) -> None:
    with Screen(world, width=80) as screen:
        client = world.tmux("list-clients", "-F", "#{client_name}")
        for key, said in SAID.items():
            screen.keys("C-b", key)
            screen.wait(said)
            time.sleep(1.5)  # tmux's own default is 0.75
            assert said in screen.text()
            if key != "R":  # it goes by itself, or with the next key
                screen.keys("x")
            screen.wait_gone(said, 6)
            assert f"message: {said}" in world.tmux("show-messages", "-t", client), "what prefix ~ shows"
