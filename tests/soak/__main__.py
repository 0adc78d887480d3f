"""`python -m tests.soak`: walk for a while; prints the seed, and what was wrong with every step up to it."""

import argparse
import os
import sys
import time
from collections import Counter

from tests.soak.walk import Walk
from tests.support.world import Sandbox


def walk(seed: int, seconds: float, codex: str | None, most_panes: int, show: bool = False) -> Walk:
    """Walk for that long. Raises what was wrong, with the way there, the log and the screens."""
    with Sandbox(codex) as sandbox:
        made = Walk(sandbox, seed, most_panes)
        try:
            made.begin()
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                made.step()
                if show:
                    print(f"{len(made.history):4} {made.history[-1]}", flush=True)
        except Exception as e:
            log = sandbox.state_dir / "log"
            way = "\n".join(f"{n:4} {said}" for n, said in enumerate(made.history, 1))
            text = log.read_text() if log.exists() else "(none)"
            state = sandbox.state_dir / "state.toml"
            held = state.read_text() if state.exists() else "(none)"
            raise AssertionError(
                f"the state file:\n{held}\nthe log:\n{text}\n{sandbox.screens()}\n"
                f"seed {seed}, after:\n{way}\nwrong: {e}\nagain: python -m tests.soak --seed {seed}"
            ) from e
        return made


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--real", metavar="CODEX", help="with this real Codex, not the stand-in")
    parser.add_argument("--panes", type=int, default=9)
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    made = walk(args.seed, args.seconds, args.real, args.panes, show=True)
    counted = Counter(said.split()[0] for said in made.history)
    print(f"{len(made.history)} steps, all well: {dict(counted.most_common())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
