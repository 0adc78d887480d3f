"""How things are measured: the wall and processor time of a command, and two things side by side."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Cost(NamedTuple):
    """What one run took, in milliseconds: `cpu` of the command and all it waited for."""

    wall: float
    cpu: float = 0.0


class Line(NamedTuple):
    """One line of the table: medians, ours and the floor's, and what the ratio of wall times may be."""

    what: str
    ours: Cost
    floor: Cost
    floor_is: str
    budget: str
    fastest: float
    slowest: float

    def row(self) -> str:
        """As it stands in the table."""
        cpu = f"{self.ours.cpu / self.floor.cpu:.2f}" if self.floor.cpu else ""
        cells = [
            self.what,
            f"{self.ours.wall:.1f}",
            f"{self.fastest:.1f} to {self.slowest:.1f}",
            self.floor_is,
            f"{self.floor.wall:.1f}",
            f"{self.ours.wall / self.floor.wall:.2f}",
            cpu,
            self.budget,
        ]
        return f"| {' | '.join(cells)} |"


def side_by_side(
    what: str,
    ours: Callable[[], Cost],
    floor: Callable[[], Cost],
    floor_is: str,
    budget: str = "",
    times: int = 21,
) -> Line:
    """Measure both in turn, `times` times each, so that whatever else the machine does meets both."""
    mine, base = [], []
    for _ in range(times):
        base.append(floor())
        mine.append(ours())
    walls = [cost.wall for cost in mine]
    line = Line(what, median(mine), median(base), floor_is, budget, min(walls), max(walls))
    print(line.row(), flush=True)
    return line


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each."""
    return Cost(*(statistics.median(values) for values in zip(*costs)))


def spawn(argv: Sequence[str], env: dict[str, str]) -> Cost:
    """Run a command to its end."""
    begin = time.perf_counter()
    quiet = subprocess.DEVNULL
    with subprocess.Popen(argv, env=env, stdin=quiet, stdout=quiet, stderr=quiet) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = (time.perf_counter() - begin) * 1000
    if process.returncode not in (0, 130):
        print(f"exit {process.returncode}: {' '.join(argv)}", file=sys.stderr)
    return Cost(wall, (usage.ru_utime + usage.ru_stime) * 1000)


def timed(action: Callable[[], object]) -> Cost:
    """How long `action` takes."""
    begin = time.perf_counter()
    action()
    return Cost((time.perf_counter() - begin) * 1000)
