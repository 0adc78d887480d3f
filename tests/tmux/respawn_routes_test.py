"""Every way to respawn a pane, on every kind of pane: the same session, the same flags, and no prompt sent again."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from typing import NamedTuple

import psutil
import pytest

from codex_tmux.sandbox import Sandbox
from codex_tmux.standin import PROMPT_DELAY

FLAGS = ("-m", "x", "-s", "read-only")
PREFIX = b"\x02"
# Keys that a configuration binds before it loads the plugin.
CONFIG = """
bind-key X respawn-pane -k
bind-key Y { display-message "about to respawn" ; respawn-pane -k }
bind-key C-r if-shell true "respawn-pane -k"
bind-key Q confirm-before -p "respawn?" "respawn-pane -k"
bind-key W respawn-window -k
"""


class Started(NamedTuple):
    """A pane that runs Codex with one turn behind it."""

    kind: str
    pane: str
    session: str
    first: str
    pid: int


@pytest.fixture
def world(sandbox: Sandbox) -> Sandbox:
    sandbox.start_server(load_plugin=True, config=CONFIG)
    return sandbox


def shell_pane(sandbox: Sandbox, *command: str) -> str:
    """A tmux window with the user's shell."""
    where = ("-t", "main:", "-n", "shell", "-c", str(sandbox.work))
    return sandbox.tmux("new-window", "-d", "-P", "-F", "#{pane_id}", *where, *command)


def begin(sandbox: Sandbox, kind: str) -> tuple[str, str]:
    """Start Codex in a new pane; the pane, and the message it was given ("": none)."""
    codex, words = str(sandbox.bin / "codex"), f"begin in {kind}"
    if kind.startswith("prompt"):
        return sandbox.new_pane(shlex.join(["codex", *FLAGS, words])), words
    if kind.startswith("words"):
        return sandbox.new_pane("codex", *FLAGS, words), words
    if kind.startswith("run"):
        return sandbox.new_pane("codex-tmux", "run", "--", *FLAGS), ""
    assert kind.startswith("shell")
    pane = shell_pane(sandbox)
    sandbox.wait_for(lambda: sandbox.capture(pane).strip(), 10, "the shell's prompt")
    # A login shell may have set PATH anew: the whole path.
    sandbox.tmux("send-keys", "-t", pane, shlex.join([codex, *FLAGS, words]), "Enter")
    return pane, words


def start(sandbox: Sandbox, *kinds: str) -> list[Started]:
    """Start Codex in one pane for each kind; returns when each session is bound to its pane."""
    begun = [(kind, *begin(sandbox, kind)) for kind in kinds]
    started = []
    for kind, pane, words in begun:
        if not words:
            words = f"begin in {kind}"
            sandbox.ask(pane, words)
        sandbox.wait_for(lambda p=pane: "turn 1 |" in sandbox.capture(p), 20, f"the first turn in {kind}")  # type: ignore[misc]
        (request,) = sandbox.model.turns_with(words)
        sandbox.wait_for(
            lambda p=pane, s=request.session_id: sandbox.format(p, "#{@codex_session}") == s,  # type: ignore[misc]
            10,
            f"@codex_session of {kind}",
        )
        started.append(Started(kind, pane, request.session_id, words, sandbox.codex_pid(pane)))
    return started


def kill(sandbox: Sandbox, it: Started) -> None:
    """Kill Codex and wait until tmux has seen it; no longer: a respawn may follow at once."""
    os.kill(it.pid, signal.SIGKILL)
    if it.kind.startswith("shell"):
        sandbox.wait_for(
            lambda: sandbox.format(it.pane, "#{pane_current_command}") == "bash", 10, "the shell"
        )
    else:
        sandbox.wait_for(lambda: sandbox.format(it.pane, "#{pane_dead}") == "1", 10, "the pane to be dead")


def command_line(sandbox: Sandbox, pane: str) -> list[str]:
    """The command line of the Codex in a pane; empty while there is none."""
    try:
        return list(psutil.Process(sandbox.codex_pid(pane)).cmdline())
    except psutil.Error:
        return []


def wait_resumed(sandbox: Sandbox, it: Started) -> None:
    """Wait until another Codex than before runs in the pane, with its session."""

    def resumed() -> bool:
        return it.session in command_line(sandbox, it.pane) and sandbox.codex_pid(it.pane) != it.pid

    sandbox.wait_for(resumed, 15, f"{it.kind}: codex resume {it.session} in {it.pane}")


def check_resumed(
    sandbox: Sandbox, started: list[Started], turns: int, flags: tuple[str, ...] = FLAGS
) -> None:
    """Each pane came back with its own session and flags, and nothing was said on its behalf."""
    for it in started:
        wait_resumed(sandbox, it)
        line = command_line(sandbox, it.pane)
        at = line.index("resume")
        assert tuple(line[at - len(flags) : at]) == flags, it.kind
        assert line[at + 1 :] == [it.session], it.kind
        sandbox.wait_for(
            lambda p=it.pane: "turn 1 |" in sandbox.capture(p),  # type: ignore[misc]
            10,
            f"{it.kind}: the conversation in {it.pane}",
        )
    time.sleep(PROMPT_DELAY + 0.3)
    assert [r.last for r in sandbox.model.requests[turns:]] == [], "nothing was sent by itself"
    for it in started:
        request = sandbox.ask(it.pane, f"on in {it.kind}")
        assert request.messages == (it.first, f"on in {it.kind}"), it.kind
        assert request.session_id == it.session, it.kind


def press(sandbox: Sandbox, pane: str, *keys: bytes) -> None:
    """Press keys with the pane in front of an attached client."""
    client = sandbox.clients[0] if sandbox.clients else sandbox.attach()
    sandbox.tmux("select-window", "-t", pane)
    sandbox.tmux("select-pane", "-t", pane)
    sandbox.wait_for(
        lambda: sandbox.tmux("list-clients", "-F", "#{pane_id}").splitlines()[0] == pane,
        5,
        "the client to see it",
    )
    for key in keys:
        client.send(key)
        time.sleep(0.15)


def choose_from_menu(sandbox: Sandbox, pane: str) -> None:
    press(sandbox, pane, PREFIX + b">")
    sandbox.wait_for(lambda: b"Respawn" in sandbox.clients[0].output, 5, "the pane's menu")
    sandbox.clients[0].send(b"R")


def by_script(sandbox: Sandbox, pane: str) -> None:
    script = sandbox.root / "again.sh"
    script.write_text('#!/bin/sh\ntmux respawn-pane -k -t "$1"\n')
    sandbox.tmux("run-shell", f"sh {script} {pane}")


def in_control_mode(sandbox: Sandbox, pane: str) -> None:
    tmux = ["tmux", "-S", str(sandbox.socket), "-C", "attach-session", "-t", "main"]
    with subprocess.Popen(tmux, env=sandbox.env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as control:
        assert control.stdin
        control.stdin.write(f"respawn-pane -k -t {pane}\n".encode())
        control.stdin.flush()
        time.sleep(1.0)
        control.stdin.close()


def bound_late(sandbox: Sandbox, pane: str) -> None:
    sandbox.tmux("bind-key", "Z", "respawn-pane", "-k")
    press(sandbox, pane, PREFIX + b"Z")


Route = Callable[[Sandbox, str], object]

ANY: dict[str, Route] = {
    "cli -k": lambda s, p: s.tmux("respawn-pane", "-k", "-t", p),
    "respawnp -k": lambda s, p: s.tmux("respawnp", "-k", "-t", p),
    "respawn-p -k": lambda s, p: s.tmux("respawn-p", "-k", "-t", p),
    "respawn-window -k": lambda s, p: s.tmux("respawn-window", "-k", "-t", p),
    "respawnw -k": lambda s, p: s.tmux("respawnw", "-k", "-t", p),
    "-c": lambda s, p: s.tmux("respawn-pane", "-k", "-c", "/", "-t", p),
    "command prompt": lambda s, p: press(s, p, PREFIX + b":", b"respawn-pane -k\r"),
    "key bound before load": lambda s, p: press(s, p, PREFIX + b"X"),
    "key with two commands": lambda s, p: press(s, p, PREFIX + b"Y"),
    "key with a nested command": lambda s, p: press(s, p, PREFIX + b"\x12"),
    "key that asks": lambda s, p: press(s, p, PREFIX + b"Q", b"y"),
    "key for the window": lambda s, p: press(s, p, PREFIX + b"W"),
    "key bound after load": bound_late,
    "menu": choose_from_menu,
    "script": by_script,
    "control mode": in_control_mode,
    "helper": lambda s, p: s.helper("respawn", "-t", p),
    "prefix R": lambda s, p: press(s, p, PREFIX + b"R"),
}
"""Routes that serve a living pane as well as a dead one."""

DEAD_ONLY: dict[str, Route] = {
    "cli": lambda s, p: s.tmux("respawn-pane", "-t", p),
    "respawnp": lambda s, p: s.tmux("respawnp", "-t", p),
    "respawn-pa": lambda s, p: s.tmux("respawn-pa", "-t", p),
    "respawn-window": lambda s, p: s.tmux("respawn-window", "-t", p),
    "respawn-w": lambda s, p: s.tmux("respawn-w", "-t", p),
    "by place": lambda s, p: s.tmux(
        "respawn-pane", "-t", s.format(p, "#{session_name}:#{window_index}.#{pane_index}")
    ),
}


@pytest.mark.parametrize("route", [*ANY, *DEAD_ONLY])
def test_killed_panes_come_back(world: Sandbox, route: str) -> None:
    started = start(world, "prompt", "words", "run", *(["shell"] if route in ANY else []))
    turns = len(world.model.requests)
    for it in started:
        kill(world, it)
        (ANY | DEAD_ONLY)[route](world, it.pane)
        # A key waits for the sync under way, and the keys behind it do so too: another window in front by then
        # would get them.
        wait_resumed(world, it)
    check_resumed(world, started, turns)


@pytest.mark.parametrize("route", list(ANY))
def test_living_panes_come_back(world: Sandbox, route: str) -> None:
    started = start(world, "prompt", "words", "run", "shell")
    turns = len(world.model.requests)
    for it in started:
        ANY[route](world, it.pane)
        wait_resumed(world, it)
    check_resumed(world, started, turns)


@pytest.mark.parametrize("kind", ["prompt", "run"])
def test_a_respawn_at_any_moment_after_the_death(world: Sandbox, kind: str) -> None:
    """The moment after a death is busy: a sync starts, lays the pane to sleep, waits until it is."""
    (it,) = start(world, kind)
    turns = len(world.model.requests)
    for step in range(32):
        kill(world, it)
        time.sleep(step * 0.02)
        world.tmux("respawn-pane", "-t", it.pane)
        began = time.monotonic()
        wait_resumed(world, it)
        assert time.monotonic() - began < 4, f"{step * 0.02:.2f} s after the death"
        it = it._replace(pid=world.codex_pid(it.pane))
    check_resumed(world, [it._replace(pid=0)], turns)
