"""Many processes update one state file at once: `make crowd`. No update is lost, and none waits for good."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time

from codex_tmux.state import store
from tests.unit.store_test import record

WAIT = 60.0
"""Seconds within which each gets its turn: without fairness, and with a disk that takes its time."""


def update(process: int, updates: int) -> None:
    """Count up this process's own record, as a sync changes one: each update rests on the one before."""
    for number in range(1, updates + 1):
        with store.lock(wait=WAIT):
            records = store.load()
            mine = [r for r in records if r.pane == f"%{process}"]
            if [r.window for r in mine] != [number - 1] * bool(mine) or (number > 1 and not mine):
                sys.exit(f"process {process}: update {number - 1} is lost: {mine}")
            others = tuple(r for r in records if r not in mine)
            new = (*others, record(process, window=number))
            store.save(new)


def crowd(processes: int, updates: int) -> float:
    """Let `processes` make `updates` each; how many seconds that took. Raises AssertionError where one is lost."""
    began = time.monotonic()
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=update, args=(i, updates)) for i in range(1, processes + 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(600)
    assert [w.exitcode for w in workers] == [0] * processes
    with store.lock():
        found = {r.pane: r.window for r in store.load()}
    assert found == {f"%{i}": updates for i in range(1, processes + 1)}, found
    return time.monotonic() - began


def main() -> int:
    """Run it, and print how long it took."""
    parser = argparse.ArgumentParser(prog="python -m tests.crowd", description=__doc__)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--updates", type=int, default=500)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        os.environ["CODEX_TMUX_STATE_DIR"] = directory
        took = crowd(args.processes, args.updates)
    print(f"{args.processes} processes × {args.updates} updates in {took:.1f} s: none was lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
