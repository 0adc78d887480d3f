"""`codex-tmux next` moves a real client, with a stand-in for Codex's daemon."""

import os
import signal
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.support.fake_daemon import ANSWER, APPROVAL, IDLE, WORKING, FakeDaemon
from tests.support.world import Sandbox

PREFIX = b"\x02"


class World(NamedTuple):
    sandbox: Sandbox
    daemon: FakeDaemon
    shell: str
    panes: tuple[str, str, str]
    """In `main`, in a split of that same window, and in another tmux session."""

    def statuses(self, *statuses: object) -> None:
        """What the daemon says of the three, in their order."""
        sessions = [self.sandbox.bound(pane) for pane in self.panes]
        self.daemon.threads = dict(zip(sessions, statuses))

    def shown(self) -> str:
        """The pane in front of the client."""
        return self.sandbox.tmux("list-clients", "-F", "#{pane_id}")

    def next(self, *args: str) -> str:
        """What `codex-tmux next` says, once the daemon has answered: on a busy machine it may be too slow at first."""
        client = self.sandbox.tmux("list-clients", "-F", "#{client_name}")

        def said() -> str:
            done = self.sandbox.helper_result("next", "-c", client, *args)
            text = done.stdout.strip() or f"{done.returncode}: {done.stderr.strip()}"
            return "" if "(3 gave no answer)" in text else text

        return self.sandbox.wait_for(said, 20, "the daemon's answer")


@pytest.fixture
def world(sandbox: Sandbox) -> Iterator[World]:
    shell = sandbox.start_server(load_plugin=True)
    first = sandbox.new_pane()
    second = sandbox.pane_by("split-window", "-d", "-t", first, "codex")
    third = sandbox.pane_by("new-session", "-d", "-s", "other", "codex")
    for pane, words in zip((first, second, third), ("one", "two", "three")):
        sandbox.ask(pane, words)
    sandbox.attach()
    with FakeDaemon(sandbox.codex_home) as daemon:
        yield World(sandbox, daemon, shell, (first, second, third))


def test_round_all_that_wait_over_windows_and_tmux_sessions(world: World) -> None:
    first, second, third = world.panes
    world.statuses(IDLE, WORKING, IDLE)
    assert world.next() == "1: codex-tmux: no conversation needs you, and none is unread"
    assert world.shown() == world.shell
    world.statuses(APPROVAL, ANSWER, APPROVAL)
    seen = []
    for _ in range(4):
        said = world.next()
        seen.append((world.shown(), said))
    assert [pane for pane, _ in seen] == [first, second, third, first]
    assert seen[0][1] == "needs approval (2 more need you): one"
    assert seen[1][1] == "needs an answer (2 more need you): two"
    # Who does not wait is passed over.
    world.statuses(IDLE, WORKING, ANSWER)
    for _ in range(2):
        assert world.next() == "needs an answer: three"
        assert world.shown() == third
    # Those that cannot be asked are mentioned.
    world.statuses(IDLE)
    assert "gave no answer" in world.next()


def test_a_dead_pane_whose_work_waits(world: World) -> None:
    world.statuses(IDLE, IDLE, APPROVAL)
    os.kill(world.sandbox.codex_pid(world.panes[2]), signal.SIGKILL)
    world.sandbox.wait_state(world.panes[2], "dead")
    assert world.next() == "needs approval: three"
    assert world.shown() == world.panes[2]


def test_by_its_key(world: World) -> None:
    world.statuses(IDLE, ANSWER, IDLE)
    client = world.sandbox.clients[0]

    def press() -> None:
        """Again and again: a busy daemon may be slower than `next` waits."""
        client.send(PREFIX + b"N")

    world.sandbox.wait_for(lambda: world.shown() == world.panes[1], 20, "the client to be there", press)
    world.sandbox.quiet()
    world.statuses(IDLE, IDLE, IDLE)
    world.sandbox.wait_for(lambda: b"no conversation needs you" in client.output, 20, "the message", press)
    assert "1" not in world.sandbox.tmux("list-panes", "-a", "-F", "#{pane_in_mode}").split()


def test_a_key_of_the_users_is_taken_only_by_the_option_and_given_back(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True, config="bind-key N display-message theirs")
    plugin = os.path.join(sandbox.option("@codex_dir"))
    assert "theirs" in sandbox.binding("N")
    sandbox.tmux("set-option", "-g", "@codex-next-key", "N", ";", "run-shell", f"{plugin}/codex.tmux")
    assert "next --from-key" in sandbox.binding("N")
    assert "respawn --from-key" in sandbox.binding("R")
    # Bound anew by hand: the next load takes the key again, and gives back what was bound last.
    sandbox.tmux("bind-key", "N", "display-message", "theirs now", ";", "run-shell", f"{plugin}/codex.tmux")
    assert "next --from-key" in sandbox.binding("N")
    sandbox.tmux("set-option", "-gu", "@codex-next-key", ";", "run-shell", f"{plugin}/codex.tmux")
    assert "theirs now" in sandbox.binding("N")
    sandbox.tmux("run-shell", f"{plugin}/plugin/unload")
    assert "--from-key" not in sandbox.tmux("list-keys")
    assert "theirs now" in sandbox.binding("N")


def test_without_a_client_it_still_moves_the_window(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True)
    pane = sandbox.new_pane()
    sandbox.ask(pane, "one")
    with FakeDaemon(sandbox.codex_home) as daemon:
        daemon.threads = {sandbox.bound(pane): ANSWER}
        assert sandbox.wait_for(lambda: sandbox.helper("next"), 20, "its answer") == "needs an answer: one\n"
    assert sandbox.tmux("display-message", "-p", "-t", "main:", "#{pane_id}") == pane
