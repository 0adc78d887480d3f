"""What looks through Codex's store: one session found, `list`, `pick`."""

from __future__ import annotations

import os
import pty
import sqlite3
import subprocess
import threading
import time
from contextlib import closing
from pathlib import Path

from codex_tmux.codex.store import Store
from tests.bench.hook_path import growth
from tests.bench.measure import Cost, Figure, Line, side_by_side, spawn, timed
from tests.bench.worlds import environment, filled, session_id, write_rollout
from tests.support.standin_session import THREADS
from tests.support.world import Sandbox

COUNTS = (100, 5_000, 20_000)


def fill_store(home: Path, count: int, cwd: str) -> list[str]:
    """So many sessions of the last year, in rollouts and in the database, as Codex writes them; their ids."""
    ids = []
    with closing(sqlite3.connect(home / "state_5.sqlite")) as database, database:
        database.execute(THREADS)
        for number in range(count):
            at = time.time() - 60 - number * 31_536_000 / count
            session = session_id(number, at)
            rollout = write_rollout(home, session, cwd, at)
            ms = int(at * 1000)
            database.execute(
                "INSERT INTO threads (id, rollout_path, created_at, updated_at, source, cwd, title,"
                " first_user_message, created_at_ms, updated_at_ms) VALUES (?, ?, ?, ?, 'cli', ?, ?, ?, ?, ?)",
                (session, str(rollout), ms // 1000, ms // 1000, cwd, f"title {number}", "hello", ms, ms),
            )
            ids.append(session)
    return ids


def bench_store(quick: bool) -> list[Line | Figure]:
    """Finding a session by what a title shows of its id."""
    lines: list[Line | Figure] = []
    found = {}
    for count in COUNTS[:2] if quick else COUNTS:
        with Sandbox() as world:
            ids = fill_store(world.codex_home, count, str(world.work))
            some = iter(ids * 9)
            home = str(world.codex_home)

            def find() -> Cost:
                wanted = next(some)  # noqa: B023
                return timed(lambda: Store(home).complete(wanted[:29]))  # noqa: B023

            def walk() -> Cost:
                return timed(lambda: sum(len(f) for _, _, f in os.walk(world.codex_home / "sessions")))

            line = side_by_side(
                f"finding a session among {count:,} rollouts",
                find,
                walk,
                "walking the tree",
                "50 ms" if count == 20_000 else "",
                times=21,
            )
            lines.append(line)
            found[count] = line.ours
    return [*lines, growth("finding a session, over the store", found)]


def bench_list(quick: bool) -> list[Line | Figure]:
    """`list` and `pick`, with ten Codex panes and so many sessions in the store."""
    lines: list[Line | Figure] = []
    found: dict[str, dict[int, Cost]] = {"list": {}, "pick": {}}
    for count in COUNTS[:2] if quick else COUNTS:
        with filled(20, 10) as world:
            fill_store(world.codex_home, count, str(world.work))
            env = environment(world, "%0")
            helper = str(world.bin / "codex-tmux")
            fzf = world.bin / "fzf"
            fzf.write_text("#!/bin/sh\ncat >/dev/null\nexit 130\n")  # escape, as soon as all is there
            fzf.chmod(0o700)
            for name, ours in (
                ("list", lambda: spawn([helper, "list"], env)),  # noqa: B023
                ("pick", lambda: on_a_terminal([helper, "pick"], env)),  # noqa: B023
            ):
                line = side_by_side(
                    f"{name}, {count:,} sessions in the store",
                    ours,
                    lambda: spawn([helper, "--version"], env),  # noqa: B023
                    "codex-tmux --version",
                    times=5 if quick else 9,
                )
                lines.append(line)
                found[name][count] = line.ours
    return [*lines, *(growth(f"{name}, over the store", costs) for name, costs in found.items())]


def on_a_terminal(argv: list[str], env: dict[str, str]) -> Cost:
    """Run a command whose output is a terminal."""
    master, slave = pty.openpty()
    reader = threading.Thread(target=drain, args=(master,), daemon=True)
    reader.start()
    begin = time.perf_counter()
    process = subprocess.Popen(argv, env=env, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    wall = (time.perf_counter() - begin) * 1000
    reader.join(2)
    os.close(master)
    return Cost(wall, (usage.ru_utime + usage.ru_stime) * 1000)


def drain(fd: int) -> None:
    """Read a terminal until it is closed."""
    try:
        while os.read(fd, 1 << 16):
            pass
    except OSError:
        pass
