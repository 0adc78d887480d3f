"""Other tools for the same job, on the same Codex panes: how long they take, and how many sessions they name right.

Their checkouts are named by environment variables; without one the tool is skipped.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.measure import Cost, Figure, Line, figure, median, spawn
from tests.bench.worlds import environment, real_codex, server_pid, started_by_hooks
from tests.support.world import Sandbox

PANES = 8
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
RESURRECT = "TMUX_RESURRECT_DIR"
ASSISTANT = "TMUX_ASSISTANT_RESURRECT_DIR"


def bench_peers(quick: bool) -> list[Line | Figure]:
    """Eight Codex panes, seven of them in one directory, all in Codex's shared background server."""
    codex = real_codex()
    if not codex:
        print("no real Codex: peers are not measured (make codex)")
        return []
    found: list[Line | Figure] = []
    times = 3 if quick else 7
    with Sandbox(codex) as world:
        world.start_server(load_plugin=True)
        truth = conversations(world)
        where = f"{PANES} real Codex panes, {PANES - 1} of them in one directory"
        env, server = environment(world, "%0"), server_pid(world)
        sync = [*started_by_hooks(world), "sync", "--settle"]
        found += told(
            "codex-tmux, a sync",
            where,
            [spawn(sync, env, server) for _ in range(times)],
            truth,
            named_by_us(world),
        )
        checkout = os.environ.get(RESURRECT)
        if checkout:
            save = ["bash", f"{checkout}/scripts/save.sh", "quiet"]
            costs = [spawn(save, env, server) for _ in range(times)]
            # Of two saves within one second it may keep neither: they have one file name.
            time.sleep(1.1)
            spawn(save, env, server)
            found += told("tmux-resurrect, save", where, costs, truth, named_by_resurrect(world))
        else:
            found.append(figure("tmux-resurrect", "skipped", f"{RESURRECT} names no checkout"))
        assistant = os.environ.get(ASSISTANT)
        if assistant:
            save = ["bash", f"{assistant}/scripts/save-assistant-sessions.sh"]
            costs = [spawn(save, env, server) for _ in range(times)]
            found += told("tmux-assistant-resurrect, save", where, costs, truth, named_by_assistant(world))
            # Afterwards: it types into the panes.
            found += restores(world, assistant, truth)
        else:
            found.append(figure("tmux-assistant-resurrect", "skipped", f"{ASSISTANT} names no checkout"))
    return found


def conversations(world: Sandbox) -> dict[str, str]:
    """Start the conversations; pane → session."""
    other = world.make_dir("other")
    panes = [world.new_pane("bash --norc", cwd=other if n == 0 else world.work) for n in range(PANES)]
    for pane in panes:
        world.tmux("send-keys", "-t", pane, "codex", "Enter")
    truth = {}
    for number, pane in enumerate(panes):
        world.wait_ready(pane)
        truth[pane] = world.ask(pane, f"I am number {number}").session_id
    world.wait_for(lambda: len(named_by_us(world)) == PANES, 30, "all to be bound")
    time.sleep(2)
    return truth


def told(
    tool: str, where: str, costs: list[Cost], truth: dict[str, str], named: dict[str, str] | None
) -> list[Line | Figure]:
    """What a tool took, and how many of the sessions it names right."""
    cost = median(costs)
    right = (
        ""
        if named is None
        else f"{sum(named.get(p) == s for p, s in truth.items())} of {len(truth)} named right; "
    )
    return [figure(tool, right + took(cost), where)]


def took(cost: Cost) -> str:
    """A cost in words."""
    return f"{cost.wall:.0f} ms, processor {cost.cpu:.0f} ms, of the tmux server {cost.server:.0f} ms"


def named_by_us(world: Sandbox) -> dict[str, str]:
    """Pane → session."""
    rows = json.loads(world.helper("list", "--json"))["panes"]
    return {row["pane"]: row["session_id"] for row in rows if row["session_id"]}


def panes_by_place(world: Sandbox) -> dict[str, str]:
    """`session:window.pane` → pane."""
    form = "#{session_name}:#{window_index}.#{pane_index} #{pane_id}"
    return dict(line.split(" ") for line in world.tmux("list-panes", "-a", "-F", form).splitlines())


def named_by_resurrect(world: Sandbox) -> dict[str, str]:
    """Pane → session, by the command lines that tmux-resurrect has saved."""
    last = next(
        p
        for p in (world.home / ".tmux/resurrect/last", world.home / ".local/share/tmux/resurrect/last")
        if p.exists()
    )
    places, found = panes_by_place(world), {}
    for line in last.read_text().splitlines():
        fields = line.split("\t")
        if fields[0] == "pane" and (match := ID.search(fields[-1])):
            found[places.get(f"{fields[1]}:{fields[2]}.{fields[5]}", "")] = match[0]
    return found


def named_by_assistant(world: Sandbox) -> dict[str, str]:
    """Pane → session, by the file it has written."""
    written = json.loads((world.home / ".tmux/resurrect/assistant-sessions.json").read_text())
    places = panes_by_place(world)
    return {places.get(s["pane"], s["pane"]): s["session_id"] for s in written["sessions"]}


def restores(world: Sandbox, assistant: str, truth: dict[str, str]) -> list[Line | Figure]:
    """The time until the panes, their Codexes killed, run Codex again: by ours, and by the peer's restore."""
    found: list[Line | Figure] = []
    env, server = environment(world, "%0"), server_pid(world)

    def kill_all() -> None:
        for pane in truth:
            pid = world.codex_pid(pane)
            os.kill(pid, 9)
        form = "#{?#{==:#{pane_current_command},bash},y,}"
        world.wait_for(
            lambda: all(world.format(pane, form) == "y" for pane in truth), 20, "the shells to be back"
        )
        time.sleep(1)

    def shown() -> dict[str, str]:
        named = {}
        for pane in truth:
            argv = " ".join(command_lines(world, pane))
            if match := ID.search(argv):
                named[pane] = match[0]
        return named

    ways: list[tuple[str, Callable[[], Cost]]] = [
        # First: the other may leave another session in a pane, which is the pane's own from then on.
        ("codex-tmux, respawn of them", lambda: respawned(world, list(truth), env, server)),
        (
            "tmux-assistant-resurrect, restore of them",
            lambda: spawn(["bash", f"{assistant}/scripts/restore-assistant-sessions.sh"], env, server),
        ),
    ]
    for tool, way in ways:
        kill_all()
        cost = way()
        time.sleep(3)
        right = sum(shown().get(p) == s for p, s in truth.items())
        found.append(
            figure(
                tool,
                f"{right} of {len(truth)} resumed right; {took(cost)}",
            )
        )
    return found


def respawned(world: Sandbox, panes: list[str], env: dict[str, str], server: int) -> Cost:
    """`codex-tmux respawn` of each."""
    costs = [spawn([str(world.bin / "codex-tmux"), "respawn", "-t", pane], env, server) for pane in panes]
    return Cost(*(sum(values) for values in zip(*costs)))


def command_lines(world: Sandbox, pane: str) -> list[str]:
    """The command lines of a pane's processes."""
    pending, lines = [int(world.format(pane, "#{pane_pid}"))], []
    while pending:
        pid = pending.pop()
        try:
            lines.append(
                Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            )
            for task in os.listdir(f"/proc/{pid}/task"):
                pending += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
        except OSError:
            continue
    return lines
