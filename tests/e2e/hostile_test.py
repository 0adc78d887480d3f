"""A title and a directory made to run something, with the real Codex: nothing runs, the conversation goes on."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.keep_test import kill_codex, no_view_mode, rows, wait_asleep, wait_bound
from tests.support.world import Sandbox

pytestmark = pytest.mark.codex

TITLE = "$(touch pwned)`touch pwned`#(touch pwned) | 01a201da-7561-7551-a7df-a07aa..."
DIRECTORY = "a\nb; touch pwned; `touch pwned` $(touch pwned) #{pane_id} #(touch pwned)"


@pytest.fixture
def world(codex_binary: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A private tmux server with the plugin and the real Codex; tmux runs what it is made to run in `root`."""
    with Sandbox(codex_binary) as made:
        monkeypatch.chdir(made.root)
        made.start_server(load_plugin=True)
        made.attach()
        yield made


def test_a_title_and_a_directory_that_want_to_run_something(world: Sandbox) -> None:
    cwd = world.make_dir(DIRECTORY)
    pane = world.new_pane(f"cd {shlex.quote(str(cwd))} && exec codex 'begin'")
    world.wait_for(lambda: "turn 1 |" in world.capture(pane), 20, "the first answer")
    session = wait_bound(world, pane)
    bystander = world.new_pane("cat")
    for target in (bystander, pane):
        with open(world.format(target, "#{pane_tty}"), "w") as terminal:
            terminal.write(f"\x1b]0;{TITLE}\x07")
    world.wait_for(lambda: world.format(bystander, "#{pane_title}") == TITLE, 5, "the title")
    world.helper("sync")
    assert bystander not in rows(world), "a title alone proves nothing"
    # Codex sets its own title again with the next turn.
    assert world.ask(pane, "second").messages == ("begin", "second")
    world.wait_for(
        lambda: pane in rows(world) and rows(world)[pane]["session_id"] == session, 10, "its own session"
    )
    for again in ("third", "fourth"):
        kill_codex(world, pane, "SIGKILL")
        wait_asleep(world, pane)
        world.tmux("respawn-pane", "-t", pane)
        assert world.ask(pane, again).last == again
        assert os.readlink(f"/proc/{world.codex_pid(pane)}/cwd") == str(cwd)
    assert world.model.requests[-1].messages == ("begin", "second", "third", "fourth")
    assert rows(world)[pane]["session_id"] == session
    found = [
        p
        for top in (world.root, world.short, Path("/"), Path.home())
        for p in top.glob("**/pwned" if top != Path("/") else "pwned")
    ]
    assert not found
    no_view_mode(world)
