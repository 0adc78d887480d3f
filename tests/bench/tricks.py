"""What each of the tricks that make a sync quick has bought: the same sync, with one of them undone."""

from __future__ import annotations

import sys
from pathlib import Path

from codex_tmux import quick_start
from tests.bench.measure import Figure, Line, figure, side_by_side, spawn
from tests.bench.worlds import environment, filled, server_pid

PACKAGE = Path(quick_start.HOOK).parent

START = f"""
import os, sys
sys.path.append({str(PACKAGE.parent)!r})
from codex_tmux.hook import prepare
prepare({str(PACKAGE)!r})
sys.argv = ["hook.py", "sync", "--settle"]
"""
END = """
from codex_tmux.__main__ import main
code = main()
sys.stdout.flush()
"""
EXIT = "os._exit(code)"

# What it is → what is done in its place, before the sync begins.
UNDONE = {
    "named tuples without collections, none compiled from text": (
        "import collections\n"
        "for n in range(18): collections.namedtuple('Record', ['field%d' % i for i in range(12)])"
    ),
    "datetime by its half in C": "import datetime",
    "no import of typing": "import typing",
    "posix_spawn instead of subprocess": "import subprocess",
    "the lock without contextlib": "import contextlib",
    "imports while tmux answers": "import codex_tmux.pass_once",
    "processes below Codex panes only, no table of all": (
        "from codex_tmux.codex import processes\nprocesses._Proc.children = lambda self, pid: None"
    ),
    "records parsed once, kept for marshal": (
        "from codex_tmux import state_cache\nstate_cache.get = lambda: None\nstate_cache.put = lambda records: None"
    ),
    "options read only of panes that have any": (
        "from codex_tmux import tmux\ntmux.PANE_FORMAT = tmux.PANE_FORMAT.replace(tmux.TOUCHED, '1')"
    ),
}
TRIED = {
    "tried and dropped: no garbage collection": "import gc; gc.disable()",
}


def bench_tricks(quick: bool) -> list[Line | Figure]:
    """A sync of 100 panes, 20 of them Codex, with a trick undone, beside the same with all of them."""
    times = 7 if quick else 31
    with filled(100, 20) as world:
        env, server = environment(world, "%0"), server_pid(world)

        def started(*python: str) -> list[str]:
            return [sys.executable, *python, "-c"]

        as_it_is = [*started("-I", "-S"), START + END + EXIT]
        lines: list[Line | Figure] = []

        def beside(what: str, argv: list[str]) -> None:
            lines.append(
                side_by_side(
                    what,
                    lambda: spawn(argv, env, server),
                    lambda: spawn(as_it_is, env, server),
                    "as it is",
                    "",
                    times,
                )
            )

        for what, instead in UNDONE.items():
            beside(f"without: {what}", [*started("-I", "-S"), f"{START}{instead}\n{END}{EXIT}"])
        beside("without: past site", [*started("-I"), START + END + EXIT])
        installed = Path(sys.executable).parent / "codex-tmux"
        if installed.exists():
            beside("without: past the installed script, and site", [str(installed), "sync", "--settle"])
        beside("without: gone without the interpreter's tidying up", [*started("-I", "-S"), START + END])
        for what, instead in TRIED.items():
            beside(what, [*started("-I", "-S"), f"{START}{instead}\n{END}{EXIT}"])
        log = (world.state_dir / "log").read_text()
        lines.append(
            figure("syncs that failed meanwhile", str(log.count("sync.crashed") + log.count("sync.failed")))
        )
    return lines
