"""Every way to respawn a pane, on every kind of pane: the same session, the same flags, and no prompt sent again."""

import os
import shlex
import shutil
import signal
import time
from collections.abc import Callable
from typing import NamedTuple

import psutil
import pytest

from codex_tmux.selftest.world import WorldError
from tests.support.standin import PROMPT_DELAY
from tests.support.world import Sandbox
from tests.tmux.control_mode_test import control_client

FLAGS = ("-m", "x", "-s", "read-only")
PREFIX = b"\x02"
# Keys that a configuration binds before it loads the plugin.
CONFIG = """
bind-key X respawn-pane -k
bind-key C-r if-shell true "respawn-pane -k"
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
    return sandbox.pane_by("new-window", "-d", *where, *command)


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
    sandbox.wait_for(lambda: sandbox.capture(pane).strip(), 20, "the shell's prompt")
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
        sandbox.wait_text(pane, "turn 1 |")
        (request,) = sandbox.model.turns_with(words)
        sandbox.wait_format(pane, "#{@codex_session}", request.session_id)
        started.append(Started(kind, pane, request.session_id, words, sandbox.codex_pid(pane)))
    return started


def kill(sandbox: Sandbox, it: Started) -> None:
    """Kill Codex and wait until tmux has seen it; no longer: a respawn may follow at once."""
    os.kill(it.pid, signal.SIGKILL)
    if it.kind.startswith("shell"):
        sandbox.wait_format(it.pane, "#{pane_current_command}", "bash")
    else:
        sandbox.wait_format(it.pane, "#{pane_dead}", "1")


def asleep(sandbox: Sandbox, kind: str = "prompt") -> Started:
    """The same of one pane whose Codex was killed since; it sleeps."""
    (it,) = start(sandbox, kind)
    kill(sandbox, it)
    sandbox.wait_asleep(it.pane)
    return it


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

    sandbox.wait_for(resumed, 20, f"{it.kind}: codex resume {it.session} in {it.pane}")


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
        sandbox.wait_text(it.pane, "turn 1 |")
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
        20,
        "the client to see it",
    )
    for key in keys:
        client.send(key)
        time.sleep(0.15)


def choose_from_menu(sandbox: Sandbox, pane: str) -> None:
    client = sandbox.clients[0] if sandbox.clients else sandbox.attach()
    client.output = b""  # an earlier menu is none
    press(sandbox, pane, PREFIX + b">")
    sandbox.wait_for(lambda: b"Respawn" in client.output, 20, "the pane's menu")
    client.send(b"R")


def by_script(sandbox: Sandbox, pane: str) -> None:
    script = sandbox.root / "again.sh"
    script.write_text('#!/bin/sh\ntmux respawn-pane -k -t "$1"\n')
    sandbox.tmux("run-shell", f"sh {script} {pane}")


def codex_of(sandbox: Sandbox, pane: str) -> int:
    """The process of the Codex in a pane, 0 where none runs."""
    try:
        return sandbox.codex_pid(pane)
    except WorldError:
        return 0


def in_control_mode(sandbox: Sandbox, pane: str) -> None:
    before = codex_of(sandbox, pane)
    with control_client(sandbox) as commands:
        commands.write(f"respawn-pane -k -t {pane}\n".encode())
        commands.flush()
        # When it ends, what it has queued is lost: a respawn that waits for a sync.
        sandbox.wait_for(lambda: codex_of(sandbox, pane) not in (0, before), 20, f"{pane} to be respawned")


def bound_late(sandbox: Sandbox, pane: str) -> None:
    sandbox.tmux("bind-key", "Z", "respawn-pane", "-k")
    press(sandbox, pane, PREFIX + b"Z")


def by_our_key(sandbox: Sandbox, pane: str) -> None:
    """The plugin's key; where Codex runs, with the yes that it asks for."""
    runs = sandbox.format(pane, "#{?pane_dead,,#{pane_current_command}}") in ("node", "codex")
    if sandbox.clients:
        sandbox.clients[0].output = b""  # an earlier question is none
    press(sandbox, pane, PREFIX + b"R")
    if runs:
        sandbox.wait_for(lambda: b"(y/n)" in sandbox.clients[0].output, 20, "the question")
        sandbox.clients[0].send(b"y")


Route = Callable[[Sandbox, str], object]

ANY: dict[str, Route] = {
    "cli -k": lambda s, p: s.tmux("respawn-pane", "-k", "-t", p),
    "respawnp -k": lambda s, p: s.tmux("respawnp", "-k", "-t", p),
    "respawn-window -k": lambda s, p: s.tmux("respawn-window", "-k", "-t", p),
    "respawnw -k": lambda s, p: s.tmux("respawnw", "-k", "-t", p),
    "-c": lambda s, p: s.tmux("respawn-pane", "-k", "-c", "/", "-t", p),
    "command prompt": lambda s, p: press(s, p, PREFIX + b":", b"respawn-pane -k\r"),
    "key bound before load": lambda s, p: press(s, p, PREFIX + b"X"),
    "key with a nested command": lambda s, p: press(s, p, PREFIX + b"\x12"),
    "key for the window": lambda s, p: press(s, p, PREFIX + b"W"),
    "key bound after load": bound_late,
    "menu": choose_from_menu,
    "script": by_script,
    "control mode": in_control_mode,
    "helper": lambda s, p: s.helper("respawn", "--force", "-t", p),
    "prefix R": by_our_key,
}
"""Routes that serve a living pane as well as a dead one."""
WITH_REAL = ("cli -k", "cli", "menu", "control mode", "prefix R")
"""The real Codex knows nothing of how its respawn is spelled."""

DEAD_ONLY: dict[str, Route] = {
    "cli": lambda s, p: s.tmux("respawn-pane", "-t", p),
    "respawnp": lambda s, p: s.tmux("respawnp", "-t", p),
    "respawn-window": lambda s, p: s.tmux("respawn-window", "-t", p),
    "by place": lambda s, p: s.tmux(
        "respawn-pane", "-t", s.format(p, "#{session_name}:#{window_index}.#{pane_index}")
    ),
}


def resumed(sandbox: Sandbox, it: Started) -> list[str]:
    """The command line of another Codex than before with this session; of itself, not of npm's wrapper around it.

    The wrapper of the one before is there for a moment after it.
    """
    pid = codex_of(sandbox, it.pane)
    line = command_line(sandbox, it.pane) if pid not in (0, it.pid) else []
    return line if it.session in line and (not sandbox.codex or os.path.basename(line[0]) == "codex") else []


@pytest.mark.parametrize("killed", [True, False], ids=["dead", "living"])
@pytest.mark.parametrize("codex", ["stand-in", pytest.param("real", marks=pytest.mark.codex)])
def test_the_conversation_goes_on_by_every_route(world: Sandbox, codex: str, killed: bool) -> None:
    """The kinds of panes take turns: each comes back again and again, by another route each time."""
    world.attach()
    kinds = ("shell", "words", "prompt", "run")
    panes = dict(zip(kinds, start(world, *kinds), strict=True))
    said = {kind: [it.first] for kind, it in panes.items()}
    routes = [name for name in (ANY | DEAD_ONLY if killed else ANY) if codex != "real" or name in WITH_REAL]
    for number, name in enumerate(routes):
        able = [kind for kind in kinds if name in ANY or kind != "shell"]  # a shell is never dead
        kind = able[number % len(able)]
        it = panes[kind]._replace(pid=world.codex_pid(panes[kind].pane))
        turns = len(world.model.requests)
        if killed:
            kill(world, it)
        (ANY | DEAD_ONLY)[name](world, it.pane)
        line = world.wait_for(lambda it=it: resumed(world, it), 20, f"{name}: codex resume {it.session}")  # type: ignore[misc]
        assert tuple(line[line.index("resume") - len(FLAGS) :]) == (*FLAGS, "resume", it.session), name
        said[kind].append(f"behind {name}")
        assert world.ask(it.pane, said[kind][-1]).messages == tuple(said[kind]), (name, kind)
        assert [r.last for r in world.model.requests[turns:]] == said[kind][-1:], f"{name}: sent by itself"
    world.no_view_mode()


@pytest.mark.parametrize("kind", ["prompt", "shell"])
def test_a_respawn_before_the_sync_that_is_due(world: Sandbox, kind: str) -> None:
    """Codex has come up, and the sync that is to see it waits its turn."""
    (it,) = start(world, kind)
    for _ in range(2):
        world.helper("sync")
    world.quiet()
    world.tmux(
        "set-option", "-pu", "-t", it.pane, "@codex_guard", ";", "set-option", "-g", "@codex_pending", "1"
    )
    world.respawn(it.pane, "-k")
    check_resumed(world, [it], len(world.model.requests))


def test_a_respawn_at_any_moment_after_the_death(world: Sandbox) -> None:
    """The moment after a death is busy: a sync starts, lays the panes to sleep, waits until they are."""
    started = start(world, "prompt", "run")
    turns = len(world.model.requests)
    for step in range(8):
        for it in started:
            kill(world, it)
        time.sleep(step * 0.08)
        for it in started[:: -1 if step % 2 else 1]:
            world.respawn(it.pane)
        for it in started:
            wait_resumed(world, it)
        started = [it._replace(pid=world.codex_pid(it.pane)) for it in started]
    log = world.log_text()
    assert "pane.not_asleep" not in log, "nothing waited until its time was up"
    check_resumed(world, [it._replace(pid=0) for it in started], turns)


def test_a_living_pane_is_still_active_without_k(world: Sandbox) -> None:
    started = start(world, "prompt", "run", "shell")
    for it in started:
        with pytest.raises(WorldError, match="still active"):
            world.respawn(it.pane)
    world.quiet()
    for it in started:
        assert world.codex_pid(it.pane) == it.pid, it.kind


def test_another_command_is_obeyed_and_the_record_kept(world: Sandbox) -> None:
    dead, living, run = start(world, "prompt", "words", "run")
    command = ("sleep", "1000")
    turns = len(world.model.requests)
    kill(world, dead)
    world.tmux("respawn-pane", "-t", dead.pane, *command)
    world.tmux("respawn-pane", "-k", "-t", living.pane, *command)
    world.tmux("respawn-pane", "-k", "-t", run.pane, *command)
    time.sleep(PROMPT_DELAY + 1.0)
    for it in (dead, living, run):
        process = psutil.Process(int(world.format(it.pane, "#{pane_pid}")))
        assert process.cmdline() == [*command], it.kind
    assert len(world.model.requests) == turns
    rows = world.records()
    for it in (dead, living, run):
        assert it.session in rows, f"the record of {it.kind} is kept"
    assert rows[living.session]["status"] == "closed"


def test_codex_given_as_another_command_is_the_panes_new_session(world: Sandbox) -> None:
    (old,) = start(world, "prompt")
    world.tmux("respawn-pane", "-k", "-t", old.pane, "codex -m another 'new words'")
    world.wait_for(lambda: world.model.turns_with("new words"), 20, "the new prompt")
    (request,) = world.model.turns_with("new words")
    world.wait_format(old.pane, "#{@codex_session}", request.session_id)
    new = Started("prompt", old.pane, request.session_id, "new words", world.codex_pid(old.pane))
    turns = len(world.model.requests)
    kill(world, new)
    world.respawn(new.pane)
    check_resumed(world, [new], turns, ("-m", "another"))


def test_fresh(world: Sandbox) -> None:
    started = start(world, "prompt", "run", "shell")
    turns = len(world.model.requests)
    for it in started:
        world.helper("respawn", "--fresh", "--force", "-t", it.pane)

        def is_another(it: Started = it) -> bool:
            other = world.codex_pid(it.pane) != it.pid
            return other and world.format(it.pane, "#{@codex_session}") != it.session

        world.wait_for(is_another, 20, f"{it.kind}: another session")
        line = command_line(world, it.pane)
        assert tuple(line[-len(FLAGS) :]) == FLAGS, it.kind
    time.sleep(PROMPT_DELAY + 0.3)
    assert len(world.model.requests) == turns
    new = []
    for it in started:
        request = world.ask(it.pane, f"anew in {it.kind}")
        assert request.messages == (f"anew in {it.kind}",)

        def is_bound(pane: str = it.pane, session: str = request.session_id) -> bool:
            return world.format(pane, "#{@codex_session}") == session

        world.wait_for(is_bound, 20, f"{it.kind}: the new session bound")
        new.append(Started(it.kind, it.pane, request.session_id, request.last, world.codex_pid(it.pane)))
    rows = {r["session_id"]: r["status"] for r in world.listed("--all")}
    assert [rows.get(it.session) for it in started] == ["ended"] * 3
    turns = len(world.model.requests)
    # Fresh once, not for ever.
    for it in new:
        world.respawn(it.pane, "-k")
        wait_resumed(world, it)
    check_resumed(world, new, turns)


BUSY = {
    "sleep 1000": ("sleep", "C-c"),
    "vim -u NONE -i NONE": ("vim", ":q!", "Enter"),
    "read line": ("bash", "Enter"),
}
"""What runs in a shell: its name, and the keys that end it."""


def test_a_busy_shell_is_left_alone(world: Sandbox) -> None:
    (it,) = start(world, "shell")
    kill(world, it)
    client = world.attach()
    world.tmux("select-window", "-t", it.pane)
    for busy, (name, *ends) in BUSY.items():
        if shutil.which(busy.split()[0]) is None and busy != "read line":
            continue
        world.wait_for(lambda: world.capture(it.pane).rstrip().endswith(("#", "$")), 20, "the shell's prompt")
        world.enter(it.pane, f"clear; {busy}")
        world.wait_format(it.pane, "#{pane_current_command}", name)
        world.wait_for(lambda: "clear" not in world.capture(it.pane), 20, busy)
        time.sleep(0.3)
        root, before = world.format(it.pane, "#{pane_pid}"), world.capture(it.pane)
        done = world.helper_result("respawn", "-t", it.pane)
        assert (done.returncode, len(done.stderr.strip().splitlines())) == (1, 1)
        assert it.pane in done.stderr
        assert "nothing was typed" in done.stderr
        client.output = b""
        press(world, it.pane, PREFIX + b"R")
        world.wait_for(lambda: b"Resume in a split?" in client.output, 20, "the question for the key")
        client.send(b"n")
        time.sleep(0.5)
        assert world.format(it.pane, "#{pane_pid}") == root
        assert world.capture(it.pane) == before
        assert world.format(it.pane, "#{pane_current_command}") == name
        world.tmux("send-keys", "-t", it.pane, *ends)
        world.wait_format(it.pane, "#{pane_current_command}", "bash")
        world.enter(it.pane, "clear")


def test_copy_mode_takes_no_keys_for_the_shell(world: Sandbox) -> None:
    (it,) = start(world, "shell")
    kill(world, it)
    world.wait_for(lambda: world.capture(it.pane).rstrip().endswith(("#", "$")), 20, "the shell's prompt")
    world.tmux("copy-mode", "-t", it.pane)
    assert "copy mode" in world.refused("respawn", "-t", it.pane)
    world.tmux("send-keys", "-t", it.pane, "-X", "cancel")
    world.helper("respawn", "-t", it.pane)
    wait_resumed(world, it)


def test_panes_without_codex_are_respawned_as_ever(world: Sandbox) -> None:
    start(world, "prompt", "shell")
    shell, cat = shell_pane(world), shell_pane(world, "cat")
    for pane in (shell, cat):
        root = world.format(pane, "#{pane_pid}")
        world.respawn(pane, "-k")
        assert world.format(pane, "#{pane_pid}") != root
        assert world.format(pane, "#{@codex_pane}#{@codex_session}") == ""
    assert "no Codex has run in pane" in world.refused("respawn", "-t", cat)
    press(world, cat, PREFIX + b"R")
    world.quiet()
    assert world.format(cat, "#{pane_current_command}") == "cat"


def test_no_such_pane(world: Sandbox) -> None:
    for target in ("%99", "nowhere:", "main:77"):
        done = world.helper_result("respawn", "-t", target)
        assert done.returncode == 1, target
        assert target in done.stderr


@pytest.mark.parametrize("again", [False, True], ids=["once", "again"])
def test_the_shell_is_there_when_the_resumed_codex_ends(world: Sandbox, again: bool) -> None:
    """Respawned over its shell, and again, the pane still ends in one; also by a Ctrl-C that all its processes get."""
    (it,) = start(world, "shell")
    world.quiet()  # no sync is due that would see the respawn by chance
    world.respawn(it.pane, "-k")
    wait_resumed(world, it)
    world.wait_ready(it.pane)
    assert world.format(it.pane, "#{pane_current_command}") == "codex", "and so the window's name"
    if again:
        root = world.format(it.pane, "#{pane_pid}")
        world.helper("sync")
        world.helper("respawn", "--force", "-t", it.pane)
        world.wait_for(lambda: world.format(it.pane, "#{pane_pid}") != root, 20, "the respawn")
        wait_resumed(world, it)
        world.wait_ready(it.pane)
    # A quit before any sync has seen the resumed Codex is known only by the next event.
    process = f"{world.codex_pid(it.pane)}:"
    world.wait_for(lambda: world.format(it.pane, "#{@codex_process}").startswith(process), 20, "a sync")
    world.tmux("send-keys", "-t", it.pane, "C-c")
    world.wait_format(it.pane, "#{pane_current_command}", "bash")
    world.enter(it.pane, "pwd; echo $((40 + 2))")
    world.wait_text(it.pane, "\n42")
    assert str(world.work) in world.capture(it.pane).replace("\n", "")
    # What was quit here may be resumed in another pane, though this one, where it last was, still lives.
    world.wait_format(it.pane, "#{@codex_session}", "")
    before = world.pane_ids()
    world.attach()
    client = world.tmux("list-clients", "-F", "#{client_name}")
    world.helper("pick", "--client", client, "--do", it.session)
    (other,) = world.pane_ids() - before
    wait_resumed(world, it._replace(pane=other))
