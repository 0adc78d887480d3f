"""The walk, shortly, with the stand-in. `make soak` walks for ten minutes, `make walk` with the real Codex."""

import os
import random

from tests.soak.__main__ import walk


def test_whatever_is_done_each_pane_keeps_its_conversation() -> None:
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    made = walk(seed, 25, None, 6)
    assert len(made.history) > 3
