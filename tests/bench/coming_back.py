"""How long a conversation is away: after a kill, and after the tmux server's end."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time

from codex_tmux.state.records import Record, now
from tests.bench.hook_path import growth
from tests.bench.measure import Cost, Figure, Line, server_cpu, side_by_side, spawn
from tests.bench.worlds import environment, real_codex, session_id, write_rollout
from tests.support.world import Sandbox

BY_HAND = "respawn-pane -k 'codex resume ID'"
FORM = "#{@codex_session}\t#{pane_dead}\t#{@codex_asleep}\t#{pane_current_command}"


def bench_kill(quick: bool) -> list[Line | Figure]:
    """A killed Codex, until its conversation is on the screen again: three ways, beside the command typed by hand."""
    codex = real_codex()
    if not codex:
        print("no real Codex: kill to screen is not measured (make codex)")
        return []
    times = 3 if quick else 9
    return [
        beside_by_hand("respawn of a pane that sleeps → conversation", codex, times, "", from_sleep=True),
        beside_by_hand("kill -9, respawn-pane at once → conversation", codex, times, "", from_sleep=False),
        beside_by_hand(
            "kill -9 → conversation, by itself (@codex-on-death respawn)",
            codex,
            times,
            "set -g @codex-on-death respawn",
            from_sleep=False,
        ),
    ]


def beside_by_hand(what: str, codex: str, times: int, config: str, from_sleep: bool) -> Line:
    """One of the ways, and in turn the command typed by hand in a server without the plugin."""
    with Sandbox(codex) as world, Sandbox(codex) as plain:
        world.start_server(load_plugin=True, config=config)
        plain.start_server()
        world.attach()
        plain.attach()
        pane, by_hand = world.new_pane(), plain.new_pane()
        world.ask(pane, "first")
        session = plain.ask(by_hand, "first").session_id
        plain.tmux("set-option", "-g", "remain-on-exit", "on")
        is_live = ("show-options", "-pqv", "-t", pane, "@codex_state")
        world.wait_for(lambda: world.tmux(*is_live) == "live", 20, "a record")

        def is_up(w: Sandbox, p: str) -> bool:
            # Codex clears the screen at its start: what stands there is drawn anew.
            return "turn 1 |" in w.capture(p) and w.format(p, "#{pane_dead}") == "0"

        def is_gone(w: Sandbox, p: str, pid: int) -> bool:
            return w.format(p, "#{pane_pid}") != str(pid) or w.format(p, "#{pane_dead}") == "1"

        def ours() -> Cost:
            old = int(world.format(pane, "#{pane_pid}"))
            if from_sleep:
                os.kill(world.codex_pid(pane), signal.SIGKILL)
                world.wait_format(pane, "#{@codex_asleep}#{pane_dead}", "11")
                begin = time.perf_counter()
            else:
                victim = world.codex_pid(pane)
                begin = time.perf_counter()
                os.kill(victim, signal.SIGKILL)
            if from_sleep or not config:
                world.tmux("respawn-pane", *([] if from_sleep else ["-k"]), "-t", pane)
            world.wait_for(lambda: is_gone(world, pane, old), 20, "the old process to go")
            world.wait_for(lambda: is_up(world, pane), 20, "the conversation")
            took = Cost((time.perf_counter() - begin) * 1000)
            world.wait_for(lambda: world.tmux(*is_live) == "live", 20, "live")
            time.sleep(1.5)  # Codex and the syncs that its start causes come to rest
            if config:
                # Not the fourth time within a minute: that one sleeps.
                forget_revivals(world)
            return took

        def floor() -> Cost:
            victim = plain.codex_pid(by_hand)
            begin = time.perf_counter()
            os.kill(victim, signal.SIGKILL)
            if from_sleep:
                plain.wait_format(by_hand, "#{pane_dead}", "1")
                begin = time.perf_counter()
            old = int(plain.format(by_hand, "#{pane_pid}"))
            plain.tmux("respawn-pane", "-k", "-t", by_hand, f"codex resume {session}")
            plain.wait_for(lambda: is_gone(plain, by_hand, old), 20, "the old process to go")
            plain.wait_for(lambda: is_up(plain, by_hand), 20, "the conversation")
            took = Cost((time.perf_counter() - begin) * 1000)
            time.sleep(1.5)
            return took

        return side_by_side(what, ours, floor, BY_HAND, "1.15 x", times)


def forget_revivals(world: Sandbox) -> None:
    """Let the record forget how often its pane came back by itself."""
    in_world(
        world,
        "from codex_tmux.state import store\n"
        "with store.lock(): store.save(tuple(r._replace(revivals=()) for r in store.load()))",
    )


def in_world(world: Sandbox, script: str, data: bytes = b"") -> None:
    """Run Python in the world's environment."""
    subprocess.run([sys.executable, "-c", script], input=data, env={**os.environ, **world.env}, check=True)


def bench_restore(quick: bool) -> list[Line | Figure]:
    """`restore` of a tmux server's lost panes, until all of them wait to be shown or run Codex."""
    lines: list[Line | Figure] = []
    found = {}
    for panes in (10, 50) if quick else (10, 50, 200):
        line = restore_beside_loop(panes, times=2 if quick else 3)
        lines.append(line)
        found[panes] = line.ours
    lines.append(restore_into_layout(50, times=2 if quick else 3))
    return [*lines, growth("restore, over lost panes", found)] if len(found) > 2 else lines


def lose(world: Sandbox, panes: int) -> list[Record]:
    """Records of panes that a former tmux server of this socket held, ten windows of one pane a tmux session."""
    records = []
    for number in range(panes):
        session = session_id(number)
        write_rollout(world.codex_home, session, str(world.work))
        records.append(
            Record(
                session,
                "title",
                "tui",
                "live",
                str(world.socket),
                "1:1",
                f"%{number + 1000}",
                f"work{number // 10}",
                number % 10,
                "api",
                f"b25d,120x40,0,0,{number}",
                0,
                str(world.work),
                "/bin/cat",
                str(world.codex_home),
                (),
                now(),
            )
        )
    script = (
        "import sys, pickle; from codex_tmux.state import store\n"
        "with store.lock(): store.save(pickle.load(sys.stdin.buffer))"
    )
    in_world(world, script, pickle.dumps(tuple(records)))
    return records


def there(world: Sandbox) -> int:
    """How many panes wait for their session, or run its Codex."""
    rows = [line.split("\t") for line in world.tmux("list-panes", "-a", "-F", FORM).splitlines()]
    return sum(1 for session, dead, _, command in rows if session and (dead == "1" or command == "cat"))


def restore_beside_loop(panes: int, times: int) -> Line:
    """Windows that have to be built, beside the tmux commands alone that this takes, one call each."""

    def ours() -> Cost:
        with Sandbox() as world:
            world.start_server(load_plugin=True, config="set -g @codex-restore off")
            lose(world, panes)
            return restored(world, panes)

    def floor() -> Cost:
        with Sandbox() as world:
            world.start_server()
            calls = []
            for number in range(panes):
                target = f"work{number // 10}"
                new = f"new-session -d -s {target}" if number % 10 == 0 else f"new-window -d -t {target}:"
                calls.append(f"tmux -S {world.socket} {new} -n api -c {world.work} cat")
            script = world.root / "loop.sh"
            script.write_text("\n".join(calls) + "\n")
            return spawn(["/bin/sh", str(script)], world.env, world.server_pid)

    return side_by_side(
        f"restore of {panes} panes, to be built", ours, floor, "a loop of new-window calls", "", times
    )


def restored(world: Sandbox, panes: int, *args: str) -> Cost:
    """Run `restore`, and wait until all is there."""
    env, server = environment(world, "%0"), world.server_pid
    before = server_cpu(server)
    begin = time.perf_counter()
    cost = spawn([str(world.bin / "codex-tmux"), "restore", *args], env, 0)
    world.wait_for(lambda: there(world) >= panes, 20, f"{panes} panes")
    return Cost((time.perf_counter() - begin) * 1000, cost.cpu, server_cpu(server) - before)


def restore_into_layout(panes: int, times: int) -> Line:
    """Panes that are there already, with shells, as tmux-resurrect leaves them, beside a loop of respawns."""

    def layout(world: Sandbox) -> None:
        for number in range(panes):
            target = f"work{number // 10}"
            new = (
                ["new-session", "-d", "-s", target]
                if number % 10 == 0
                else ["new-window", "-d", "-t", f"{target}:"]
            )
            world.tmux(*new, "-n", "api", "-c", str(world.work), "bash --norc")
        time.sleep(0.5)  # the shells show their prompts

    def ours() -> Cost:
        with Sandbox() as world:
            world.start_server(load_plugin=True)
            records = lose(world, panes)
            layout(world)
            cost = restored(world, panes, "--resurrect", "post-restore-all")
            listed = json.loads(world.helper("list", "--json"))["panes"]
            assert {r["session_id"] for r in listed} >= {r.session_id for r in records}
            return cost

    def floor() -> Cost:
        with Sandbox() as world:
            world.start_server()
            layout(world)
            calls = [
                f"tmux -S {world.socket} respawn-pane -k -t work{n // 10}:{n % 10} cat" for n in range(panes)
            ]
            script = world.root / "loop.sh"
            script.write_text("\n".join(calls) + "\n")
            return spawn(["/bin/sh", str(script)], world.env, world.server_pid)

    return side_by_side(
        f"restore of {panes} panes whose layout is there",
        ours,
        floor,
        "a loop of respawn-pane calls",
        "3 s",
        times,
    )
