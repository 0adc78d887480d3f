"""What a key press says: whole on 80 columns, long enough to be read, and in `prefix ~`."""

import time

import pytest

from tests.support.screen import Screen
from tests.support.world import Sandbox

READ = {"R": 3.5, "P": 1.5, "N": 1.5}
"""Seconds after which a key's message is there still; tmux's own default is 0.75. One function says all of them."""


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
        for key, seconds in READ.items():
            screen.keys("C-b", key)
            screen.wait(SAID[key])
            began = time.monotonic()
            while time.monotonic() < began + seconds:
                assert SAID[key] in screen.text()
                time.sleep(0.25)
            if key != "R":  # it goes by itself, or with the next key
                screen.keys("x")
            screen.wait_gone(SAID[key], 6)
            assert f"message: {SAID[key]}" in world.tmux("show-messages", "-t", client), "what prefix ~ shows"


def test_the_users_longer_display_time_stays(world: Sandbox) -> None:
    world.tmux("set-option", "-g", "display-time", "0")
    with Screen(world, width=80) as screen:
        screen.keys("C-b", "R")
        screen.wait(SAID["R"])
        time.sleep(5)  # longer than any message of this length stays by itself
        assert SAID["R"] in screen.text(), "0: until a key is pressed"
        screen.keys("x")
        screen.wait_gone(SAID["R"])
