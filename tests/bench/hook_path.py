"""What tmux starts: `sync`, `run`, and the plugin's load."""

import json
import secrets
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from codex_tmux.sleeping.resume import run_command
from codex_tmux.state.launch import Launch
from codex_tmux.state.pane_options import encode_launch
from codex_tmux.tmux.server import Server
from tests.bench.measure import Cost, Line, median, side_by_side, spawn, timed
from tests.support.world import Sandbox, plugin_file

PYTHON = "python3 -I -c pass"
SIZES = {(20, 20): "", (100, 20): "8 x", (300, 300): ""}
"""Panes, and how many of them run Codex."""


def bare_python(env: dict[str, str]) -> Cost:
    """A Python that starts and ends."""
    return spawn([sys.executable, "-I", "-c", "pass"], env)


def session_id(number: int) -> str:
    """An id as Codex makes them."""
    stamp = f"{int(time.time() * 1000):012x}"
    return f"{stamp[:8]}-{stamp[8:]}-7{number % 4096:03x}-8{secrets.token_hex(2)[:3]}-{secrets.token_hex(6)}"


def write_rollout(home: Path, session: str, cwd: str) -> None:
    """A session of one message in Codex's store."""
    day = home / "sessions" / time.strftime("%Y/%m/%d")
    day.mkdir(parents=True, exist_ok=True)
    meta = {"type": "session_meta", "payload": {"id": session, "cwd": cwd, "source": "cli"}}
    said = {"type": "event_msg", "payload": {"type": "user_message", "message": "hello"}}
    path = day / f"rollout-{time.strftime('%Y-%m-%dT%H-%M-%S')}-{session}.jsonl"
    path.write_text(json.dumps(meta) + "\n" + json.dumps(said) + "\n")


def fake_codex(world: Sandbox) -> str:
    """The command line of a Codex from npm as processes show it, a wrapper and its binary, that costs 2 MB."""
    place = world.root / "fake"
    if not place.exists():
        (place / "native").mkdir(parents=True)
        (place / "node").symlink_to("/bin/sh")
        (place / "codex").write_text('"$(dirname "$0")/native/codex" "$@"; exit $?\n')
        (place / "native/codex").symlink_to(shutil.which("sleep") or "/bin/sleep")
    return f"exec {shlex.quote(str(place / 'node'))} {shlex.quote(str(place / 'codex'))} 100000"


@contextmanager
def filled(panes: int, codex: int) -> Iterator[Sandbox]:
    """A tmux server with that many panes beside its first, `codex` of which run what looks like Codex."""
    with Sandbox() as world:
        world.start_server(load_plugin=True)
        world.quiet()
        for number in range(panes):
            runs = number < codex
            pane = world.new_pane("/bin/sh", "-c", fake_codex(world) if runs else "exec sleep 100000")
            if runs:
                session = session_id(number)
                write_rollout(world.codex_home, session, str(world.work))
                with open(world.format(pane, "#{pane_tty}"), "wb", buffering=0) as tty:
                    tty.write(f"\033]0;work | {session[:29]}...\007".encode())
        world.helper("sync", "--settle")
        world.wait_for(lambda: len(world.sessions()) == codex, 60, f"{codex} sessions")
        world.quiet()
        yield world


def bench_sync(quick: bool) -> list[Line]:
    """`sync` on servers of several sizes, started as hooks start it."""
    lines = []
    for (panes, codex), budget in SIZES.items():
        if quick and panes > 100:
            continue
        with filled(panes, codex) as world:
            env, words = world.inside | {"TMUX_PANE": "%0"}, shlex.split(world.option("@codex_word"))
            lines.append(
                side_by_side(
                    f"sync, {panes} panes, {codex} of them Codex",
                    lambda w=words, e=env: spawn([*w, "sync", "--settle"], e),  # type: ignore[misc]
                    lambda e=env: bare_python(e),  # type: ignore[misc]
                    PYTHON,
                    budget,
                    times=9 if quick else 21,
                )
            )
    return lines


def bench_run(quick: bool) -> list[Line]:
    """`run`, from its exec to that of Codex, which is /bin/true here: a pane that wakes into its session."""
    with Sandbox() as world:
        pane = world.start_server()
        session = session_id(1)
        write_rollout(world.codex_home, session, str(world.work))
        launch = Launch("tui", "/bin/true", str(world.codex_home), str(world.work), ("-m", "x"), False)
        options = {"@codex_session": session, "@codex_launch": encode_launch(launch), "@codex_pane": "1"}
        for name, value in options.items():
            world.tmux("set-option", "-p", "-t", pane, name, value)
        env = world.inside | {"TMUX_PANE": pane}
        # The stored command as a sync writes it; no sync comes between, as the plugin is not loaded.
        world.tmux("set-option", "-g", "@codex_word", str(world.bin / "codex-tmux"))
        stored = run_command(Server(str(world.socket)), launch)
        true = median([spawn(["/bin/true"], env) for _ in range(21)])

        def run() -> Cost:
            cost = spawn(stored, env)
            return Cost(cost.wall - true.wall, cost.cpu - true.cpu)

        times = 9 if quick else 31
        line = side_by_side(
            "run, from its exec to Codex's", run, lambda: bare_python(env), PYTHON, "4 x", times
        )
        log = (world.state_dir / "log").read_text()
        assert log.count(f"session.restored session={session}") == times, "not all runs have resumed"
        return [line]


def bench_load(quick: bool) -> list[Line]:
    """Loading the plugin into a running server."""
    with Sandbox() as world:
        world.start_server(load_plugin=True)

        def load() -> Cost:
            world.quiet()
            return timed(lambda: world.tmux("run-shell", str(plugin_file())))

        def empty() -> Cost:
            return timed(lambda: world.tmux("run-shell", "true"))

        times = 7 if quick else 21
        return [side_by_side("plugin load", load, empty, "an empty run-shell", "100 ms", times)]
