"""The plugin has moved, or was replaced by a newer one: what sleeps still comes back by any respawn."""

import shlex
from pathlib import Path

import pytest

from codex_tmux.state.launch import LAY
from codex_tmux.state.start_command import shell_words
from tests.support.world import Sandbox
from tests.tmux.respawn_routes_test import asleep, start, wait_resumed
from tests.unit.tmux_parse_test import former_stored


def helper_in(sandbox: Sandbox, name: str) -> Path:
    """A helper in a directory of its own, that goes when its checkout does."""
    directory = sandbox.root / name
    directory.mkdir()
    helper = directory / "codex-tmux"
    helper.write_text(f'#!/bin/sh\nexec {sandbox.bin}/codex-tmux "$@"\n')
    helper.chmod(0o700)
    return helper


def move(sandbox: Sandbox, old: Path) -> None:
    """The checkout moves, and the plugin is loaded from where it is now."""
    new = sandbox.root / "moved"
    old.parent.rename(new)
    sandbox.tmux("set-option", "-g", "@codex-tmux-bin", str(new / "codex-tmux"))
    sandbox.load()
    sandbox.quiet()


def command(sandbox: Sandbox, pane: str) -> str:
    return sandbox.format(pane, "#{pane_start_command}")


@pytest.fixture
def old(sandbox: Sandbox) -> Path:
    made = helper_in(sandbox, "old")
    sandbox.start_server(load_plugin=True, config=f"set -g @codex-tmux-bin {made}")
    return made


def test_a_sleeping_pane_is_laid_anew(sandbox: Sandbox, old: Path) -> None:
    one = asleep(sandbox)
    sandbox.quiet()
    assert str(old) in command(sandbox, one.pane)
    shown = sandbox.shown(one.pane)
    move(sandbox, old)
    sandbox.wait_asleep(one.pane)
    assert str(old) not in command(sandbox, one.pane)
    # tmux draws the hint once it knows how the process ended.
    sandbox.wait_for(
        lambda: sandbox.shown(one.pane) == shown,
        20,
        f"the pane to show what it showed:\n{shown}",
    )
    sandbox.respawn(one.pane)
    wait_resumed(sandbox, one)
    assert sandbox.ask(one.pane, "again").messages == (one.first, "again")


def test_a_restored_pane_wakes_when_it_is_shown(sandbox: Sandbox, old: Path) -> None:
    (one,) = start(sandbox, "prompt")
    sandbox.quiet()
    sandbox.end_server()
    config = f"set -g @codex-tmux-bin {old}\nset -g @codex-restore off"
    sandbox.start_server(load_plugin=True, config=config)
    sandbox.attach()
    sandbox.helper("restore")
    pane = sandbox.sessions()[one.session]
    # tmux draws it once it knows how the process ended, a moment after the restore.
    sandbox.wait_for(lambda: sandbox.shown(pane)[-1].endswith("wakes when shown"), 20, "the hint to be drawn")
    said = sandbox.shown(pane)
    move(sandbox, old)
    sandbox.wait_for(lambda: sandbox.shown(pane) == said, 20, f"the pane to show {said!r}")
    sandbox.tmux("select-window", "-t", pane)
    refusal = sandbox.refused("respawn", "-t", pane)
    assert "just starting Codex" in refusal or "Codex is running" in refusal, (
        "its own Codex is no other program"
    )
    wait_resumed(sandbox, one._replace(pane=pane))


def test_a_pane_that_sleeps_since_the_former_version_resumes(sandbox: Sandbox) -> None:
    """Its stored command names files of that version, which the upgrade has removed."""
    sandbox.start_server(load_plugin=True)
    one = asleep(sandbox)
    sandbox.quiet()
    stored = command(sandbox, one.pane)
    former = former_stored(str(sandbox.bin / "codex-tmux"), shlex.join(shell_words(stored)[1:]))
    sandbox.tmux("respawn-pan", "-t", one.pane, "-e", f"{LAY}==", *shell_words(former))
    sandbox.wait_asleep(one.pane)
    sandbox.helper("sync", "--settle")
    assert "hook.py" in command(sandbox, one.pane), "the upgrade changed nothing about it"
    sandbox.respawn(one.pane)
    wait_resumed(sandbox, one)
    assert sandbox.ask(one.pane, "again").messages == (one.first, "again")
