"""`make bench`: each line of the budget, measured side by side with its floor in one run; no assertion, only figures.

Writes the tables in docs/performance.md. With `--only` the other sections keep what they had.
"""

import argparse
import os
import platform
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from codex_tmux.selftest.world import codex_version
from tests.bench.coming_back import bench_kill, bench_restore
from tests.bench.hook_path import bench_load, bench_run, bench_sync
from tests.bench.measure import Line

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
SECTIONS: dict[str, Callable[[bool], list[Line]]] = {
    "sync": bench_sync,
    "run": bench_run,
    "load": bench_load,
    "kill": bench_kill,
    "restore": bench_restore,
}
HEAD = """| what | ours, ms | fastest to slowest | floor | floor, ms | ratio | of processor time | budget |
|---|--:|--:|---|--:|--:|--:|--:|"""


def machine() -> str:
    """Where, with what and how undisturbed this runs."""
    tmux = subprocess.run(["tmux", "-V"], capture_output=True, text=True).stdout.strip()
    codex = os.environ.get("CODEX_TMUX_TEST_CODEX", "")
    codex = codex_version(codex) if os.access(codex, os.X_OK) else "no real Codex"
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"{tmux}, {codex}, load {os.getloadavg()[0]:.1f} at its start"
    )


def write(name: str, where: str, lines: list[Line]) -> None:
    """Put a section's table into its place in the page."""
    table = "\n".join([f"Measured on {where}.", "", HEAD, *(line.row() for line in lines)])
    place = re.compile(rf"(?<=<!-- bench: {name} -->\n).*?(?=\n<!-- end -->)", re.DOTALL)
    PAGE.write_text(place.sub(lambda _: table, PAGE.read_text()))


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=list(SECTIONS), help="this section; may be repeated"
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer sizes and repetitions; nothing is written"
    )
    options = parser.parse_args()
    where = machine()
    print(where)
    for name in options.only or SECTIONS:
        lines = SECTIONS[name](options.quick)
        if lines and not options.quick:
            write(name, where, lines)


if __name__ == "__main__":
    main()
