"""What tmux starts: `sync`, `run`, the plugin's load; and the memory that a sync takes."""

import subprocess
import sys
import time

from codex_tmux.sleeping.resume import run_command
from codex_tmux.state.launch import Launch
from codex_tmux.state.pane_options import encode_launch
from codex_tmux.tmux.server import Server
from tests.bench.measure import Cost, Figure, Line, exponent, figure, median, side_by_side, spawn, timed
from tests.bench.worlds import (
    bare_python,
    environment,
    filled,
    plugin,
    session_id,
    started_by_hooks,
    write_rollout,
)
from tests.support.world import Sandbox

PYTHON = "python3 -I -c pass"
SIZES = ((20, 0), (20, 20), (100, 0), (100, 20), (100, 100), (300, 0), (300, 20), (300, 300))
SMALL = ((20, 0), (20, 20), (100, 20))


def of_sync(world: Sandbox, what: str, quick: bool, budget: str = "") -> Line:
    """`sync`, started as hooks start it, beside a bare Python."""
    env, words, server = environment(world, "%0"), started_by_hooks(world), world.server_pid
    return side_by_side(
        what,
        lambda: spawn([*words, "sync", "--settle"], env, server),
        lambda: bare_python(env),
        PYTHON,
        budget,
        times=9 if quick else 21,
    )


def bench_sync(quick: bool) -> list[Line | Figure]:
    """`sync` on servers of several sizes, started as hooks start it."""
    lines: list[Line | Figure] = []
    all_codex, few = {}, {}
    for panes, codex in SMALL if quick else SIZES:
        with filled(panes, codex) as world:
            budget = "8 x" if (panes, codex) == (100, 20) else ""
            line = of_sync(world, f"sync, {panes} panes, {codex} of them Codex", quick, budget)
            lines.append(line)
            if codex == panes:
                all_codex[panes] = line.ours
            if codex == 20:
                few[panes] = line.ours
            if (panes, codex) == (300, 300):
                lines.append(peak_memory(started_by_hooks(world), environment(world, "%0")))
    for what, found in (("all of them Codex", all_codex), ("20 of them Codex", few)):
        if len(found) > 2:
            lines.append(growth(f"sync, over panes, {what}", found))
    return lines


def growth(what: str, found: dict[int, Cost]) -> Figure:
    """How a cost grows with the number of what there is."""
    sizes = sorted(found)
    wall = exponent(sizes, [found[s].wall for s in sizes])
    busy = exponent(sizes, [found[s].cpu + found[s].server for s in sizes])
    points = ", ".join(f"{s}: {found[s].wall:.0f} ms" for s in sizes)
    return figure(f"growth: {what}", f"n^{wall:.2f} (processor n^{busy:.2f})", points, "n^1")


def peak_memory(words: list[str], env: dict[str, str]) -> Figure:
    """The most memory that a sync has resident."""
    # Between us and it: a process that is forked starts with its parent's peak.
    between = (
        "import os, sys; pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ); "
        "print(os.wait4(pid, 0)[2].ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", between, *words, "sync", "--settle"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    peak = int(done.stdout) / (1024 if sys.platform.startswith("linux") else 1 << 20)
    return figure("memory: peak of a sync, 300 panes, all Codex", f"{peak:.1f} MB", "", "30 MB")


def bench_run(quick: bool) -> list[Line | Figure]:
    """`run`, from its exec to that of Codex, which is /bin/true here: a pane that wakes into its session."""
    with Sandbox() as world:
        pane = world.start_server()
        session = session_id(1)
        write_rollout(world.codex_home, session, str(world.work))
        launch = Launch("tui", "/bin/true", str(world.codex_home), str(world.work), ("-m", "x"), False)
        for name, value in (
            ("@codex_session", session),
            ("@codex_launch", encode_launch(launch)),
            ("@codex_pane", "1"),
        ):
            world.tmux("set-option", "-p", "-t", pane, name, value)
        env = environment(world, pane)
        # The stored command as a sync writes it; no sync comes between, as the plugin is not loaded.
        world.tmux("set-option", "-g", "@codex_word", str(world.bin / "codex-tmux"))
        stored = run_command(Server(str(world.socket)), launch)
        server = world.server_pid
        true = median([spawn(["/bin/true"], env) for _ in range(21)])
        line = side_by_side(
            "run, from its exec to Codex's",
            lambda: spawn(stored, env, server).less(true),
            lambda: bare_python(env),
            PYTHON,
            "4 x",
            times=9 if quick else 31,
        )
        log = (world.state_dir / "log").read_text()
        assert log.count(f"session.restored session={session}") == line.times, "not all runs have resumed"
        return [line]


def bench_load(quick: bool) -> list[Line | Figure]:
    """Loading the plugin into a running server."""
    with Sandbox() as world:
        world.start_server(load_plugin=True)
        world.quiet()
        server = world.server_pid

        def load() -> Cost:
            cost = timed(lambda: world.tmux("run-shell", plugin()), server)
            time.sleep(0.2)  # the sync it has started
            return cost

        return [
            side_by_side(
                "plugin load",
                load,
                lambda: timed(lambda: world.tmux("run-shell", "true"), server),
                "an empty run-shell",
                "well under 100 ms",
                times=7 if quick else 21,
            )
        ]
