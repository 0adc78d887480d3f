"""A client in control mode (`tmux -CC`) while Codexes die and come back: most versions of tmux can end with that."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from codex_tmux.sleeping.remain_on_exit import FAILED, OFF
from codex_tmux.tmux import control_mode
from codex_tmux.tmux.clients import Client, clients
from codex_tmux.tmux.control_mode import CLOSE, precaution, respawn
from codex_tmux.tmux.server import RESPAWN_PANE, Server
from tests.deaths import kill_and_respawn
from tests.support.world import Sandbox


@contextmanager
def control_client(sandbox: Sandbox, reads: bool = True) -> Iterator[IO[bytes]]:
    """A client in control mode, which reads what it is told, or does not; its standard input."""
    argv = sandbox.tmux_args("-C", "attach-session", "-t", "main")
    client = subprocess.Popen(argv, env=sandbox.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert client.stdin
    assert client.stdout
    if reads:
        threading.Thread(target=client.stdout.read, daemon=True).start()
    with client:
        try:
            yield client.stdin
        finally:
            client.kill()


def test_codexes_die_and_come_back_before_a_client_in_control_mode(world: Sandbox) -> None:
    version = world.tmux("display-message", "-p", "#{version}")
    said = precaution(version, in_control_mode=True)
    panes = [world.talk(f"hello {number}", "codex-tmux run")[0] for number in range(6)]
    with control_client(world):
        world.wait_for(lambda: world.option("@codex_control") == said, 20, f"the server to say {said!r}")
        kept = OFF if said == CLOSE else FAILED
        for pane in panes:
            world.wait_format(pane, "#{remain-on-exit}", kept)
        if said == CLOSE:
            world.kill(closing := panes.pop())
            world.wait_for(lambda: closing not in world.rows(), 20, "the pane to close")
        else:
            kill_and_respawn(world, 40)
    for pane in panes:
        world.wait_format(pane, "#{remain-on-exit}", FAILED)


def test_one_that_has_just_gone_leaves_none_behind_that_lags(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.start_server()
    said = precaution(sandbox.tmux("display-message", "-p", "#{version}"), in_control_mode=True)
    if said == CLOSE:
        pytest.skip("no pane is kept there")
    sandbox.tmux("set-option", "-g", "remain-on-exit", "on", ";", "set-option", "-g", "@codex_control", "1")
    gone: list[Client] = []

    def as_they_were(server: Server) -> list[Client]:
        return [*(gone.pop() for _ in gone[:]), *clients(server)]

    monkeypatch.setattr(control_mode, "clients", as_they_were)
    server = Server(str(sandbox.socket))
    sandbox.attach()  # with nobody but clients that do not read, tmux reads nothing either
    with control_client(sandbox, reads=False):
        sandbox.wait_for(lambda: len(clients(server)) == 2, 20, "the client to attach")
        pane = sandbox.new_pane("seq 1 20000")
        for _ in range(3):
            sandbox.wait_dead(pane)
            gone.append(Client("gone", "", 0, 0, True))
            respawn(server, pane, [[RESPAWN_PANE, "-t", pane]])
        sandbox.wait_dead(pane)


def test_nothing_is_said_of_one_that_has_gone_where_the_last_codex_went_before(world: Sandbox) -> None:
    said = precaution(world.tmux("display-message", "-p", "#{version}"), in_control_mode=True)
    pane, _ = world.talk("hello", "codex-tmux run")
    with control_client(world):
        world.wait_for(lambda: world.option("@codex_control") == said, 20, f"the server to say {said!r}")
        world.tmux("kill-pane", "-t", pane)
        world.quiet()
    world.wait_for(lambda: not world.option("@codex_control"), 20, "the server to say nothing")


def test_a_respawn_by_hand_ends_no_tmux_without_the_plugin_either(world: Sandbox) -> None:
    pane, _ = world.talk("hello", "codex-tmux run")
    world.unload()
    world.attach()
    with control_client(world, reads=False):
        world.wait_for(lambda: len(world.tmux("list-clients").splitlines()) == 2, 20, "the client to attach")
        Path(world.format(pane, "#{pane_tty}")).write_text("much that it does not read\r\n" * 5000)
        world.helper("respawn", "--force", "-t", pane)
        world.wait_text(pane, "hello")
