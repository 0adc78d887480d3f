"""Many hooks at once, several tmux servers on one state file, and a process that holds a lock and never lets go."""

import contextlib
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from codex_tmux.selftest.world import WorldError
from codex_tmux.tmux.server import Server
from codex_tmux.tracking.sync import BURST, WINDOW, lock_name
from tests.support.standin import PROMPT_DELAY
from tests.support.world import Sandbox
from tests.tmux.hooks_test import Counted
from tests.tmux.respawn_routes_test import check_resumed, kill, start, wait_resumed

HOLDER = """
import sys
from codex_tmux.state import store
with store.lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def names(sandbox: Sandbox) -> dict[str, str]:
    """The window's name by session id, of all current records on disk."""
    return {r.session_id: r.window_name for r in sandbox.stored() if r.current}


def test_two_hundred_hooks_within_a_second(sandbox: Sandbox) -> None:
    counted = Counted(sandbox)
    sandbox.start_server(load_plugin=True, config=counted.config)
    started = start(sandbox, *(f"prompt {i}" for i in range(4)))
    before, begun = len(counted.settled()), time.monotonic()
    # One command each: of several in one, tmux runs the hooks when all have changed what they change.
    script = "\n".join(
        f'tmux -S "$1" rename-window -t {it.pane} "{it.kind} {number}"'
        for number in range(50)
        for it in started
    )
    subprocess.run(["sh", "-c", script, "sh", str(sandbox.socket)], check=True, env=sandbox.env)
    expected = {it.session: f"{it.kind} 49" for it in started}
    sandbox.wait_for(lambda: names(sandbox) == expected, 20, f"{expected} in the state file")
    took = time.monotonic() - begun
    # However long a slow machine takes for the events: so many in each stretch of time, and the one that waits.
    most = BURST * math.ceil(took / WINDOW) + 1
    calls = counted.settled()[before:]
    namings = [call for call in calls if call.startswith("sync --renamed ")]
    syncs = len(calls) - len(namings)
    assert syncs <= most, f"200 events in {took:.1f} s started more than {most} syncs"
    assert len(namings) <= syncs, "each sync sees to all windows that were renamed"
    for it in started:
        assert sandbox.format(it.pane, "#{@codex_session}") == it.session
    assert "crashed" not in sandbox.log_text()


def test_two_tmux_servers_on_one_state_file(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True)
    (one,) = start(sandbox, "prompt one")
    first = sandbox.socket
    try:
        sandbox.socket = second = sandbox.short / "second"
        sandbox.start_server(load_plugin=True)
        (two,) = start(sandbox, "prompt two")
        expected = {one.session: "one 19", two.session: "two 19"}
        for number in range(20):
            for socket, it, name in ((first, one, "one"), (second, two, "two")):
                sandbox.socket = socket
                sandbox.tmux("rename-window", "-t", it.pane, f"{name} {number}")
        sandbox.wait_for(lambda: names(sandbox) == expected, 20, f"{expected} in the state file")
        # The same pane id on both: what dies on one is not dead on the other.
        assert one.pane == two.pane
        sandbox.socket = second
        kill(sandbox, two)
        sandbox.respawn(two.pane)
        wait_resumed(sandbox, two)
        sandbox.socket = first
        assert sandbox.codex_pid(one.pane) == one.pid
        assert names(sandbox) == expected
    finally:
        sandbox.socket = second
        subprocess.run(["tmux", "-S", str(second), "kill-server"], capture_output=True)
        sandbox.socket = first


@pytest.fixture
def holder(sandbox: Sandbox) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that hold a lock, ended with the test."""
    held: list[subprocess.Popen[str]] = []
    yield held
    for process in held:
        process.kill()
        process.wait()


def hold_and_stop(sandbox: Sandbox, name: str) -> subprocess.Popen[str]:
    """A process that has taken a lock and is stopped."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, name],
        env=sandbox.env,
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    os.kill(process.pid, signal.SIGSTOP)
    return process


def test_a_stopped_holder_of_the_state_costs_only_the_saving(
    sandbox: Sandbox, holder: list[subprocess.Popen[str]]
) -> None:
    sandbox.start_server(load_plugin=True)
    client = sandbox.attach()
    (one,) = start(sandbox, "prompt one")
    process = hold_and_stop(sandbox, "state")
    holder.append(process)
    pane = sandbox.new_pane("codex 'begin in two'")
    client.send(b"echo o''ne\r")
    sandbox.wait_text("main:0", "one")
    sandbox.wait_for(
        lambda: len(sandbox.format(pane, "#{@codex_session}")) == 36, 20, "a session in the pane's options"
    )
    session = sandbox.format(pane, "#{@codex_session}")
    fault = f"held for 5 s by another codex-tmux (process {process.pid})"
    assert fault in sandbox.option("@codex_fault"), "which doctor tells"
    assert " lock.timeout " in sandbox.log_text()
    process.kill()
    process.wait()
    # Nothing but an event: whatever failed meanwhile has not made the hooks deaf.
    sandbox.tmux("rename-window", "-t", pane, "two")
    sandbox.wait_for(lambda: names(sandbox).get(session) == "two", 20, "both in the state file")
    assert one.session in names(sandbox)
    sandbox.wait_for(lambda: not sandbox.option("@codex_fault"), 20, "the fault to be over")


def test_what_happens_while_a_sync_is_stopped_is_seen_to_without_another_event(
    sandbox: Sandbox, holder: list[subprocess.Popen[str]]
) -> None:
    sandbox.start_server(load_plugin=True)
    (one,) = start(sandbox, "run one")
    sandbox.quiet()
    name = lock_name(Server(str(sandbox.socket)))
    process = hold_and_stop(sandbox, name)
    holder.append(process)
    sandbox.tmux("rename-window", "-t", one.pane, "meanwhile")
    sandbox.wait_for(lambda: names(sandbox) == {one.session: "meanwhile"}, 25, "what happened to be seen to")
    assert f" lock.worked_around lock={name} holder={process.pid}" in sandbox.log_text()
    process.kill()
    process.wait()
    sandbox.wait_for(lambda: not sandbox.option("@codex_pending"), 20, "no sync to be waited for")
    sandbox.tmux("rename-window", "-t", one.pane, "again")
    sandbox.wait_for(lambda: names(sandbox) == {one.session: "again"}, 20, "the next event to be seen to")


@pytest.mark.parametrize(
    ("kind", "lock"), [("prompt dead", "sync"), ("prompt living", "sync"), ("prompt dead", "state")]
)
def test_no_old_command_runs_while_a_stopped_helper_holds_a_lock(
    sandbox: Sandbox, holder: list[subprocess.Popen[str]], kind: str, lock: str
) -> None:
    sandbox.start_server(load_plugin=True)
    client = sandbox.attach()
    (one,) = start(sandbox, kind)
    sandbox.quiet()
    turns = len(sandbox.model.requests)
    holder.append(
        hold_and_stop(sandbox, "state" if lock == "state" else lock_name(Server(str(sandbox.socket))))
    )
    if "dead" in kind:
        kill(sandbox, one)
    # The respawn may wait, bounded; tmux does not: others work on.
    words = ["respawn-pane", *(["-k"] if "living" in kind else []), "-t", one.pane]
    tmux = [shutil.which("tmux") or "tmux", "-S", str(sandbox.socket), *words]
    respawn = subprocess.Popen(tmux, env=sandbox.env)
    client.send(b"echo o''ne\r")
    sandbox.wait_text("main:0", "one")
    assert sandbox.tmux("display-message", "-p", "-t", one.pane, "#{pane_id}") == one.pane
    assert respawn.wait(30) == 0
    check_resumed(sandbox, [one], turns)
    sandbox.no_view_mode()


def test_no_old_command_runs_where_the_helper_is_gone(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True)
    (one,) = start(sandbox, "prompt")
    sandbox.quiet()
    turns = len(sandbox.model.requests)
    sandbox.tmux("set-option", "-g", "@codex_word", "'/no such/codex-tmux'")
    kill(sandbox, one)
    with contextlib.suppress(WorldError):  # what is started instead may not have ended yet
        sandbox.respawn(one.pane)
    sandbox.wait_format(one.pane, "#{pane_dead}", "1")
    sandbox.respawn(one.pane)
    time.sleep(PROMPT_DELAY + 0.3)
    assert len(sandbox.model.requests) == turns
    sandbox.helper("respawn", "-t", one.pane)
    check_resumed(sandbox, [one], turns)
