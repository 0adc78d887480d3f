"""`codex-tmux list` and `status` on real screens, with a stand-in for Codex and for its daemon."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from rich.cells import cell_len

from tests.support.fake_daemon import APPROVAL, IDLE, FakeDaemon
from tests.support.world import Sandbox

LONG = "fix the parser of the configuration file please, it drops the comments of every table"
WIDE = "日本語の題名は一文字が二桁の幅なので表がすぐに崩れてしまいます"


class World(NamedTuple):
    """A tmux server with a living, a dead and an ended conversation, and a daemon that knows the first two."""

    sandbox: Sandbox
    live: str
    dead: str
    sessions: tuple[str, str]


@pytest.fixture
def world(sandbox: Sandbox) -> Iterator[World]:
    sandbox.start_server(load_plugin=True, width=80, height=24)
    live, dead = sandbox.new_pane(), sandbox.new_pane()
    sandbox.ask(live, LONG)
    sandbox.ask(dead, WIDE)
    sessions = sandbox.bound(live), sandbox.bound(dead)
    sandbox.kill_codex(dead)
    ended, _ = sandbox.talk("quit at once")
    sandbox.type(ended, "/quit")
    sandbox.wait_for(lambda: "ended" in sandbox.helper("list", "--all"), 20, "the third to be ended")
    with FakeDaemon(sandbox.codex_home) as daemon:
        daemon.threads = {sessions[0]: APPROVAL, sessions[1]: IDLE}
        yield World(sandbox, live, dead, sessions)


def on_screen(sandbox: Sandbox, command: str, colours: bool = False) -> list[str]:
    """The lines that a command leaves on the screen of a pane of its own."""
    pane = sandbox.new_pane(f"{command}; echo DONE; cat", name="looker")
    sandbox.wait_text(pane, "DONE")
    text = sandbox.tmux("capture-pane", "-p", *(["-e"] if colours else []), "-t", pane)
    sandbox.tmux("kill-pane", "-t", pane)
    lines = text[: text.index("DONE")].splitlines()
    return [line for line in lines if re.sub(r"\x1b\[[0-9;]*m", "", line)]


def shown(world: World, command: str = "codex-tmux list", colours: bool = False) -> list[str]:
    """The same once the daemon has answered: on a busy machine it may be slower than `list` waits."""
    return world.sandbox.wait_for(
        lambda: (
            lines
            if "needs approval" in "".join(lines := on_screen(world.sandbox, command, colours))
            else None
        ),
        30,
        "what they do",
    )


def test_it_fits_the_terminal(world: World) -> None:
    head, live, dead = shown(world)
    assert all(cell_len(line) <= 80 for line in (head, live, dead))
    assert head.split()[:2] == ["WHERE", "PANE"]
    assert live.startswith(f"main:1.0  {world.live}")
    assert "needs approval" in live
    assert "asleep" in dead
    assert "exact" in live
    # Columns stand below each other, wide characters or not.
    assert cell_len(live[: live.index("needs approval")]) == cell_len(dead[: dead.index("asleep")])
    assert "…" in live
    assert len(on_screen(world.sandbox, "codex-tmux list --all")) == 4


def test_what_programs_read(world: World) -> None:
    sandbox = world.sandbox
    assert json.loads(sandbox.helper("list", "--json"))["version"] == 1
    activities = ["approval", "idle"]

    def answered() -> list[dict[str, Any]]:
        panes = sandbox.listed()
        return panes if [row["activity"] for row in panes] == activities else []

    live, dead = sandbox.wait_for(answered, 20, "the daemon's answer")
    assert set(live) == set(
        "session_id evidence exact status mode server pane tmux_session window window_name pane_index cwd codex_home "
        "flags title activity updated_at transport session_prefix paste server_is server_pid unread_since".split()
    )
    assert (live["session_id"], live["title"]) == (world.sessions[0], LONG)
    assert (dead["session_id"], dead["status"]) == (world.sessions[1], "dead")
    only = sandbox.helper("list", "--status", "dead").splitlines()
    assert [line.split()[1] for line in only] == ["PANE", world.dead]
    assert len(sandbox.helper("list", "--status", "dead", "--status", "ended").splitlines()) == 3
    assert sandbox.helper("list", "--status", "lost") == "no pane is lost\n"
    assert sandbox.helper("status") == "1 running 1 asleep\n"
    sandbox.wait_format(world.live, "#{@codex_status}", "1 running 1 asleep")
    sandbox.quiet()
    sandbox.end_server()
    assert sandbox.helper("status") == "2 lost\n"
    pane = sandbox.start_server(load_plugin=True, config="set -g @codex-restore off")
    assert sandbox.helper("status") == "2 lost\n", "until they are restored"
    sandbox.wait_format(pane, "#{@codex_status}", "2 lost")


def test_without_a_server_each_says_so(sandbox: Sandbox) -> None:
    for words in (
        ["next"],
        ["respawn", "-t", "%1"],
        ["adopt", "-t", "%1", "x"],
        ["restore"],
        ["forget", "-t", "%1"],
    ):
        done = sandbox.helper_result(*words)
        assert re.fullmatch(r"codex-tmux: no tmux server runs at /\S*: start tmux first\n", done.stderr), (
            words,
            done.stderr,
        )
        assert (done.returncode, done.stdout) == (1, "")


def test_nothing_known_says_what_to_do(sandbox: Sandbox) -> None:
    assert sandbox.helper("list") == "no Codex panes yet\n"
    sandbox.start_server(load_plugin=True)
    assert sandbox.helper("list") == "no Codex panes yet\n"
    assert sandbox.helper("status") == "\n"
