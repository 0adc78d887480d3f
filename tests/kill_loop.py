"""Kill what writes the state file at random moments, thousands of times: `make kill-loop`.

After each kill the file must read as it was before or after the update under way, and hold every update that was
acknowledged. A kill loses nothing that the kernel already has; `tests/unit/power_loss_test.py` is about that.
"""

from __future__ import annotations

import argparse
import os
import random
import select
import signal
import struct
import sys
import tempfile
import time
from pathlib import Path

from codex_tmux.state import store
from codex_tmux.state.records import Record
from tests.support.world import Sandbox
from tests.unit.store_test import record

BYSTANDERS = 4
"""Records that no update touches."""
LATEST = 3.0
"""A writer is killed this many times as long after its start as two saves take, at the latest."""
EVERY_BROKEN = 10
"""One in so many writers finds a broken file, so that its mending is killed too."""


class Lost(Exception):
    """The state file is not what it must be."""


def records_with(number: int) -> tuple[Record, ...]:
    """The records after update `number`: some that stay, one that counts, one that is of this update alone."""
    stay = tuple(record(i) for i in range(1, BYSTANDERS + 1))
    return (*stay, record(100, window=number), record(1000 + number, status="ended"))


def write_for_ever(acknowledge: int) -> None:
    """Update as a sync does, telling each number once it is on the disk."""
    while True:
        with store.lock():
            number = number_of(store.load()) + 1
            store.save(records_with(number))
            os.write(acknowledge, struct.pack("q", number))


def number_of(records: tuple[Record, ...]) -> int:
    """The update after which the records are these. Raises Lost where they are those after none."""
    numbers = [r.window for r in records if r.pane == "%100"]
    if len(numbers) != 1 or records != records_with(numbers[0]):
        raise Lost(f"the file holds {len(records)} records that no update wrote")
    return numbers[0]


def kill_a_writer(within: float) -> int:
    """Start a writer and kill it within so many seconds; returns the last number that it acknowledged, 0 for none."""
    read_end, write_end = os.pipe()
    writer = os.fork()
    if writer == 0:
        try:
            os.close(read_end)
            write_for_ever(write_end)
        finally:
            os._exit(1)
    os.close(write_end)
    time.sleep(within)
    os.kill(writer, signal.SIGKILL)
    if os.WTERMSIG(os.waitpid(writer, 0)[1]) != signal.SIGKILL:
        raise Lost("the writer ended by itself")
    acknowledged = b""
    while select.select([read_end], [], [], 0)[0] and (chunk := os.read(read_end, 1 << 16)):
        acknowledged += chunk
    os.close(read_end)
    return int(struct.unpack("q", acknowledged[-8:])[0]) if acknowledged else 0


def kill_loop(count: int, chance: random.Random) -> dict[str, int]:
    """Kill `count` writers, looking at the file after each; what happened, in numbers. Raises Lost."""
    directory = Path(os.environ["CODEX_TMUX_STATE_DIR"])
    with store.lock():
        store.save(records_with(1))
    seen = 1
    took = 0.0
    found = {"kills": 0, "updates": 0, "killed within an update": 0, "killed while mending": 0}
    for turn in range(count):
        broken = turn % EVERY_BROKEN == 0
        if broken:
            began = time.monotonic()
            with store.lock():
                store.save(records_with(seen))
                store.save(records_with(seen))  # the last good one is the same
            took = time.monotonic() - began
            (directory / store.NAME).write_bytes(b"version = 1\n[[panes")
        acknowledged = max(kill_a_writer(chance.uniform(0, LATEST * took)), seen)
        mended = not broken or b"[[panes" not in (directory / store.NAME).read_bytes()[-8:]
        number = number_of(store.peek())
        if not acknowledged <= number <= acknowledged + 1:
            raise Lost(f"update {acknowledged} was acknowledged, and the file is that of {number}")
        found["kills"] += 1
        found["updates"] += number - seen
        found["killed within an update"] += number != acknowledged
        found["killed while mending"] += not mended
        seen = number
        # The kernel has let go of a dead writer's lock, and what it left is no hindrance.
        with store.lock(wait=5):
            if number_of(store.load()) != number:
                raise Lost("the next one to load finds another state")
    for aside in directory.glob("*.broken-*"):
        if aside.read_bytes() != b"version = 1\n[[panes":
            raise Lost(f"{aside} is no file that was broken")
    with store.lock():
        store.save(records_with(seen + 1))
    litter = [p.name for p in directory.glob(".*")]
    if litter:
        raise Lost(f"left behind: {litter}")
    return found


def kill_syncs(count: int, chance: random.Random) -> int:
    """Kill `count` real syncs of a real tmux server at random moments; how many had saved. Raises Lost."""
    saved = 0
    with Sandbox() as sandbox:
        os.environ["CODEX_TMUX_STATE_DIR"] = str(sandbox.state_dir)
        sandbox.start_server(load_plugin=True)
        pane = sandbox.new_pane("codex hello")
        sandbox.wait_for(lambda: sandbox.format(pane, "#{@codex_session}"), 20, "a session")
        (before,) = sandbox.wait_for(lambda: [r for r in store.peek() if r.pane == pane], 10, "its record")
        # No hook shall sync of itself meanwhile.
        sandbox.tmux("set-option", "-g", "@codex_sync", ":")
        environment = {
            **sandbox.env,
            "TMUX": f"{sandbox.socket},{sandbox.tmux('display-message', '-p', '#{pid}')},0",
        }
        helper = [str(sandbox.bin / "codex-tmux"), "sync"]
        times = Path(lock_times(sandbox))
        times.unlink(missing_ok=True)  # with it, a sync would pause for a burst
        began = time.monotonic()
        os.waitpid(os.posix_spawn(helper[0], helper, environment), 0)
        whole = time.monotonic() - began
        for number in range(count):
            times.unlink(missing_ok=True)
            sandbox.tmux("rename-window", "-t", pane, f"name-{number}")
            pid = os.posix_spawn(helper[0], helper, environment)
            time.sleep(chance.uniform(0, 2.5 * whole))
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            (after,) = store.peek()
            new = before._replace(window_name=f"name-{number}", updated_at=after.updated_at)
            if after not in (before, new):
                raise Lost(f"after a killed sync: {after}")
            saved += after == new
            before = after
        sandbox.helper("sync")
        (last,) = store.peek()
        if last.window_name != f"name-{count - 1}":
            raise Lost("the sync after all those killed saved nothing")
    return saved


def lock_times(sandbox: Sandbox) -> str:
    """The file in which syncs of this tmux server note when they began."""
    from codex_tmux.sync import times_path
    from codex_tmux.tmux import Server

    return times_path(Server(str(sandbox.socket)))


def main() -> int:
    """Run what was asked for, and print what happened; 1 where something was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.kill_loop", description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="writers to kill")
    parser.add_argument("--syncs", type=int, default=200, help="real syncs to kill")
    parser.add_argument("--seed", type=int, default=None, help="to see the same again")
    args = parser.parse_args()
    seed = random.randrange(1 << 32) if args.seed is None else args.seed
    print(f"seed {seed}", flush=True)
    chance = random.Random(seed)
    try:
        with tempfile.TemporaryDirectory() as directory:
            os.environ["CODEX_TMUX_STATE_DIR"] = directory
            found = kill_loop(args.count, chance)
        print("store: " + ", ".join(f"{value} {name}" for name, value in found.items()), flush=True)
        if args.syncs:
            saved = kill_syncs(args.syncs, chance)
            print(f"sync: {args.syncs} killed, {saved} of them after they had saved")
    except Lost as e:
        print(f"LOST: {e}", file=sys.stderr)
        return 1
    print("nothing was lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
