"""What the user has set stays the user's: how a pane ends, hooks and aliases; and unloaded is unloaded."""

import os
import signal

import pytest

from codex_tmux.tmux.versions import DEAD_FORMAT
from tests.support.world import Sandbox
from tests.tmux.respawn_routes_test import Started, asleep, kill, start, wait_resumed

FORMAT = "mine: #{pane_dead_status}"


def own(sandbox: Sandbox, pane: str) -> tuple[str, str]:
    """What stands on the pane itself of how it ends."""
    return (
        sandbox.pane_option(pane, "remain-on-exit"),
        sandbox.pane_option(pane, "remain-on-exit-format"),
    )


def crash_and_resume(sandbox: Sandbox, it: Started) -> Started:
    """Kill a pane's Codex and respawn the pane; what runs there then."""
    kill(sandbox, it)
    sandbox.wait_asleep(it.pane)
    sandbox.respawn(it.pane)
    wait_resumed(sandbox, it)
    return it._replace(pid=sandbox.codex_pid(it.pane))


def quit_codex(sandbox: Sandbox, it: Started) -> None:
    sandbox.wait_ready(it.pane)
    sandbox.type(it.pane, "/quit")
    sandbox.wait_for(
        lambda: it.pane not in sandbox.pane_ids() or sandbox.format(it.pane, "#{pane_dead}") == "1",
        20,
        "its end",
    )


def test_a_pane_that_the_user_wants_kept_is_kept_after_a_crash_too(sandbox: Sandbox) -> None:
    sandbox.start_server(
        load_plugin=True, config=f"set -g remain-on-exit on\nset -gq remain-on-exit-format '{FORMAT}'"
    )
    (one,) = start(sandbox, "prompt")
    one = crash_and_resume(sandbox, one)
    sandbox.quiet()
    assert sandbox.pane_option(one.pane, "remain-on-exit") == ""
    quit_codex(sandbox, one)
    assert sandbox.format(one.pane, "#{pane_dead}") == "1", "kept, as every pane of this user"
    sandbox.unload()
    assert sandbox.pane_option(one.pane, "remain-on-exit-format") == ""
    line = "mine" if sandbox.version >= DEAD_FORMAT else ""
    assert sandbox.format(one.pane, "#{remain-on-exit} #{remain-on-exit-format}").startswith(f"on {line}")


@pytest.mark.parametrize("value", ["on", "off"])
def test_what_stands_on_the_pane_is_left(sandbox: Sandbox, value: str) -> None:
    """`off` too: this one pane is to close as without the plugin."""
    sandbox.start_server(load_plugin=True)
    (one,) = start(sandbox, "prompt")
    sandbox.tmux("set-option", "-p", "-t", one.pane, "remain-on-exit", value)
    sandbox.tmux("set-option", "-pq", "-t", one.pane, "remain-on-exit-format", FORMAT)
    sandbox.helper("sync")
    line = FORMAT if sandbox.version >= DEAD_FORMAT else ""
    assert own(sandbox, one.pane) == (value, line)
    if value == "off":
        os.kill(one.pid, signal.SIGKILL)
        sandbox.wait_for(lambda: one.pane not in sandbox.pane_ids(), 20, "it to close")
        return
    one = crash_and_resume(sandbox, one)
    sandbox.quiet()
    assert own(sandbox, one.pane) == (value, line)
    sandbox.unload()
    assert own(sandbox, one.pane) == (value, line)


def test_a_pane_that_got_another_program_ends_as_any_other(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True)
    (one,) = start(sandbox, "prompt")
    sandbox.wait_for(
        lambda: sandbox.pane_option(one.pane, "remain-on-exit") == "failed", 20, "it to outlive a crash"
    )
    sandbox.tmux("respawn-pane", "-k", "-t", one.pane, "cat")
    sandbox.wait_for(
        lambda: sandbox.pane_option(one.pane, "remain-on-exit") == "", 20, "what was ours to be gone"
    )
    assert sandbox.pane_option(one.pane, "remain-on-exit-format") == ""
    assert sandbox.pane_option(one.pane, "@codex_hint") == ""


def exec_pane(sandbox: Sandbox, *options: str) -> str:
    """A pane with `codex-tmux exec`, on which `options` stood before."""
    pane = sandbox.new_pane("cat", name="exec")
    if options:
        sandbox.tmux("set-option", "-p", "-t", pane, *options)
    sandbox.tmux("respawn-pane", "-k", "-t", pane, str(sandbox.bin / "codex-tmux"), "exec")
    sandbox.wait_format(pane, "#{@codex_mode}", "exec")
    return pane


def test_a_conversation_by_exec_leaves_the_users_own_and_no_trace(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True)
    mine, other = exec_pane(sandbox, "remain-on-exit", "on"), exec_pane(sandbox)
    assert sandbox.pane_option(mine, "remain-on-exit") == "on"
    assert sandbox.pane_option(other, "remain-on-exit") == "failed"
    sandbox.unload()
    assert sandbox.pane_option(mine, "remain-on-exit") == "on"
    assert sandbox.pane_option(other, "remain-on-exit") == ""
    assert "@codex_" not in sandbox.tmux("show-options", "-p", "-t", other)


def test_unloaded_a_sleeping_pane_comes_back_unmarked(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True)
    one = asleep(sandbox)
    sandbox.unload()
    sandbox.respawn(one.pane)
    wait_resumed(sandbox, one)
    sandbox.wait_text(one.pane, "turn 1 |")
    sandbox.helper("list")
    assert sandbox.tmux("show-options", "-p", "-t", one.pane) == ""
    assert "@codex_" not in sandbox.tmux("show-options", "-g")
    sandbox.kill(one.pane)
    sandbox.wait_for(lambda: one.pane not in sandbox.pane_ids(), 20, "it to close, as without the plugin")


def test_loaded_again_a_sleeping_pane_sleeps_as_before(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True)
    one = asleep(sandbox)
    # tmux draws its last line, which scrolls the first one off, once it has the process's end.
    sandbox.wait_for(lambda: sandbox.capture(one.pane).splitlines()[0], 20, "the pane to be drawn")
    shown = sandbox.capture(one.pane).splitlines()[0]
    sandbox.unload()
    sandbox.load()
    sandbox.wait_asleep(one.pane)
    assert sandbox.format(one.pane, "#{pane_dead} #{@codex_pane} #{@codex_session}") == f"1 1 {one.session}"
    sandbox.wait_for(lambda: sandbox.capture(one.pane).splitlines()[0] == shown, 20, "its last screen")
    sandbox.respawn(one.pane)
    wait_resumed(sandbox, one)
