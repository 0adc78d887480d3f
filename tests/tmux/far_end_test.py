"""What runs again at a far end whose command line is not understood, or not known: never the old one."""

import os
import shlex
import shutil
import signal
import subprocess
from typing import Any

import psutil
import pytest

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
from tests.support.world import Sandbox

PROMPT = "papa hello"


def row_of(world: Sandbox, session: str) -> dict[str, Any]:
    """What `list --all` says of a session."""
    (row,) = (r for r in world.listed("--all") if r["session_prefix"] == session[:29])
    return row


def first_turn(world: Sandbox, pane: str) -> str:
    """The session whose first turn the pane's own command line has begun, bound."""
    world.wait_text(pane, "turn 1 |", 40)
    (request,) = world.model.turns_with(PROMPT)
    wait_bound(world, pane, request.session_id)
    return request.session_id


def transport_of(world: Sandbox, pane: str, name: str = "ssh") -> psutil.Process:
    """The process in the pane that reaches the far end."""
    root = psutil.Process(int(world.format(pane, "#{pane_pid}")))
    return next(p for p in (root, *root.children(recursive=True)) if p.name() == name)


def typed_there(world: Sandbox, far: FarEnd) -> tuple[str, str]:
    """A pane with a remote shell in which Codex was typed and has had a turn; with its session."""
    pane = remote_shell(world, far)
    world.enter(pane, "codex")
    session = world.ask(pane, PROMPT, 40).session_id
    wait_bound(world, pane, session)
    return pane, session


def check_only_connected(world: Sandbox, pane: str, session: str) -> None:
    """The pane shows a shell there and what to paste; nothing was sent, and the record is still offered."""
    world.wait_for(lambda: f"there: codex resume {session}" in joined(world, pane), 20, "what to paste")
    wait_remote_prompt(world, pane)
    world.quiet()
    row = row_of(world, session)
    assert (row["status"], row["pane"], row["paste"]) == ("dead", pane, f"codex resume {session}")
    assert len(world.model.turns_with(PROMPT)) == 1, "the prompt was sent again"


def check_pasted(world: Sandbox, pane: str, session: str) -> None:
    """Pasted, the conversation goes on in that pane."""
    world.enter(pane, f"clear; codex resume {session}")
    world.wait_text(pane, "turn 1 |", 40)
    request = world.ask(pane, "second")
    assert (request.session_id, request.messages) == (session, (PROMPT, "second"))
    wait_bound(world, pane, session)


def test_a_line_that_is_not_understood_never_runs_again(world: Sandbox, far: FarEnd) -> None:
    (far.home / "start.sh").write_text(f"exec codex '{PROMPT}'\n")
    (far.home / "start.sh").chmod(0o700)
    pane = world.new_pane(*far.ssh_t, "./start.sh")
    session = first_turn(world, pane)
    kill_root(world, pane)
    world.wait_for(lambda: "R reconnects" in world.format(pane, "#{@codex_hint}"), 20, "the hint")
    world.respawn(pane)
    check_only_connected(world, pane, session)
    assert PROMPT not in (world.state_dir / "state.toml").read_text(), "no prompt is kept"
    check_pasted(world, pane, session)


def test_nor_after_a_restart_and_the_remote_shell_is_no_living_codex(world: Sandbox, far: FarEnd) -> None:
    pane = world.new_pane(*far.ssh_t, f'codex $FLAGS "{PROMPT}"')
    session = first_turn(world, pane)
    restart_server(world)
    world.helper("restore")
    pane = row_of(world, session)["pane"]
    world.respawn(pane)
    # The title that the pane was given when it was rebuilt is no Codex's.
    assert session[:29] in world.format(pane, "#{pane_title}")
    check_only_connected(world, pane, session)
    check_is_left_alone(world, pane)
    check_pasted(world, pane, session)


def check_is_left_alone(world: Sandbox, pane: str) -> None:
    """`respawn` refuses, says what to paste, and ends nothing."""
    ssh = transport_of(world, pane)
    assert "paste in ssh far: codex resume" in world.refused("respawn", "-t", pane)
    assert transport_of(world, pane).pid == ssh.pid


def test_a_remote_shell_with_its_jobs_is_never_ended(world: Sandbox, far: FarEnd) -> None:
    pane, _ = typed_there(world, far)
    check_is_left_alone(world, pane)
    assert world.ask(pane, "second").messages == (PROMPT, "second"), "Codex there goes on"
    # Killed there it leaves its title; the shell below it lives.
    for pid in world.processes():
        words = psutil.Process(pid).environ() if psutil.pid_exists(pid) else {}
        if words.get("SSH_TTY") and "codex" in " ".join(psutil.Process(pid).cmdline()):
            os.kill(pid, signal.SIGKILL)
    world.wait_for(lambda: "Killed" in joined(world, pane), 20, "the remote shell to say so")
    check_is_left_alone(world, pane)
    world.enter(pane, "stty sane; echo still $((1 + 1))")
    world.wait_text(pane, "still 2")


def test_a_codex_with_a_shell_behind_it_is_not_ended_either(world: Sandbox, far: FarEnd) -> None:
    pane = world.new_pane(*far.ssh_t, f"codex '{PROMPT}'; exec bash -l")
    first_turn(world, pane)
    world.type(pane, "/quit")
    wait_remote_prompt(world, pane)
    world.quiet()
    check_is_left_alone(world, pane)
    kill_root(world, pane)
    world.respawn(pane)
    world.wait_text(pane, "turn 1 |", 40)
    assert world.ask(pane, "second").messages == (PROMPT, "second")


def test_ssh_s_own_remote_command_is_not_run_again(world: Sandbox, far: FarEnd) -> None:
    config = far.config.read_text()
    far.config.write_text(f"Host far\n RemoteCommand codex '{PROMPT}'\n RequestTTY yes\n" + config)
    pane = world.new_pane(*far.ssh)
    session = first_turn(world, pane)
    kill_root(world, pane)
    world.respawn(pane)
    check_only_connected(world, pane, session)


def test_a_far_end_with_a_command_of_its_own_is_not_gone_back_to(world: Sandbox, far: FarEnd) -> None:
    keys = far.home / "etc/user.pub"
    key = keys.read_text()
    keys.write_text(f"command=\"codex '{PROMPT}'\" {key}")
    pane = world.new_pane(*far.ssh)
    session = first_turn(world, pane)
    kill_root(world, pane)
    world.respawn(pane)
    world.wait_for(
        lambda: "runs a command of its own" in " ".join(joined(world, pane).split()), 20, "the reason"
    )
    world.wait_asleep(pane)
    assert row_of(world, session)["status"] == "dead"
    assert len(world.model.turns_with(PROMPT)) == 1
    # A key without it reaches a shell, and the record is still the pane's.
    keys.write_text(key)
    world.respawn(pane)
    check_only_connected(world, pane, session)


def test_a_codex_that_starts_by_itself_there_does_not_end_the_record(world: Sandbox, far: FarEnd) -> None:
    pane, session = typed_there(world, far)
    kill_root(world, pane)
    profile = far.home / ".bash_profile"
    profile.write_text(profile.read_text() + "codex\n")
    world.respawn(pane)
    fresh = world.ask(pane, "fresh", 40)
    wait_bound(world, pane, fresh.session_id)
    assert row_of(world, session)["status"] == "closed", "it has not ended: pick reopens it"
    assert fresh.messages == ("fresh",)


def test_a_tmux_there_is_gone_back_to_without_what_it_was_told_to_run(world: Sandbox, far: FarEnd) -> None:
    conf = far.home / "tmux.conf"
    conf.write_text("set -g set-titles on\nset -g set-titles-string '#T'\n")
    there = f"tmux -S {world.short}/there -f {conf}"
    pane = world.new_pane(*far.ssh_t, f"{there} new -A -s w \"codex '{PROMPT}'\"")
    session = first_turn(world, pane)
    try:
        kill_root(world, pane)
        world.respawn(pane)
        world.wait_text(pane, "turn 1 |")
        wait_bound(world, pane, session)
        # Gone with its server, the session is not begun anew.
        subprocess.run(shlex.split(f"{there} kill-server"), env=world.env, check=True)
        world.wait_dead(pane)
        world.respawn(pane)
        world.wait_format(pane, "#{pane_dead}", "0")
        world.wait_text(pane, "[w]")
        world.helper("sync")
        assert len(world.model.turns_with(PROMPT)) == 1
    finally:
        subprocess.run(shlex.split(f"{there} kill-server"), env=world.env, check=False)


def test_a_container_of_its_own_is_not_started_again(world: Sandbox, far: FarEnd) -> None:
    docker = world.bin / "docker"
    there = shlex.join([*far.ssh_t])
    docker.write_text(f'#!/bin/bash\nshift 3\n{there} "$(printf \'%q \' "$@")"\n')
    docker.chmod(0o700)
    pane = world.new_pane("docker", "run", "-it", "image", "codex", PROMPT)
    session = first_turn(world, pane)
    kill_root(world, pane)
    world.wait_for(
        lambda: "its command is not run again" in world.format(pane, "#{@codex_hint}"), 20, "the hint"
    )
    world.respawn(pane)
    world.wait_for(
        lambda: "docker run would start anew" in " ".join(joined(world, pane).split()), 20, "the reason"
    )
    world.wait_asleep(pane)
    refused = world.helper_result("respawn", "-t", pane)
    assert (refused.returncode, row_of(world, session)["status"]) == (1, "dead")
    assert len(world.model.turns_with(PROMPT)) == 1
    assert PROMPT not in (world.state_dir / "state.toml").read_text()


def test_what_codex_tmux_itself_wrote_is_no_last_word_of_a_codex(world: Sandbox, far: FarEnd) -> None:
    """A remote prompt sets a title of its own, so the screen is asked for its exit message: there is what to paste."""
    pane, session = typed_there(world, far)
    kill_root(world, pane)
    profile = far.home / ".bash_profile"
    profile.write_text(profile.read_text() + "PS1='\\[\\e]0;me@far\\a\\]far$ '\n")
    world.respawn(pane)
    world.wait_format(pane, "#{pane_title}", "me@far")
    world.helper("sync")
    check_only_connected(world, pane, session)


@pytest.mark.skipif(shutil.which("mosh") is None, reason="no mosh")
def test_words_that_mosh_has_joined_are_not_run_again(world: Sandbox, far: FarEnd) -> None:
    """Of `--add-dir 'a b'` a process list shows `--add-dir a b`: another directory would be writable."""
    pane = world.shell("bash")
    ssh = shlex.join(far.ssh[:-1])
    line = [
        "mosh",
        f"--ssh={ssh}",
        "--bind-server=127.0.0.1",
        "far",
        "--",
        "codex",
        "--add-dir",
        "a b",
        PROMPT,
    ]
    world.enter(pane, shlex.join(line))
    session = first_turn(world, pane)
    # mosh's server waits for its client for good, and its Codex with it.
    transport_of(world, pane, "mosh-client").kill()
    for pid in world.processes():
        if psutil.pid_exists(pid) and psutil.Process(pid).name() == "mosh-server":
            os.kill(pid, signal.SIGTERM)
    wait_shell_cleared(world, pane)
    assert "mosh hides how it was called: not run again" in world.refused("respawn", "-t", pane)
    assert "paste there: codex resume" in world.helper("list")
    assert world.format(pane, "#{pane_current_command}") == "bash"
    assert row_of(world, session)["status"] == "dead"


def test_a_pane_that_shows_another_tmux_of_this_machine_has_no_session(world: Sandbox) -> None:
    """Not even of a CODEX_HOME that no pane of this server has."""
    inner = str(world.short / "inner")
    conf = world.root / "inner.conf"
    conf.write_text("set -g set-titles on\nset -g set-titles-string '#T'\n")
    home = world.new_home("other")
    tmux = ["tmux", "-S", inner, "-f", str(conf)]
    env = {**world.env, "CODEX_HOME": str(home)}
    try:
        started = [*tmux, "new-session", "-d", "-s", "in", "-x", "120", "-y", "40", "codex one"]
        subprocess.run(started, env=env, cwd=world.work, check=True)
        # By a command that names Codex too, as `tmux -L inner new 'codex …'` does.
        outer = world.new_pane(f"env -u TMUX {shlex.join([*tmux, 'new', '-A', '-s', 'in', 'codex'])}")
        other = world.new_pane(f"env -u TMUX {shlex.join([*tmux, 'attach'])}")
        session = world.wait_for(lambda: world.model.turns_with("one"), 40, "the turn")[0].session_id
        for pane in (outer, other):
            world.wait_for(lambda p=pane: session[:29] in world.format(p, "#{pane_title}"), 20, "the title")  # type: ignore[misc]
        world.helper("sync")
        world.quiet()
        assert world.listed("--all") == []
        for pane in (outer, other):
            marks = "#{@codex_session}#{@codex_pane}#{@codex_state}"
            assert world.format(pane, f"{marks}#{{remain-on-exit}}") == "off"
    finally:
        subprocess.run(["tmux", "-S", inner, "kill-server"], env=world.env, check=True)
