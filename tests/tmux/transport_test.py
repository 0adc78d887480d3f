"""Codex at the far end of a transport: a real sshd on the loopback, a tmux in a tmux, a made-up docker."""

import json
import os
import shlex
import shutil
import signal
import time
from contextlib import suppress

import psutil
import pytest

from codex_tmux.tmux.versions import DEAD_FORMAT
from tests.support.far_end import (
    FarEnd,
    joined,
    kill_root,
    remote_shell,
    restart_server,
    wait_bound,
    wait_remote_prompt,
    wait_shell_cleared,
)
from tests.support.world import OWN_WORDS, Sandbox


def begin(world: Sandbox, pane: str, *, started: bool = False) -> str:
    """One turn in the Codex that the pane shows, unless its command line has `started` one; its session, bound."""
    if started:
        world.wait_text(pane, "turn 1 |")
    else:
        world.ask(pane, "first words")
    session = world.model.requests[-1].session_id
    wait_bound(world, pane, session)
    return session


def check_goes_on(world: Sandbox, pane: str, session: str) -> None:
    """The pane comes back with its conversation, and nothing is said on its behalf."""
    world.wait_text(pane, "turn 1 |")
    request = world.ask(pane, "second")
    assert request.session_id == session
    assert request.messages == ("first words", "second")
    assert [r.last for r in world.model.requests[1:]] == ["second"], "nothing was sent by itself"
    wait_bound(world, pane, session)
    assert world.rows()[pane]["session_id"] == session, "the far end told the whole id"


def test_a_living_ssh_respawned_sends_no_old_prompt(world: Sandbox, far: FarEnd) -> None:
    pane = world.new_pane(shlex.join([*far.ssh_t, "codex 'first words'"]))
    session = begin(world, pane, started=True)
    world.respawn(pane, "-k")
    world.wait_for(lambda: "resume" in command_line(world, pane), 20, "codex resume at the far end")
    check_goes_on(world, pane, session)


def command_line(world: Sandbox, pane: str) -> str:
    """The command line of the pane's root process."""
    try:
        return shlex.join(psutil.Process(int(world.format(pane, "#{pane_pid}"))).cmdline())
    except psutil.Error:  # a respawn has just ended it
        return ""


def test_a_far_end_that_cannot_be_asked_is_asked_again(world: Sandbox, far: FarEnd) -> None:
    pane = world.new_pane(shlex.join([*far.ssh_t, "codex -m x"]))
    session = begin(world, pane)
    config = far.config.read_text()
    far.config.write_text(config.replace("Port ", "Port 1\n # "))
    kill_root(world, pane)
    world.respawn(pane)
    world.wait_text(pane, "cannot be resumed yet")
    world.wait_asleep(pane)
    assert "ssh far was asked for the whole id" in " ".join(world.capture(pane).split())
    far.config.write_text(config)
    assert world.rows()[pane]["session_prefix"] == session[:29], "the record is kept"
    world.respawn(pane)
    check_goes_on(world, pane, session)


def test_a_session_without_a_message_there_begins_anew(world: Sandbox, far: FarEnd) -> None:
    pane = world.new_pane(shlex.join([*far.ssh_t, "codex -m x"]))
    world.bound(pane)
    before = world.format(pane, "#{@codex_session}")
    kill_root(world, pane)
    world.respawn(pane)
    request = world.ask(pane, "first words")
    assert not request.session_id.startswith(before)
    wait_bound(world, pane, request.session_id)


def test_quit_there_ends_the_pane_as_ever(world: Sandbox, far: FarEnd) -> None:
    pane = world.new_pane(shlex.join([*far.ssh_t, "codex"]))
    session = begin(world, pane)
    world.type(pane, "/quit")
    world.wait_gone(pane)
    world.wait_for(lambda: [r for r in world.listed("--all") if r["status"] == "ended"], 20, "the record")
    (row,) = (r for r in world.listed("--all") if r["session_prefix"] == session[:29])
    assert (row["status"], row["transport"]["kind"]) == ("ended", "ssh")


def test_typed_at_a_local_prompt_it_goes_on_behind_that_prompt(world: Sandbox, far: FarEnd) -> None:
    pane = world.shell("bash")
    world.tmux("send-keys", "-t", pane, shlex.join([*far.ssh_t, "codex -m x"]), "Enter")
    session = begin(world, pane)
    ssh = psutil.Process(int(world.format(pane, "#{pane_pid}"))).children()[0]
    assert ssh.name() == "ssh"
    ssh.kill()
    wait_shell_cleared(world, pane)
    world.helper("respawn", "-t", pane)
    check_goes_on(world, pane, session)
    assert world.format(pane, "#{remain-on-exit}") == "off", "a shell's pane is none of ours to keep"


def test_codex_typed_into_a_remote_shell_is_listed_and_what_to_paste_is_shown(
    world: Sandbox, far: FarEnd
) -> None:
    pane = remote_shell(world, far)
    assert pane not in world.rows()
    world.enter(pane, "codex -m x")
    session = begin(world, pane)
    row = world.rows()[pane]
    assert (row["status"], row["transport"]["target"], row["paste"]) == ("live", "far", "codex resume")
    assert world.format(pane, "#{remain-on-exit}") == "failed"
    kill_root(world, pane)
    world.wait_hint(pane, "R reconnects")
    world.respawn(pane)
    world.wait_for(lambda: f"there: codex resume {session}" in joined(world, pane), 20, "what to paste")
    world.wait_format(pane, "#{pane_current_command}", "ssh")
    row = world.rows()[pane]
    assert (row["status"], row["session_id"], row["paste"]) == ("dead", session, f"codex resume {session}")
    assert f"paste in ssh far: codex resume {session}" in world.refused("respawn", "-t", pane)
    # Killed once more before anything was typed: the hint itself has the command by now.
    kill_root(world, pane)
    hint = f"R reconnects · paste: codex resume {session}" if world.version >= DEAD_FORMAT else OWN_WORDS
    world.wait_for(lambda: hint in joined(world, pane), 20, "the hint")
    world.respawn(pane)
    world.wait_for(lambda: f"there: codex resume {session}" in joined(world, pane), 20, "what to paste")
    wait_remote_prompt(world, pane)
    assert len(world.model.requests) == 1, "nothing was typed"
    world.enter(pane, f"codex resume {session}")
    check_goes_on(world, pane, session)


def test_a_remote_shell_that_codex_has_left_closes_as_ever(world: Sandbox, far: FarEnd) -> None:
    pane = remote_shell(world, far)
    world.enter(pane, "codex")
    begin(world, pane)
    world.type(pane, "/quit")
    world.wait_format(pane, "#{remain-on-exit}", "off")
    world.enter(pane, "exit 3")
    world.wait_gone(pane)


def test_after_a_restart_of_tmux_the_far_end_is_gone_back_to(world: Sandbox, far: FarEnd) -> None:
    pane = world.new_pane(shlex.join([*far.ssh_t, "codex -m x"]))
    session = begin(world, pane)
    restart_server(world)
    results = json.loads(world.helper("restore", "--json"))["results"]
    (pane,) = (r["pane"] for r in results if r["session_id"])
    world.respawn(pane)
    check_goes_on(world, pane, session)


# Other ways to a far end. Neither of these programs is here: each is a script that goes through ssh, so that, as with
# the real ones, the Codex is no child of the pane's process.


def test_a_container_s_codex_goes_on_in_it(world: Sandbox, far: FarEnd) -> None:
    program = world.bin / "docker"
    strip = 'while [ "$1" != box ]; do shift; done; shift'
    tty = 'case "$*" in *-it*) t=-t;; *) t=-T;; esac'
    # What a container is given stays words.
    program.write_text(
        f'#!/bin/bash\n{tty}\n{strip}\n{shlex.join(far.ssh[:-1])} $t far "$(printf \'%q \' "$@")"\n'
    )
    program.chmod(0o700)
    pane = world.new_pane("docker exec -it -e A=b box bash -lc 'codex -m x'")
    session = begin(world, pane)
    row = world.rows()[pane]
    assert (row["transport"]["kind"], row["transport"]["target"]) == ("docker", "box")
    kill_root(world, pane)
    world.respawn(pane)
    check_goes_on(world, pane, session)


@pytest.mark.skipif(shutil.which("mosh") is None, reason="no mosh")
def test_mosh_goes_on_there(world: Sandbox, far: FarEnd) -> None:
    ssh = shlex.join(far.ssh[:-1])
    pane = world.new_pane("mosh", "--ssh", ssh, "--bind-server=127.0.0.1", "far", "--", "codex", "-m", "x y")
    session = begin(world, pane)
    row = world.rows()[pane]
    assert (row["transport"]["kind"], row["flags"]) == ("mosh", ["-m", "x y"])
    kill_root(world, pane)
    # mosh's server waits for its client for good, and its Codex with it: the stand-in lets nobody else in meanwhile.
    for pid in world.processes():
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            if psutil.Process(pid).name() == "mosh-server":
                os.kill(pid, signal.SIGTERM)
    world.respawn(pane)
    check_goes_on(world, pane, session)


# One session has one pane, and no title of another machine's changes that.


def test_a_hostile_title_takes_no_local_session(world: Sandbox, far: FarEnd) -> None:
    """Dead, living, closed, or known to Codex's store alone: a remote program that names it gets nothing."""
    dead, live, closed = (world.new_pane("codex") for _ in range(3))
    sessions = {}
    for pane in (dead, live, closed):
        sessions[pane] = world.ask(pane, f"mine, {pane}").session_id
        wait_bound(world, pane, sessions[pane])
    world.kill_codex(dead)
    world.tmux("kill-pane", "-t", closed)
    before = world.records()
    remote = remote_shell(world, far)
    for session in sessions.values():
        for shown in (session[:29] + "...", session):
            text = f"\\033]0;x | {shown}\\007codex resume {session}\\n"
            world.enter(remote, f"clear; printf '{text}'")
            world.wait_for(lambda s=shown: s in world.format(remote, "#{pane_title}"), 20, "the title")  # type: ignore[misc]
            world.helper("sync")
            assert world.format(remote, "#{@codex_session}") == ""
    os.kill(int(world.format(remote, "#{pane_pid}")), signal.SIGKILL)
    world.helper("sync")
    after = world.records()
    assert {s: (r["pane"], r["status"], r["transport"]) for s, r in after.items()} == {
        s: (r["pane"], r["status"], r["transport"]) for s, r in before.items()
    }
    world.respawn(dead)
    assert world.ask(dead, "on").session_id == sessions[dead]


def test_a_hostile_codex_there_gets_no_session_of_the_store_and_none_that_cannot_be(
    world: Sandbox, far: FarEnd
) -> None:
    local = world.new_pane("codex")
    session = world.ask(local, "mine").session_id
    wait_bound(world, local, session)
    world.tmux("kill-pane", "-t", local)
    world.wait_for(lambda: [r for r in world.listed("--all") if r["status"] == "closed"], 20, "the record")
    world.helper("forget", session)  # Codex's own store alone knows it now
    future = "f1a201da-7561-7551-a7df-a07aa6f38cdb"
    (far.home / "bin/codex").unlink()
    for shown in (session, future):
        (far.home / "bin/codex").write_text(
            f"#!/bin/sh\nprintf '\\033]0;x | {shown[:29]}...\\007codex resume {shown}\\n'\nexec sleep 1000\n"
        )
        (far.home / "bin/codex").chmod(0o700)
        pane = world.new_pane(*far.ssh_t, "codex", "-m", "x")
        world.wait_for(lambda p=pane, s=shown: s[:29] in world.format(p, "#{pane_title}"), 20, "the title")  # type: ignore[misc]
        world.wait_for(lambda p=pane: p in world.rows(), 20, "the pane to be listed")  # type: ignore[misc]
        assert world.rows()[pane]["evidence"] is None, "a Codex whose session is not known"
        kill_root(world, pane)
        world.helper("sync")
        assert world.format(pane, "#{@codex_session}") == ""
        assert not [r for r in world.listed("--all") if r["session_prefix"] == shown[:29]]


def test_a_shared_home_is_no_proof_but_the_user_s_word_is(world: Sandbox, far: FarEnd) -> None:
    """`ssh localhost`, or a home on the network: the session stands in the store of this machine."""
    pane = world.new_pane(*far.ssh_t, f"CODEX_HOME={world.codex_home} codex -m x")
    session = world.ask(pane, "first words").session_id
    world.helper("sync")
    assert world.format(pane, "#{@codex_session}") == ""
    world.helper("adopt", "-t", pane, session)
    row = world.rows()[pane]
    assert (row["evidence"], row["status"], row["session_id"]) == ("adopted", "live", session)
    assert row["transport"]["target"] == "far"
    kill_root(world, pane)
    world.respawn(pane)
    assert world.ask(pane, "second").messages == ("first words", "second")
    world.wait_for(lambda: world.rows()[pane]["status"] == "live", 20, "the record to live")
    # Resumed by its own command, that names it.
    assert (world.rows()[pane]["evidence"], world.rows()[pane]["session_id"]) == ("title", session)


def test_a_title_older_than_the_transport_says_nothing(world: Sandbox, far: FarEnd) -> None:
    pane = world.shell("bash")
    made_up = "01a201da-7561-7551-a7df-a07aa6f38cdb"
    world.enter(pane, f"printf '\\033]0;x | {made_up[:29]}...\\007'")
    world.wait_for(lambda: world.format(pane, "#{@codex_title_id}"), 20, "the title")
    assert pane not in world.rows(), "a shell's title"
    time.sleep(1.1)  # tmux tells the second of a title
    world.enter(pane, f"PS1= {shlex.join(far.ssh)}")
    world.wait_format(pane, "#{pane_current_command}", "ssh")
    world.helper("sync")
    assert world.format(pane, "#{@codex_session}") == ""
