"""What stands between a pane and the wrong conversation, in a real tmux with the stand-in."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from codex_tmux.codex.store import Store
from codex_tmux.selftest.world import WorldError
from codex_tmux.tmux.server import Server
from codex_tmux.tmux.tell import tell
from codex_tmux.tracking.apply import run_all
from tests.support.world import Sandbox
from tests.tmux.respawn_routes_test import asleep, kill, start, wait_resumed

ID = "01a201da-7561-7551-a7df-a07aa"
HOLDER = """
import fcntl, sys, time
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(600)
"""


def runs_codex(world: Sandbox, pane: str) -> bool:
    try:
        return bool(world.codex_pid(pane))
    except (WorldError, psutil.Error):
        return False


@contextlib.contextmanager
def written_to(world: Sandbox, session: str) -> Iterator[int]:
    """Another process, which this yields, holds the session's writer lock."""
    lock = Store(str(world.codex_home)).lock_path(session)
    Path(lock).parent.mkdir(exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, lock], stdout=subprocess.PIPE, env=world.env
    ) as holder:
        try:
            assert holder.stdout
            assert holder.stdout.readline()
            yield holder.pid
        finally:
            holder.kill()


def test_a_session_that_another_process_writes_to_is_waited_for(world: Sandbox) -> None:
    one = asleep(world)
    with written_to(world, one.session) as holder:
        world.respawn(one.pane)
        world.wait_text(one.pane, f"({holder}); waiting")
        assert "is just starting Codex" in world.refused("respawn", "-t", one.pane)
        assert not runs_codex(world, one.pane)
    wait_resumed(world, one)


def test_a_writer_that_is_stopped_is_named_and_the_pane_gives_up(world: Sandbox) -> None:
    one = asleep(world)
    with written_to(world, one.session) as holder:
        os.kill(holder, signal.SIGSTOP)
        world.respawn(one.pane)
        # It waits WAIT_FOR_WRITER seconds: 15.
        world.wait_format(one.pane, "#{@codex_asleep}", "")
        world.wait_format(one.pane, "#{@codex_asleep}#{pane_dead}", "11", 40)
        assert f"process {holder}: end that" in world.capture(one.pane)
        assert world.format(one.pane, "#{@codex_session}") == one.session
    world.respawn(one.pane)
    wait_resumed(world, one)


def test_a_session_deleted_after_it_was_looked_for(world: Sandbox) -> None:
    """Codex finds it gone and ends; the next respawn says so."""
    (one,) = start(world, "prompt one")
    rollout = Store(str(world.codex_home)).rollout(one.session) or ""
    codex = world.bin / "codex"
    codex.rename(world.bin / "codex-itself")
    codex.write_text(f'#!/bin/sh\nrm -f {shlex.quote(rollout)}\nexec "$(dirname "$0")/codex-itself" "$@"\n')
    codex.chmod(0o755)
    kill(world, one)
    world.wait_asleep(one.pane)
    world.respawn(one.pane)
    world.wait_for(
        lambda: "No saved session found" in " ".join(world.capture(one.pane).split()), 20, "Codex's word"
    )
    world.wait_asleep(one.pane)
    world.wait_format(one.pane, "#{pane_dead}", "1")
    assert "No saved session found" in " ".join(world.capture(one.pane).split()), (
        "one line is not scrolled off"
    )
    assert len(world.model.requests) == 1, "no new conversation was begun"
    world.respawn(one.pane)
    world.start_anew(one.pane)
    assert world.ask(one.pane, "anew").messages == ("anew",)
    assert one.session in world.log_text().partition(" session.fresh ")[2]


def test_codex_replaced_moved_and_gone(world: Sandbox) -> None:
    (one,) = start(world, "prompt one")
    codex, kept = world.bin / "codex", world.root / "kept"
    words = [one.first]

    def comes_back(word: str) -> None:
        words.append(word)
        assert world.ask(one.pane, word).messages == tuple(words)

    # Replaced by another file.
    kept.write_bytes(codex.read_bytes())
    kept.chmod(0o755)
    codex.unlink()
    codex.write_bytes(kept.read_bytes())
    codex.chmod(0o755)
    kill(world, one)
    world.wait_asleep(one.pane)
    world.respawn(one.pane)
    comes_back("replaced")
    # Gone: nothing is lost, and the pane says what to do.
    codex.unlink()
    kill(world, one._replace(pid=world.codex_pid(one.pane)))
    world.wait_asleep(one.pane)
    world.respawn(one.pane)
    world.wait_text(one.pane, "no Codex found: install it")
    assert world.format(one.pane, "#{@codex_session}") == one.session
    # Somewhere else.
    kept.rename(world.root / "codex")
    world.tmux("set-option", "-g", "@codex-command", str(world.root / "codex"))
    world.respawn(one.pane, "-k")
    comes_back("moved")
    assert "codex.moved" in world.log_text()


def test_a_session_in_another_pane_is_not_resumed_a_second_time(world: Sandbox) -> None:
    one, two = start(world, "prompt one", "prompt two")
    kill(world, two)
    world.wait_asleep(two.pane)
    world.quiet()
    # As after a mistake of anybody's: the pane remembers the other one's session.
    world.tmux("set-option", "-p", "-t", two.pane, "@codex_session", one.session)
    world.tmux("respawn-pan", "-t", two.pane)
    world.wait_for(
        lambda: "can be in one pane only" in " ".join(world.capture(two.pane).split()), 20, "the refusal"
    )
    assert not runs_codex(world, two.pane)
    assert world.codex_pid(one.pane) == one.pid


def test_the_title_of_a_pane_that_has_just_gone_is_nobody_else_s(world: Sandbox) -> None:
    """Formats of a hook answer for another pane then: an old title there would count as set just now."""
    bystander = world.new_pane("cat", name="cat")
    world.tmux("select-window", "-t", bystander)
    world.tmux("select-pane", "-t", bystander, "-T", f"x | {ID}...")
    world.wait_for(lambda: world.format(bystander, "#{@codex_title_id}"), 20, "the id of its title")
    world.quiet()
    world.tmux("set-option", "-pu", "-t", bystander, "@codex_title_id")  # as sync does with a stale one
    split = ("split-window", "-d", "-P", "-t", bystander, "printf '\\033]0;something else\\007'")
    for _ in range(15):
        world.wait_for(lambda: world.tmux(*split), 20, "room for one more")
    panes = f"#{{&&:#{{!=:#{{pane_id}},{bystander}}},#{{==:#{{window_name}},cat}}}}"
    world.wait_for(
        lambda: "1" not in world.tmux("list-panes", "-t", bystander, "-F", panes), 20, "the others to end"
    )
    assert world.format(bystander, "#{@codex_title_id}") == ""


def test_what_is_told_is_text(world: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(world.root)
    client = world.attach(width=200)
    tell(
        Server(str(world.socket)),
        world.tmux("display-message", "-p", "#{pane_id}"),
        "#{pid} #(touch pwned) %H",
    )
    said = world.wait_for(
        lambda: [m for m in world.tmux("show-messages").splitlines() if "message: codex-tmux" in m],
        20,
        "the message",
    )
    assert "#{pid} #(touch pwned) %H" in said[-1]
    assert not list(world.root.rglob("pwned"))
    client.close()


def test_a_value_that_ends_in_a_semicolon_is_set_whole(world: Sandbox) -> None:
    """tmux takes a last `;` of an argument for the end of a command."""
    values = {"@one": "a;", "@two": "b\\;", "@three": ";", "@four": "c"}
    commands = [["set-option", "-g", name, value] for name, value in values.items()]
    run_all(Server(str(world.socket)), commands, loaded=True)
    assert {name: world.tmux("show-options", "-gv", name) for name in values} == values
