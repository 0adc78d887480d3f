"""Codex under whatever people start it with: killed and respawned, the same session with the same home and flags."""

import os
import shlex
import shutil
import signal
import sys

import psutil
import pytest

from codex_tmux.codex.processes.find import find_codex
from codex_tmux.codex.processes.table import Processes
from codex_tmux.selftest.world import WorldError as NotYet
from tests.support.world import Sandbox

FLAGS = ("-m", "x", "-p", "work")
OLD_PROMPT = "the old prompt"

SHOWS_CHILD = "#!/bin/sh\n# As npx, mise and sudo do: Codex is a child, and they end with its status.\n"


@pytest.fixture
def world(sandbox: Sandbox) -> Sandbox:
    sandbox.start_server(load_plugin=True)
    for name, text in {
        "npx": SHOWS_CHILD + 'sh -c \'"$@"\' sh "$@"\n',
        "mise": SHOWS_CHILD + 'shift 2\n"$@"\n',
        "other-home": f'#!/bin/sh\nCODEX_HOME={shlex.quote(str(sandbox.home / "other"))} codex "$@"\n',
    }.items():
        (sandbox.bin / name).write_text(text)
        (sandbox.bin / name).chmod(0o700)
    # npm's layout, by which a link of any name is known for Codex.
    package = sandbox.root / "node_modules/@openai/codex/bin"
    package.mkdir(parents=True)
    shutil.copy(sandbox.bin / "codex", package / "codex.js")
    (sandbox.bin / "cx").symlink_to(package / "codex.js")
    sandbox.new_home("other")
    return sandbox


def codex_pid(world: Sandbox, pane: str) -> int:
    """The pane's Codex, whatever it is called."""
    codex = find_codex(Processes(), int(world.format(pane, "#{pane_pid}")))
    if codex is None:
        raise NotYet(f"no Codex runs in {pane}")
    return codex.pid


def kill(world: Sandbox, pane: str) -> None:
    """Kill the Codex of a pane whose command it is, and wait until the pane is dead."""
    os.kill(codex_pid(world, pane), signal.SIGKILL)
    world.wait_dead(pane)


def come_back(world: Sandbox, pane: str) -> None:
    """Kill the Codex of a pane, and respawn the pane at once."""
    kill(world, pane)
    world.respawn(pane)


def line_of(world: Sandbox, pane: str) -> list[str]:
    """The command line of the pane's Codex; empty while there is none."""
    try:
        return list(psutil.Process(codex_pid(world, pane)).cmdline())
    except psutil.Error:
        return []


def home_of(world: Sandbox, pane: str) -> str:
    """The `CODEX_HOME` of the pane's Codex."""
    return str(psutil.Process(codex_pid(world, pane)).environ()["CODEX_HOME"])


def begun(world: Sandbox, pane: str) -> str:
    """Wait for the answer to the old prompt, and for the plugin to know the session; its id."""
    world.wait_text(pane, "turn 1 |")
    session = world.model.turns_with(OLD_PROMPT)[-1].session_id
    world.wait_format(pane, "#{@codex_session}", session)
    return session


def check_back(world: Sandbox, pane: str, session: str, flags: tuple[str, ...] = FLAGS) -> None:
    """The pane runs its own session again, with its flags, and nothing was sent on its behalf."""

    def resumed() -> bool:
        try:
            return line_of(world, pane)[-len(flags) - 2 :] == [*flags, "resume", session]
        except NotYet:
            return False

    world.wait_for(resumed, 20, f"codex resume {session} in {pane}")
    before = len(world.model.requests)
    assert world.ask(pane, "more").messages == (OLD_PROMPT, "more")
    assert len(world.model.requests) == before + 1


WORDS = shlex.join((*FLAGS, OLD_PROMPT))
COMMANDS = {
    "sh -c": f"sh -c {shlex.quote(f'codex {WORDS}; exit $?')}",
    "npx": f"npx codex {WORDS}",
    "mise": f"mise exec -- codex {WORDS}",
    "a home of its own": f"other-home {WORDS}",
}


def test_killed_under_a_wrapper(world: Sandbox) -> None:
    panes = {kind: world.new_pane(command) for kind, command in COMMANDS.items()}
    sessions, homes = {}, {}
    for kind, pane in panes.items():
        world.wait_text(pane, "turn 1 |", 30)
        sessions[kind] = world.bound(pane)
        homes[kind] = home_of(world, pane)
    assert len(set(sessions.values())) == len(panes), "each has its own"
    assert homes["a home of its own"] == str(world.home / "other") != homes["sh -c"]
    for pane in panes.values():
        os.kill(codex_pid(world, pane), signal.SIGKILL)
    for pane in panes.values():
        world.wait_dead(pane)
        world.respawn(pane)
    for kind, pane in panes.items():
        check_back(world, pane, sessions[kind])
        assert home_of(world, pane) == homes[kind], kind


def test_killed_in_a_shell_where_it_is_a_function(world: Sandbox) -> None:
    pane = world.shell()
    world.enter(pane, "codex() { command cx -m x -p work \"$@\"; }; codex 'the old prompt'")
    session = begun(world, pane)
    shell = world.format(pane, "#{pane_pid}")
    os.kill(codex_pid(world, pane), signal.SIGKILL)
    world.wait_format(pane, "#{pane_current_command}", "bash")
    world.helper("respawn", "-t", pane)
    check_back(world, pane, session)
    assert world.format(pane, "#{pane_pid}") == shell, "in the shell that was there"


def test_a_flag_that_codex_has_dropped(world: Sandbox) -> None:
    pane = world.new_pane("codex", "--full-auto", "-a", "untrusted", *FLAGS, OLD_PROMPT)
    session = begun(world, pane)
    with open(world.codex_home / "config.toml", "a") as config:
        config.write('\nrefused = "--full-auto untrusted"\n')
    come_back(world, pane)
    check_back(world, pane, session)
    assert not {"--full-auto", "-a"} & set(line_of(world, pane))
    log = world.log_text()
    assert "this Codex has no --full-auto -a untrusted: left out" in log


def test_node_on_the_path_of_the_shell_alone(world: Sandbox) -> None:
    """nvm's layout: `codex` is a script for the `node` beside it, and no other program may run it."""
    nvm = world.root / "nvm/bin"
    nvm.mkdir(parents=True)
    (nvm / "node").symlink_to(os.path.realpath(sys.executable))
    script = (world.bin / "codex").read_text().partition("\n")[2]
    (nvm / "codex").write_text(f"#!/usr/bin/env -S node -I\n{script}")
    (nvm / "codex").chmod(0o700)
    pane = world.new_pane(f"PATH={shlex.quote(str(nvm))}:$PATH exec codex {shlex.quote(OLD_PROMPT)}")
    session = begun(world, pane)
    come_back(world, pane)
    check_back(world, pane, session, ())
    assert str(nvm / "codex") in line_of(world, pane)
