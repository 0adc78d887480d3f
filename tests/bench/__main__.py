"""`make bench`: each line of the budget, measured side by side with its floor in one run; no assertion, only ratios.

Writes docs/performance.json and the table in docs/performance.md.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from codex_tmux.codex.store import Store
from codex_tmux.options import encode_launch
from codex_tmux.reconcile import Launch
from codex_tmux.sandbox import Sandbox, codex_version, plugin_file

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


class Line(NamedTuple):
    """One line of the table: medians in milliseconds, the ratio and what it may be."""

    what: str
    ours: float
    floor: float
    floor_is: str
    budget: str
    spread: str

    @property
    def ratio(self) -> float:
        """Ours over the floor."""
        return self.ours / self.floor


def milliseconds(action: Callable[[], object]) -> float:
    """How long `action` takes."""
    begin = time.perf_counter()
    action()
    return (time.perf_counter() - begin) * 1000


def side_by_side(
    what: str,
    ours: Callable[[], float],
    floor: Callable[[], float],
    floor_is: str,
    budget: str,
    times: int = 21,
) -> Line:
    """Measure both in turn, `times` times each, so that whatever else the machine does meets both."""
    mine, base = [], []
    for _ in range(times):
        base.append(floor())
        mine.append(ours())
    line = Line(
        what,
        statistics.median(mine),
        statistics.median(base),
        floor_is,
        budget,
        f"{min(mine):.1f} to {max(mine):.1f}",
    )
    print(
        f"{what:58} {line.ours:9.1f} ms  {line.ratio:6.2f} x {floor_is} ({line.floor:.1f} ms); budget {budget}",
        flush=True,
    )
    return line


def spawn(argv: list[str], env: dict[str, str]) -> float:
    """How long a command takes from its start to its end."""
    return milliseconds(
        lambda: subprocess.run(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    )


def environment(world: Sandbox, pane: str) -> dict[str, str]:
    """The environment of a process in that pane."""
    return {**world.env, "TMUX": f"{world.socket},1,0", "TMUX_PANE": pane}


def bare_python(env: dict[str, str]) -> Callable[[], float]:
    """A Python that starts and ends."""
    return lambda: spawn([sys.executable, "-I", "-c", "pass"], env)


def session_id(number: int) -> str:
    """An id as Codex makes them, of now."""
    stamp = f"{int(time.time() * 1000):012x}"
    return f"{stamp[:8]}-{stamp[8:]}-7{number:03x}-8{secrets.token_hex(2)[:3]}-{secrets.token_hex(6)}"


def fill(world: Sandbox, panes: int, codex: int) -> None:
    """A tmux server of that many panes; `codex` of them look like Codex, title and all, and cost nothing."""
    world.start_server(load_plugin=True)
    for number in range(panes):
        command = "exec -a codex sleep 1000" if number < codex else "exec sleep 1000"
        pane = world.new_pane("/bin/bash", "-c", command)
        if number < codex:
            world.tmux("select-pane", "-t", pane, "-T", f"work | {session_id(number)}")
    world.helper("sync", "--settle")


def bench_sync() -> list[Line]:
    """`sync` on servers of several sizes."""
    lines = []
    for panes, codex in ((20, 0), (20, 20), (100, 0), (100, 20), (100, 100), (300, 20)):
        with Sandbox() as world:
            fill(world, panes, codex)
            env = environment(world, "%0")
            helper = str(world.bin / "codex-tmux")
            budget = "3 x" if (panes, codex) == (100, 20) else "-"
            lines.append(
                side_by_side(
                    f"sync, {panes} panes, {codex} of them Codex",
                    lambda: spawn([helper, "sync", "--settle"], env),  # noqa: B023
                    bare_python(env),
                    "python3 -I -c pass",
                    budget,
                )
            )
    return lines


def bench_run() -> list[Line]:
    """`run`, from its exec to that of Codex, which is /bin/true here: a pane that wakes into its session."""
    with Sandbox() as world:
        pane = world.start_server()
        session = session_id(1)
        day = world.codex_home / "sessions" / time.strftime("%Y/%m/%d")
        day.mkdir(parents=True)
        meta = {"type": "session_meta", "payload": {"id": session, "cwd": str(world.work), "source": "cli"}}
        stamp = time.strftime("%Y-%m-%dT%H-%M-%S")
        (day / f"rollout-{stamp}-{session}.jsonl").write_text(json.dumps(meta) + "\n")
        launch = Launch("tui", "/bin/true", str(world.codex_home), str(world.work), ("-m", "x"), False)
        for name, value in (
            ("@codex_session", session),
            ("@codex_launch", encode_launch(launch)),
            ("@codex_pane", "1"),
        ):
            world.tmux("set-option", "-p", "-t", pane, name, value)
        env = environment(world, pane)
        helper = str(world.bin / "codex-tmux")
        true = statistics.median(spawn(["/bin/true"], env) for _ in range(21))
        line = side_by_side(
            "run, from its exec to Codex's",
            lambda: spawn([helper, "run"], env) - true,
            bare_python(env),
            "python3 -I -c pass",
            "2 x",
        )
        assert f"session.restored session={session}" in (world.state_dir / "log").read_text()
        return [line]


def bench_load() -> list[Line]:
    """Loading the plugin into a running server."""
    with Sandbox() as world:
        world.start_server()
        return [
            side_by_side(
                "plugin load",
                lambda: milliseconds(lambda: world.tmux("run-shell", str(plugin_file()))),
                lambda: milliseconds(lambda: world.tmux("run-shell", "true")),
                "an empty run-shell",
                "well under 100 ms",
            )
        ]


def bench_kill_to_screen(codex: str) -> list[Line]:
    """A killed Codex: from the respawn to the conversation on the screen."""
    with Sandbox(codex) as world, Sandbox(codex) as plain:
        world.start_server(load_plugin=True)
        world.attach()
        plain.start_server()
        plain.attach()
        pane = world.new_pane()
        world.ask(pane, "first")
        by_hand = plain.new_pane()
        session = plain.ask(by_hand, "first").session_id
        plain.tmux("set-option", "-g", "remain-on-exit", "on")

        def is_up(w: Sandbox, p: str) -> bool:
            # Codex clears the screen at its start: what stands there is drawn anew.
            return "turn 1 |" in w.capture(p) and w.format(p, "#{pane_dead}") == "0"

        def ours() -> float:
            os.kill(world.codex_pid(pane), signal.SIGKILL)
            world.wait_for(
                lambda: world.tmux("show-options", "-pqv", "-t", pane, "@codex_asleep") == "1", 10, "sleep"
            )
            world.wait_for(lambda: world.format(pane, "#{pane_dead}") == "1", 10, "the drawing to end")
            begin = time.perf_counter()
            world.tmux("respawn-pane", "-t", pane)
            world.wait_for(lambda: is_up(world, pane), 20, "the conversation")
            took = (time.perf_counter() - begin) * 1000
            world.wait_for(
                lambda: world.tmux("show-options", "-pqv", "-t", pane, "@codex_state") == "live", 10, "live"
            )
            return took

        def floor() -> float:
            os.kill(plain.codex_pid(by_hand), signal.SIGKILL)
            plain.wait_for(lambda: plain.format(by_hand, "#{pane_dead}") == "1", 10, "death")
            begin = time.perf_counter()
            plain.tmux("respawn-pane", "-k", "-t", by_hand, f"codex resume {session}")
            plain.wait_for(lambda: is_up(plain, by_hand), 20, "the conversation")
            return (time.perf_counter() - begin) * 1000

        return [
            side_by_side(
                "killed Codex: respawn to conversation on screen",
                ours,
                floor,
                "respawn-pane -k 'codex resume ID'",
                "1.1 x",
                times=7,
            )
        ]


def bench_store() -> list[Line]:
    """Finding a session among 20,000 rollouts, of one year."""
    with Sandbox() as world:
        home = world.root / "big"
        ids = []
        for number in range(20_000):
            at = time.time() - number * 1577
            stamp = f"{int(at * 1000):012x}"
            made = f"{stamp[:8]}-{stamp[8:]}-7{number % 4096:03x}-8000-{number:012x}"
            local = time.localtime(at)
            day = home / "sessions" / time.strftime("%Y/%m/%d", local)
            day.mkdir(parents=True, exist_ok=True)
            (day / f"rollout-{time.strftime('%Y-%m-%dT%H-%M-%S', local)}-{made}.jsonl").touch()
            ids.append(made)
        some = iter(ids * 2)

        def find() -> float:
            wanted = next(some)
            store = Store(str(home))
            return milliseconds(lambda: store.complete(wanted[:29]))

        def walk() -> float:
            return milliseconds(lambda: sum(len(files) for _, _, files in os.walk(home / "sessions")))

        return [
            side_by_side(
                "finding a session among 20,000 rollouts", find, walk, "walking the tree", "50 ms", times=7
            )
        ]


def write(lines: list[Line], machine: str) -> None:
    """The figures as JSON, and as a table into docs/performance.md."""
    data = {
        "machine": machine,
        "lines": [{**line._asdict(), "ratio": round(line.ratio, 2)} for line in lines],
    }
    TABLE.with_suffix(".json").write_text(json.dumps(data, indent=2) + "\n")
    rows = [
        "| what | ours, ms | spread, ms | floor | floor, ms | ratio | budget |",
        "|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        rows.append(
            f"| {line.what} | {line.ours:.1f} | {line.spread} | {line.floor_is} | {line.floor:.1f} "
            f"| {line.ratio:.2f} | {line.budget} |"
        )
    head, _, rest = TABLE.read_text().partition(BEGIN)
    tail = rest.partition(END)[2]
    TABLE.write_text("\n".join([head + BEGIN, machine, "", *rows, END]) + tail)


def main() -> int:
    """Measure everything; returns 0."""
    codex = os.environ.get("CODEX_TMUX_TEST_CODEX", "")
    real = codex if os.access(codex, os.X_OK) else ""
    tmux = subprocess.run(["tmux", "-V"], capture_output=True, text=True).stdout.strip()
    machine = (
        f"Measured on {platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, {tmux}, {codex_version(real) if real else 'no real Codex'}."
    )
    print(machine)
    lines = bench_sync() + bench_run() + bench_load() + bench_store()
    if real:
        lines += bench_kill_to_screen(real)
    else:
        print("no real Codex: kill to screen is not measured (make codex)")
    write(lines, machine)
    return 0


if __name__ == "__main__":
    sys.exit(main())
