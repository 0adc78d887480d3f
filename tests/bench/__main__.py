"""`make bench`: each line of the budget, measured side by side with its floor in one run; no assertion, only figures.

Writes docs/performance.json and the tables in docs/performance.md. With `--only` the other sections keep what they had.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from codex_tmux.selftest.world import codex_version
from tests.bench.coming_back import bench_kill, bench_restore
from tests.bench.hook_path import bench_load, bench_run, bench_sync
from tests.bench.measure import Figure, Line, say
from tests.bench.worlds import real_codex

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"

SECTIONS: dict[str, tuple[str, Callable[[bool], list[Line | Figure]]]] = {
    "sync": ("A sync", bench_sync),
    "run": ("Into Codex", bench_run),
    "load": ("Loading the plugin", bench_load),
    "kill": ("After a kill", bench_kill),
    "restore": ("After the tmux server's end", bench_restore),
}


def machine() -> str:
    """Where, with what and how undisturbed this runs."""
    model = ""
    if os.path.exists("/proc/cpuinfo"):
        names = [
            line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0].partition(":")[2].strip() + ", " if names else ""
    tmux = subprocess.run(["tmux", "-V"], capture_output=True, text=True).stdout.strip()
    codex = codex_version(real_codex()) if real_codex() else "no real Codex"
    return (
        f"{model}{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python "
        f"{platform.python_version()}, {tmux}, {codex}, load {os.getloadavg()[0]:.1f} at its start"
    )


def write(sections: dict[str, Any]) -> None:
    """The figures as JSON, and as tables into docs/performance.md."""
    ordered = {name: sections[name] for name in SECTIONS if name in sections}
    TABLE.with_suffix(".json").write_text(
        json.dumps({"sections": ordered}, indent=2, ensure_ascii=False) + "\n"
    )
    parts = [text for name in ordered for text in (f"### {SECTIONS[name][0]}", *tables(ordered[name]))]
    head, _, rest = TABLE.read_text().partition(BEGIN)
    tail = rest.partition(END)[2]
    TABLE.write_text("\n\n".join([head + BEGIN, *parts, END]) + tail)


def tables(section: dict[str, Any]) -> list[str]:
    """One section: where it was measured, the lines with a floor, the other figures."""
    lines = [row for row in section["rows"] if "floor" in row]
    figures = [row for row in section["rows"] if "floor" not in row]
    found = [f"Measured on {section['machine']}."]
    if lines:
        table = [
            "| what | ours, ms | fastest to slowest | floor | floor, ms | ratio "
            "| processor, ms | ratio | tmux server, ms | budget |",
            "|---|--:|--:|---|--:|--:|--:|--:|--:|--:|",
        ]
        for row in lines:
            spread = f"{row['spread_ms'][0]:.1f} to {row['spread_ms'][1]:.1f}"
            table.append(
                f"| {row['what']} | {shown(row['ours_ms'])} | {spread} | {row['floor']} | {shown(row['floor_ms'])} "
                f"| {shown(row['ratio'])} | {shown(row['ours_cpu_ms'])} | {shown(row['cpu_ratio'])} "
                f"| {shown(row['server_cpu_ms'])} | {row['budget']} |"
            )
        found.append("\n".join(table))
    if figures:
        table = ["| what | figure | | budget |", "|---|---|---|--:|"]
        table += [f"| {r['what']} | {r['ours']} | {r['beside']} | {r['budget']} |" for r in figures]
        found.append("\n".join(table))
    return found


def shown(value: float | None) -> str:
    """A number of the table; nothing for one that was not measured."""
    if not value:
        return ""
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def main() -> int:
    """Measure; returns 1 where a section failed (the others are written all the same)."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=list(SECTIONS), help="just this section; may be repeated"
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer sizes and repetitions; nothing is written"
    )
    options = parser.parse_args()
    path = TABLE.with_suffix(".json")
    sections: dict[str, Any] = json.loads(path.read_text()).get("sections", {}) if path.exists() else {}
    failed = []
    where = machine()
    say(where)
    for name in options.only or SECTIONS:
        begin = time.monotonic()
        try:
            rows = SECTIONS[name][1](options.quick)
        except Exception:
            traceback.print_exc()
            failed.append(name)
            continue
        say(f"-- {name}: {time.monotonic() - begin:.0f} s")
        if rows and not options.quick:
            sections[name] = {"machine": where, "rows": [row.row() for row in rows]}
            write(sections)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
