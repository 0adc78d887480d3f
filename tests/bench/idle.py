"""What it costs while nothing happens, while titles spin, and when everything dies at once."""

from __future__ import annotations

import os
import shlex
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.measure import Figure, Line, children, figure, reaped_faults, server_cpu, wake_ups
from tests.bench.worlds import bound, fake_codex, filled, server_pid, session_id, show_title
from tests.support.world import Sandbox

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
HERTZ = 10


class Watched:
    """A tmux server over a while: what it started, what it used, how often it woke."""

    def __init__(self, server: int, seconds: float, meanwhile: Callable[[], None] | None = None) -> None:
        before = (reaped_faults(server), children(server), server_cpu(server), wake_ups(server))
        begin = time.monotonic()
        if meanwhile:
            meanwhile()
        time.sleep(max(0.0, begin + seconds - time.monotonic()))
        self.seconds = time.monotonic() - begin
        self.cpu = server_cpu(server) - before[2]
        self.woken = wake_ups(server) - before[3]
        # A child that has come and gone leaves its page faults; one that is still there is seen.
        self.started_none = reaped_faults(server) == before[0] and children(server) == before[1]

    def figures(self, what: str, plain: Watched) -> list[Figure]:
        """Beside the same server without the plugin."""
        per_minute = 60 / self.seconds
        return [
            figure(
                f"{what}: processes started by tmux in {self.seconds:.0f} s",
                "none" if self.started_none else "some",
                f"without the plugin {'none' if plain.started_none else 'some'}",
                "none",
            ),
            figure(
                f"{what}: processor of the tmux server, a minute",
                f"{self.cpu * per_minute:.1f} ms",
                f"without the plugin {plain.cpu * 60 / plain.seconds:.1f} ms",
            ),
            figure(
                f"{what}: wake-ups of the tmux server, a minute",
                f"{self.woken * per_minute:.0f}",
                f"without the plugin {plain.woken * 60 / plain.seconds:.0f}",
            ),
        ]


def bench_idle(quick: bool, seconds: float) -> list[Line | Figure]:
    """Idle Codex panes, spinning titles, panes without Codex: the same with the plugin and without."""
    found: list[Line | Figure] = []
    panes = 50
    with filled(panes + 1, panes) as world, filled(panes + 1, panes, plugin=False) as plain:
        servers = server_pid(world), server_pid(plain)
        ours, theirs = at_once(lambda: Watched(servers[0], seconds), lambda: Watched(servers[1], seconds))
        found += ours.figures(f"{panes} idle Codex panes", theirs)
        ours, theirs = at_once(
            lambda: Watched(servers[0], seconds, lambda: spin(world, seconds)),
            lambda: Watched(servers[1], seconds, lambda: spin(plain, seconds)),
        )
        found += ours.figures(f"{panes} titles spinning {HERTZ} times a second", theirs)
        frames = panes * HERTZ * seconds
        found.append(
            figure(
                "processor of the tmux server, a title change",
                f"{ours.cpu / frames * 1000:.0f} µs",
                f"without the plugin {theirs.cpu / frames * 1000:.0f} µs",
            )
        )
        found.append(resident(world))
    panes = 50 if quick else 200
    with filled(panes, 0) as world, filled(panes, 0, plugin=False) as plain:
        servers = server_pid(world), server_pid(plain)
        ours, theirs = at_once(lambda: Watched(servers[0], seconds), lambda: Watched(servers[1], seconds))
        found += ours.figures(f"{panes} panes without Codex", theirs)
    return found


def at_once(*actions: Callable[[], Watched]) -> list[Watched]:
    """Do all of them at the same time, so that the machine is the same for each; their results."""
    results: dict[int, Watched] = {}

    def do(at: int, action: Callable[[], Watched]) -> None:
        results[at] = action()

    threads = [threading.Thread(target=do, args=(at, action)) for at, action in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [results[at] for at in range(len(actions))]


def spin(world: Sandbox, seconds: float) -> None:
    """Let every Codex pane's title spin, as Codex's own does while it works."""
    lines = world.tmux("list-panes", "-a", "-F", "#{pane_tty} #{pane_title}").splitlines()
    titles = [line.split(" ", 1) for line in lines if " | " in line]
    terminals = [(os.open(tty, os.O_WRONLY | os.O_NOCTTY), title) for tty, title in titles]
    begin = time.monotonic()
    frame = 0
    while time.monotonic() < begin + seconds:
        for fd, title in terminals:
            os.write(fd, f"\x1b]0;{SPINNER[frame % len(SPINNER)]} {title}\x07".encode())
        frame += 1
        time.sleep(max(0.0, begin + frame / HERTZ - time.monotonic()))
    for fd, _ in terminals:
        os.close(fd)


def resident(world: Sandbox) -> Figure:
    """Processes of codex-tmux that run while nothing happens, in a server of which one pane sleeps."""
    pane = world.tmux("list-panes", "-a", "-F", "#{pane_id} #{@codex_session}").splitlines()[1].split()[0]
    pid = int(world.format(pane, "#{pane_pid}"))
    for child in children(pid):
        os.kill(child, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    world.wait_for(
        lambda: world.format(pane, "#{@codex_asleep}#{pane_dead}") == "11", 20, "a pane that sleeps"
    )
    time.sleep(2)
    ours = [p for p in world.processes() if b"codex_tmux" in Path(f"/proc/{p}/cmdline").read_bytes()]
    asleep = world.tmux("list-panes", "-a", "-F", "#{@codex_asleep} #{pane_dead}").split("\n").count("1 1")
    return figure("resident processes of ours, one pane asleep", f"{len(ours)}", f"{asleep} pane asleep", "0")


def bench_deaths(quick: bool) -> list[Line | Figure]:
    """Fifty Codex panes die within one second: how many syncs see to them?"""
    panes = 20 if quick else 50
    with Sandbox() as world:
        calls, helper = world.root / "calls", world.root / "counting-helper"
        helper.write_text(f'#!/bin/sh\necho "$*" >> {calls}\nexec {world.bin}/codex-tmux "$@"\n')
        helper.chmod(0o700)
        world.start_server(load_plugin=True, config=f"set -g @codex-tmux-bin {shlex.quote(str(helper))}")
        for number in range(panes):
            pane = world.new_pane(fake_codex(world))
            show_title(world, pane, f"work | {session_id(number)[:29]}...")
        bound(world, panes)
        return [died(world, panes, calls)]


def died(world: Sandbox, panes: int, calls: Path) -> Figure:
    """Kill them and count."""
    rows = [
        r.split(" ")
        for r in world.tmux("list-panes", "-a", "-F", "#{pane_pid} #{?@codex_session,y,}").splitlines()
    ]
    roots = [int(pid) for pid, session in rows if session]
    before = len(calls.read_text().splitlines())
    begin = time.monotonic()
    for pid in roots:
        for child in children(pid):
            os.kill(child, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
    killed = time.monotonic() - begin

    def asleep() -> bool:
        # tmux with utempter may have missed that a process has ended, until another one does.
        world.tmux("run-shell", "-b", "true")
        states = world.tmux("list-panes", "-a", "-F", "#{@codex_asleep}#{pane_dead}#{@codex_state}").split()
        return states.count("11dead") == panes

    world.wait_for(asleep, 30, "all asleep")
    took = time.monotonic() - begin
    time.sleep(2)
    syncs = sum(call.startswith("sync") for call in calls.read_text().splitlines()[before:])
    return figure(
        f"{panes} Codex panes killed within {killed:.2f} s: syncs",
        f"{syncs}",
        f"all asleep after {took:.1f} s",
        "3 syncs",
    )
