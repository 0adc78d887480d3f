"""How long a conversation is away: after a kill, and after the tmux server's end."""

import os
import pickle
import subprocess
import sys
import time

from codex_tmux.state.records import Record, now
from tests.bench.hook_path import session_id, write_rollout
from tests.bench.measure import Cost, Line, side_by_side, spawn
from tests.support.world import Sandbox

BY_HAND = "respawn-pane -k 'codex resume ID'"
FORM = "#{@codex_session}\t#{pane_dead}\t#{pane_current_command}"


def bench_kill(quick: bool) -> list[Line]:
    """A killed Codex, until its conversation is on the screen again: three ways, beside the command typed by hand."""
    codex = os.environ.get("CODEX_TMUX_TEST_CODEX", "")
    if not os.access(codex, os.X_OK):
        print("no real Codex: kill to screen is not measured (make codex)")
        return []
    times = 3 if quick else 9
    itself = "set -g @codex-on-death respawn"
    return [
        beside_by_hand("respawn of a pane that sleeps → conversation", codex, times, from_sleep=True),
        beside_by_hand("kill -9, respawn-pane at once → conversation", codex, times),
        beside_by_hand("kill -9 → conversation, by itself (@codex-on-death respawn)", codex, times, itself),
    ]


def beside_by_hand(what: str, codex: str, times: int, config: str = "", from_sleep: bool = False) -> Line:
    """One of the ways, and in turn the command typed by hand in a server without the plugin."""
    with Sandbox(codex) as world, Sandbox(codex) as plain:
        world.start_server(load_plugin=True, config=config)
        plain.start_server(config="set -g remain-on-exit on")
        world.attach()
        plain.attach()
        pane, _ = world.talk("first")
        by_hand = plain.new_pane()
        session = plain.ask(by_hand, "first").session_id

        def back(w: Sandbox, p: str, respawn: tuple[str, ...]) -> Cost:
            old = w.format(p, "#{pane_pid}")
            begin = time.perf_counter()
            w.kill(p)
            if from_sleep:
                w.wait_asleep(p) if w is world else w.wait_dead(p)
                begin = time.perf_counter()
            if respawn:
                w.tmux("respawn-pane", "-t", p, *respawn)
            w.wait_for(lambda: w.format(p, "#{pane_pid} #{pane_dead}") not in (f"{old} 0",), 20, "its end")
            # Codex clears the screen at its start: what stands there is drawn anew.
            w.wait_for(lambda: "turn 1 |" in w.capture(p) and w.format(p, "#{pane_dead}") == "0", 20, "it")
            return Cost((time.perf_counter() - begin) * 1000)

        def ours() -> Cost:
            took = back(world, pane, () if config else ("-k",))
            world.wait_state(pane, "live")
            time.sleep(1.5)  # Codex and the syncs that its start causes come to rest
            if config:
                # Not the fourth time within a minute: that one sleeps.
                in_world(world, "store.save(tuple(r._replace(revivals=()) for r in store.load()))")
            return took

        def floor() -> Cost:
            took = back(plain, by_hand, ("-k", f"codex resume {session}"))
            time.sleep(1.5)
            return took

        return side_by_side(what, ours, floor, BY_HAND, "1.25 x" if config else "1.15 x", times)


def in_world(world: Sandbox, script: str, data: bytes = b"") -> None:
    """Run Python in the world's environment, with the state file locked."""
    lines = f"import sys, pickle\nfrom codex_tmux.state import store\nwith store.lock(): {script}"
    subprocess.run([sys.executable, "-c", lines], input=data, env={**os.environ, **world.env}, check=True)


def bench_restore(quick: bool) -> list[Line]:
    """`restore` of fifty lost panes, until all of them wait to be shown or run Codex."""
    times = 2 if quick else 3
    return [restore_beside_loop(False, times), restore_beside_loop(True, times)]


PANES = 50


def lose(world: Sandbox) -> None:
    """Records of panes that a former tmux server of this socket held, ten windows of one pane a tmux session."""
    records = []
    for number in range(PANES):
        session = session_id(number)
        write_rollout(world.codex_home, session, str(world.work))
        places = (
            f"%{number + 1000}",
            f"work{number // 10}",
            number % 10,
            "api",
            f"b25d,120x40,0,0,{number}",
            0,
        )
        runs = (str(world.work), "/bin/cat", str(world.codex_home), (), now())
        records.append(Record(session, "title", "tui", "live", str(world.socket), "1:1", *places, *runs))
    in_world(world, "store.save(pickle.load(sys.stdin.buffer))", pickle.dumps(tuple(records)))


def there(world: Sandbox) -> int:
    """How many panes wait for their session, or run its Codex."""
    rows = [line.split("\t") for line in world.tmux("list-panes", "-a", "-F", FORM).splitlines()]
    return sum(1 for session, dead, command in rows if session and (dead == "1" or command == "cat"))


def windows() -> list[tuple[str, ...]]:
    """The tmux commands that make the windows."""
    new = ("new-session", "-d", "-n", "api", "-s"), ("new-window", "-d", "-n", "api", "-t")
    return [(*new[n % 10 > 0], f"work{n // 10}" + ":" * (n % 10 > 0)) for n in range(PANES)]


def restore_beside_loop(layout: bool, times: int) -> Line:
    """Windows that have to be built, or are there with shells, beside the tmux commands alone, one call each."""
    calls = [("respawn-pane", "-k", "-t", f"work{n // 10}:{n % 10}") for n in range(PANES)]

    def made(world: Sandbox) -> None:
        for words in windows():
            world.tmux(*words, "-c", str(world.work), "bash --norc")
        time.sleep(0.5)  # the shells show their prompts

    def ours() -> Cost:
        with Sandbox() as world:
            world.start_server(load_plugin=True, config="" if layout else "set -g @codex-restore off")
            lose(world)
            if layout:
                made(world)
            args = ("--resurrect", "post-restore-all") if layout else ()
            begin = time.perf_counter()
            cost = spawn(
                [str(world.bin / "codex-tmux"), "restore", *args], world.inside | {"TMUX_PANE": "%0"}
            )
            world.wait_for(lambda: there(world) >= PANES, 20, f"{PANES} panes")
            return Cost((time.perf_counter() - begin) * 1000, cost.cpu)

    def floor() -> Cost:
        with Sandbox() as world:
            world.start_server()
            if layout:
                made(world)
            loop = "\n".join(
                f"tmux -S {world.socket} {' '.join(w)} cat" for w in (calls if layout else windows())
            )
            return spawn(["/bin/sh", "-c", loop], world.env)

    what = f"restore of {PANES} panes " + ("whose layout is there" if layout else "to be built")
    return side_by_side(
        what, ours, floor, f"a loop of {calls[0][0] if layout else 'new-window'} calls", "3 s", times
    )
