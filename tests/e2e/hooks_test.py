"""Many events at once, of real Codexes: what is started for them, and that each conversation is still its pane's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.world import Sandbox
from tests.tmux.hooks_test import Counted, all_die, spin

pytestmark = pytest.mark.codex


@pytest.fixture
def counted(codex_binary: str) -> Iterator[Counted]:
    """A private tmux server with the plugin, the real Codex, and a helper that counts its starts."""
    with Sandbox(codex_binary) as sandbox:
        made = Counted(sandbox)
        sandbox.start_server(load_plugin=True, config=made.config)
        yield made


def test_a_spinner_starts_no_process(counted: Counted) -> None:
    pane = counted.sandbox.new_pane("codex")
    counted.sandbox.ask(pane, "hello")
    spin(counted, pane, counted.sandbox.bound(pane))


def test_a_dozen_die_within_a_second_and_come_back(counted: Counted) -> None:
    panes = all_die(counted, 12, "hello")
    for pane in (panes[0], panes[-1]):
        counted.sandbox.tmux("respawn-pane", "-t", pane)
        assert counted.sandbox.ask(pane, "and again").messages == ("hello", "and again")
