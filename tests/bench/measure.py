"""How things are measured: wall and processor time of a command, of a tmux server, and two things side by side."""

import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Cost(NamedTuple):
    """What one run took, in milliseconds: `cpu` of the command and all it waited for, `server` of the tmux server."""

    wall: float
    cpu: float = 0.0
    server: float = 0.0

    def less(self, other: "Cost") -> "Cost":
        """Without what the other took, which is a part of it."""
        return Cost(self.wall - other.wall, self.cpu - other.cpu, self.server - other.server)


class Line(NamedTuple):
    """One line of the table: medians in milliseconds, ours and the floor's, and what the ratio of wall times may be."""

    what: str
    ours: Cost
    floor: Cost
    floor_is: str
    budget: str
    fastest: float
    slowest: float
    times: int

    @property
    def ratio(self) -> float:
        """Ours over the floor, of wall time."""
        return self.ours.wall / self.floor.wall if self.floor.wall else math.nan

    @property
    def cpu_ratio(self) -> float:
        """Ours over the floor, of processor time: what else the machine does hardly changes it."""
        return self.ours.cpu / self.floor.cpu if self.floor.cpu else math.nan

    def row(self) -> dict[str, object]:
        """As it stands in the JSON file."""
        return {
            "what": self.what,
            "ours_ms": round(self.ours.wall, 2),
            "spread_ms": [round(self.fastest, 2), round(self.slowest, 2)],
            "floor": self.floor_is,
            "floor_ms": round(self.floor.wall, 2),
            "ratio": number(self.ratio),
            "ours_cpu_ms": round(self.ours.cpu, 2),
            "floor_cpu_ms": round(self.floor.cpu, 2),
            "cpu_ratio": number(self.cpu_ratio),
            "server_cpu_ms": round(self.ours.server, 2),
            "budget": self.budget,
            "times": self.times,
        }


def number(value: float) -> float | None:
    """`value` as JSON can hold it."""
    return None if math.isnan(value) else round(value, 2)


class Figure(NamedTuple):
    """One figure that has no floor in time: a count, a share, an exponent."""

    what: str
    ours: str
    beside: str = ""
    budget: str = ""

    def row(self) -> dict[str, object]:
        """As it stands in the JSON file."""
        return self._asdict()


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each."""
    return Cost(*(statistics.median(values) for values in zip(*costs)))


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
    walls = [c.wall for c in mine]
    line = Line(what, median(mine), median(base), floor_is, budget, min(walls), max(walls), times)
    say(
        f"{what:62} {line.ours.wall:8.1f} ms {line.ratio:7.2f} x  cpu {line.ours.cpu:7.1f} ms "
        f"{line.cpu_ratio:6.2f} x  {floor_is} ({line.floor.wall:.1f} ms)"
        + (f"; budget {budget}" if budget else "")
    )
    return line


def figure(what: str, ours: str, beside: str = "", budget: str = "") -> Figure:
    """A figure, said as it is found."""
    found = Figure(what, ours, beside, budget)
    say(f"{what:62} {ours}" + (f"; {beside}" if beside else "") + (f"; budget {budget}" if budget else ""))
    return found


def say(text: str) -> None:
    """One line of progress."""
    print(text, flush=True)


def spawn(argv: Sequence[str], env: dict[str, str], server: int = 0, cwd: str | None = None) -> Cost:
    """Run a command to its end. `server`: the tmux server whose processor time is counted along with it."""
    quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    words = list(argv) if cwd is None else ["/bin/sh", "-c", 'cd "$0" && exec "$@"', cwd, *argv]
    server_before = server_cpu(server)
    begin = time.perf_counter()
    pid = os.posix_spawnp(words[0], words, env, file_actions=quiet)
    _, status, usage = os.wait4(pid, 0)
    wall = (time.perf_counter() - begin) * 1000
    if os.waitstatus_to_exitcode(status) not in (0, 130):
        print(f"exit {os.waitstatus_to_exitcode(status)}: {' '.join(words)}", file=sys.stderr)
    return Cost(wall, (usage.ru_utime + usage.ru_stime) * 1000, server_cpu(server) - server_before)


def timed(action: Callable[[], object], server: int = 0) -> Cost:
    """How long `action` takes; its processor time is this process's own."""
    server_before, cpu, begin = server_cpu(server), time.process_time(), time.perf_counter()
    action()
    wall = (time.perf_counter() - begin) * 1000
    return Cost(wall, (time.process_time() - cpu) * 1000, server_cpu(server) - server_before)


def server_cpu(pid: int) -> float:
    """Processor time a process has used, in milliseconds; 0 for no process."""
    if not pid:
        return 0.0
    with open(f"/proc/{pid}/schedstat") as f:
        return int(f.read().split()[0]) / 1e6


def children(pid: int) -> set[int]:
    """The children a process has now."""
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return set(map(int, f.read().split()))


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The b of value = a * size ** b, fitted to the logarithms by least squares."""
    xs, ys = [math.log(s) for s in sizes], [math.log(max(v, 1e-9)) for v in values]
    x, y = statistics.fmean(xs), statistics.fmean(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys)) / sum((a - x) ** 2 for a in xs)
