"""What happens to the state file at length: `make kill-loop`, `make crowd`.

kill-loop: what writes the file is killed at random moments. After each kill the file must read as it was before or
after the update under way, and hold every update that was acknowledged. crowd: many processes update it at once.
"""

import argparse
import multiprocessing
import os
import random
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from codex_tmux.state import store
from codex_tmux.state.records import Record
from codex_tmux.tmux.server import Server
from codex_tmux.tracking.sync import times_path
from tests.support.world import Sandbox
from tests.unit.store_test import TORN, load, record, save

LATEST = 3.0
"""A writer is killed this many times as long after its start as two saves take, at the latest."""
EVERY_BROKEN = 10
"""One in so many writers finds a broken file, so that its mending is killed too."""


class Lost(Exception):
    """The state file is not what it must be."""


# -- kill-loop --


def records_with(number: int) -> tuple[Record, ...]:
    """The records after update `number`: some that stay, one that counts, one that is of this update alone."""
    stay = tuple(record(i) for i in range(1, 5))
    return (*stay, record(100, window=number), record(1000 + number, status="ended"))


def number_of(records: tuple[Record, ...]) -> int:
    """The update after which the records are these. Raises Lost where they are those after none."""
    numbers = [r.window for r in records if r.pane == "%100"]
    if len(numbers) != 1 or records != records_with(numbers[0]):
        raise Lost(f"the file holds {len(records)} records that no update wrote")
    return numbers[0]


def write_for_ever(acknowledge: int) -> None:
    """Update as a sync does, telling each number once it is on the disk."""
    while True:
        with store.lock():
            number = number_of(store.load()) + 1
            store.save(records_with(number))
            os.write(acknowledge, struct.pack("q", number))


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


def kill_writers(count: int, chance: random.Random) -> dict[str, int]:
    """Kill `count` writers, looking at the file after each; what happened, in numbers. Raises Lost."""
    directory = Path(os.environ["CODEX_TMUX_STATE_DIR"])
    save(*records_with(1))
    seen, took = 1, 0.0
    found = {"kills": 0, "updates": 0, "killed within an update": 0, "killed while mending": 0}
    for turn in range(count):
        broken = turn % EVERY_BROKEN == 0
        if broken:
            began = time.monotonic()
            save(*records_with(seen))
            save(*records_with(seen))  # the last good one is the same
            took = time.monotonic() - began
            (directory / store.NAME).write_bytes(TORN)
        acknowledged = max(kill_a_writer(chance.uniform(0, LATEST * took)), seen)
        mended = (directory / store.NAME).read_bytes() != TORN
        number = number_of(store.peek())
        if not acknowledged <= number <= acknowledged + 1:
            raise Lost(f"update {acknowledged} was acknowledged, and the file is that of {number}")
        found["kills"] += 1
        found["updates"] += number - seen
        found["killed within an update"] += number != acknowledged
        found["killed while mending"] += not mended
        seen = number
        # The kernel has let go of a dead writer's lock, and what it left is no hindrance.
        if number_of(load()) != number:
            raise Lost("the next one to load finds another state")
    for aside in directory.glob("*.broken-*"):
        if aside.read_bytes() != TORN:
            raise Lost(f"{aside} is no file that was broken")
    save(*records_with(seen + 1))
    if litter := [p.name for p in directory.glob(".*")]:
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
        sandbox.tmux("set-option", "-g", "@codex_pending", "1")
        server_pid = sandbox.tmux("display-message", "-p", "#{pid}")
        environment = {**sandbox.env, "TMUX": f"{sandbox.socket},{server_pid},0"}
        helper = [str(sandbox.bin / "codex-tmux"), "sync"]
        times = Path(times_path(Server(str(sandbox.socket))))
        times.unlink(missing_ok=True)  # with it, a sync would pause for a burst
        began = time.monotonic()
        subprocess.run(helper, env=environment)
        whole = time.monotonic() - began
        for number in range(count):
            times.unlink(missing_ok=True)
            sandbox.tmux("rename-window", "-t", pane, f"name-{number}")
            with subprocess.Popen(helper, env=environment) as process:
                time.sleep(chance.uniform(0, 2.5 * whole))
                process.kill()
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


# -- crowd --


def update(process: int, updates: int) -> None:
    """Count up this process's own record, as a sync changes one: each update rests on the one before."""
    for number in range(updates):
        with store.lock(wait=60):  # nothing is fair here, and a disk takes its time
            records = store.load()
            mine = [r for r in records if r.pane == f"%{process}"]
            if [r.window for r in mine] != [number] * bool(number):
                sys.exit(f"process {process}: update {number} is lost: {mine}")
            store.save((*(r for r in records if r not in mine), record(process, window=number + 1)))


def crowd(processes: int, updates: int) -> None:
    """Let `processes` make `updates` each. Raises AssertionError where one is lost."""
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=update, args=(i, updates)) for i in range(1, processes + 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(600)
    assert [w.exitcode for w in workers] == [0] * processes
    found = {r.pane: r.window for r in load()}
    assert found == {f"%{i}": updates for i in range(1, processes + 1)}, found


# -- the program --


def kill_loop(args: argparse.Namespace) -> str:
    seed = random.randrange(1 << 32) if args.seed is None else args.seed
    print(f"seed {seed}", flush=True)
    chance = random.Random(seed)
    found = kill_writers(args.count, chance)
    print("store: " + ", ".join(f"{value} {name}" for name, value in found.items()), flush=True)
    saved = kill_syncs(args.syncs, chance)
    return f"sync: {args.syncs} killed, {saved} of them after they had saved: nothing was lost"


def run_crowd(args: argparse.Namespace) -> str:
    crowd(args.processes, args.updates)
    return f"{args.processes} processes × {args.updates} updates: none was lost"


def main() -> int:
    """Run what was asked for, and print what happened; 1 where something was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.durability", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("kill-loop")
    command.set_defaults(run=kill_loop)
    command.add_argument("--count", type=int, default=2000, help="writers to kill")
    command.add_argument("--syncs", type=int, default=200, help="real syncs to kill")
    command.add_argument("--seed", type=int, default=None, help="to see the same again")
    command = commands.add_parser("crowd")
    command.set_defaults(run=run_crowd)
    command.add_argument("--processes", type=int, default=8)
    command.add_argument("--updates", type=int, default=500)
    args = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        os.environ["CODEX_TMUX_STATE_DIR"] = directory
        try:
            said = args.run(args)
        except Lost as e:
            print(f"LOST: {e}", file=sys.stderr)
            return 1
    print(f"{said} ({time.monotonic() - began:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
