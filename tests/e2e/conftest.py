"""What the tests with the real Codex share."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.support.world import Sandbox


@contextlib.contextmanager
def attached(codex: str, title: bool = True) -> Iterator[Sandbox]:
    """A private tmux server with the plugin, this Codex, and an attached client; `title`: set up by `setup`."""
    with Sandbox(codex, title=title) as made:
        made.start_server(load_plugin=True)
        made.attach()
        yield made


@pytest.fixture
def world(codex_binary: str) -> Iterator[Sandbox]:
    """A private tmux server with the plugin, the real Codex, and an attached client."""
    with attached(codex_binary) as made:
        yield made
