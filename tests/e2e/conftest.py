"""What the tests with the real Codex share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from codex_tmux.sandbox import Sandbox


@pytest.fixture
def world(codex_binary: str) -> Iterator[Sandbox]:
    """A private tmux server with the plugin, the real Codex, and an attached client."""
    with Sandbox(codex_binary) as made:
        made.start_server(load_plugin=True)
        made.attach()
        yield made
