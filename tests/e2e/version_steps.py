"""What has to work with every Codex, step by step; each step says what was seen, and raises where it failed."""

import json
import os
import subprocess

import psutil

from codex_tmux.codex.processes.table import Processes
from tests.e2e.exec_test import kill_everything, open_pane, respawn, say
from tests.e2e.keep_test import wait_logged
from tests.support.world import Sandbox

FIRST, SECOND, THIRD, FOURTH = "first", "second", "third", "fourth"


def switch_codex(world: Sandbox, codex: str) -> None:
    """From now on `codex` is that one: an update, in the same place."""
    link = world.bin / "codex"
    link.unlink()
    link.symlink_to(codex)


def begin(world: Sandbox, *command: str) -> tuple[str, str]:
    """A pane whose Codex has answered FIRST; the pane and its session as the model was told it."""
    pane = world.new_pane(*command)
    wait_listening(world, pane)
    return pane, world.ask(pane, FIRST).session_id


def wait_listening(world: Sandbox, pane: str) -> None:
    """Wait until Codex takes what is typed: 0.154 shows a message that comes before its session, and drops it."""
    world.wait_ready(pane, 30)
    if (0, 154, 0) <= version(world) < (0, 157, 0):
        locks = str(world.codex_home / "thread-writer-locks")
        world.wait_for(
            lambda: any(path.startswith(locks) for path in Processes().open_files(world.codex_pid(pane))),
            20,
            "Codex's session",
        )


def version(world: Sandbox) -> tuple[int, ...]:
    """The version of this sandbox's Codex."""
    return tuple(map(int, world.codex_name.rpartition(" ")[2].rstrip(")").split(".")))


def identified(world: Sandbox, pane: str, session: str) -> str:
    """Wait until the plugin knows the pane's session by itself; how it does."""
    # The title shows 29 characters of it, which are completed when somebody needs the whole.
    wanted = (session, session[:29])
    world.wait_for(lambda: world.pane_option(pane, "@codex_session") in wanted, 20, f"the session of {pane}")
    return world.pane_option(pane, "@codex_evidence")


def setup(world: Sandbox) -> str:
    """`codex-tmux setup`, as the README has people type it."""
    done = world.helper_result("setup", "--yes")
    if done.returncode:
        assert "cannot show the session id in the title" in done.stderr
        return "says that it cannot"
    text = (world.codex_home / "config.toml").read_text()
    return ", ".join(f"`{i}`" for i in ("session-id", "thread-id", "thread-title") if f'"{i}"' in text)


def identify_and_kill(world: Sandbox) -> dict[str, str]:
    """Known, killed, respawned, respawned alive, quit, resumed by hand: one conversation all along."""
    seen = {}
    pane, session = begin(world)
    if version(world) < (0, 117, 0):
        # No title, so nothing that tmux could tell: somebody has to look.
        assert world.rows("--all")[pane]["session_id"] == session
    seen["identify"] = identified(world, pane, session)

    world.crash(pane)
    wait_listening(world, pane)
    assert world.ask(pane, SECOND).messages == (FIRST, SECOND)
    if version(world) < (0, 117, 0):
        assert world.rows("--all")[pane]["session_id"] == session
    identified(world, pane, session)
    seen["kill → respawn"] = "same"

    pid = world.format(pane, "#{pane_pid}")
    world.respawn(pane, "-k")
    world.wait_for(lambda: world.format(pane, "#{pane_pid}") != pid, 20, "the respawn")
    wait_listening(world, pane)
    assert world.ask(pane, THIRD).messages == (FIRST, SECOND, THIRD)
    seen["respawn -k"] = "same"

    quit_codex(world, pane)
    wait_logged(world, f"record.ended session={session}")
    seen["quit"] = "ended"

    again = world.new_pane(f"codex resume {session}")
    wait_listening(world, again)
    assert world.ask(again, FOURTH).messages == (FIRST, SECOND, THIRD, FOURTH)
    found = world.rows("--all")[again]
    assert (found["session_id"], found["exact"]) == (session, True)
    seen["resume by hand"] = str(found["evidence"])
    world.kill_codex(again)
    world.tmux("kill-pane", "-t", again)
    return seen


def quit_codex(world: Sandbox, pane: str) -> None:
    """`/quit`; the pane closes as it does without the plugin."""
    world.type(pane, "/quit")
    world.wait_gone(pane)


def without_setup(world: Sandbox) -> str:
    """Codex's default title: nothing is asked of the user, and nobody looks; then a kill."""
    pane, session = begin(world)
    if version(world) < (0, 117, 0):
        assert world.rows("--all")[pane]["session_id"] == session
    how = identified(world, pane, session)
    world.crash(pane)
    wait_listening(world, pane)
    assert world.ask(pane, SECOND).messages == (FIRST, SECOND)
    return how


def exec_pane(world: Sandbox) -> str:
    """A conversation pane on `codex exec`: killed, respawned, it goes on."""
    subprocess.run(["git", "init", "-q", str(world.work)], check=True, env=world.env)
    pane = open_pane(world)
    say(world, pane, "one", 1)
    kill_everything(world, [pane])
    respawn(world, pane)
    assert "all: one / two" in say(world, pane, "two", 2)
    world.tmux("kill-pane", "-t", pane)
    return "same"


def update(world: Sandbox, newer: str, flags: tuple[str, ...], kept: tuple[str, ...]) -> str:
    """Codex is replaced by another version below a pane that then is killed: the flags that one knows come back."""
    pane, session = begin(world, "codex", *flags)
    assert world.rows("--all")[pane]["session_id"] == session
    assert world.rows("--all")[pane]["flags"] == list(flags)
    older = os.readlink(world.bin / "codex")
    switch_codex(world, newer)
    try:
        world.crash(pane)
        assert world.ask(pane, SECOND, 40).messages == (FIRST, SECOND)
        line = psutil.Process(world.codex_pid(pane)).cmdline()
        assert line[-len(kept) - 2 :] == [*kept, "resume", session]
    finally:
        switch_codex(world, older)
    dropped = " ".join(flag for flag in flags if flag not in kept)
    assert not dropped or f"this Codex has no {dropped}" in world.log_text()
    world.tmux("kill-pane", "-t", pane)
    return f"same, without `{dropped}`" if dropped else "same"


def doctor(world: Sandbox) -> str:
    """What `doctor` has to say of this Codex."""
    findings = json.loads(world.helper_result("doctor", "--json").stdout)["checks"]
    found = next(f for f in findings if f["name"] == "codex")
    text = found["detail"].partition(")")[2].lstrip("; ")
    return f"{found['status']}: {text}" if text else str(found["status"])
