"""The walk, shortly: with the stand-in, embedded and through its shared server. `make soak` walks for ten minutes."""

import os
import random

import pytest

from tests.soak.__main__ import walk


@pytest.mark.parametrize("daemon", [False, True], ids=["embedded", "daemon"])
def test_whatever_is_done_each_pane_keeps_its_conversation(daemon: bool) -> None:
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    made = walk(seed, 20, None, daemon, 6)
    assert len(made.history) > 3
