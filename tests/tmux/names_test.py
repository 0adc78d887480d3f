"""One name for a conversation and its window: what names what, and what does not, in a real tmux."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_daemon import IDLE, FakeDaemon
from tests.support.world import Sandbox
from tests.tmux.hooks_test import set_titles

FORMAT = ("show-options", "-gwv", "automatic-rename-format")


@pytest.fixture
def daemon(world: Sandbox) -> Iterator[FakeDaemon]:
    with FakeDaemon(world.codex_home) as made:
        yield made


def conversation(world: Sandbox) -> tuple[str, str]:
    """A pane with a conversation in a window that tmux names, and the session."""
    pane = world.pane_by("new-window", "-d", "-c", str(world.work), "codex")
    world.ask(pane, "hello")
    session = world.bound(pane)
    world.quiet()
    return pane, session


def name_in_codex(world: Sandbox, session: str, name: str) -> None:
    with contextlib.closing(sqlite3.connect(world.codex_home / "state_5.sqlite")) as database, database:
        assert database.execute("UPDATE threads SET name = ? WHERE id = ?", (name, session)).rowcount == 1


def end_turn(world: Sandbox, pane: str, session: str, behind: str = "") -> None:
    """A turn that begins, and ends, with what else stands in the title."""
    title = f"work | {session[:29]}...{behind}"
    world.quiet()
    world.tmux("set-option", "-p", "-t", pane, "@codex_turning", f"0 {world.format(pane, '#{pane_pid}')} ")
    for shown in (f"⠋ {title}", title):
        set_titles(world, pane, [shown])


def window_is(world: Sandbox, pane: str, name: str) -> None:
    world.wait_format(pane, "#{window_name}", name)


def events(world: Sandbox, event: str) -> int:
    return world.log_text().count(f" {event} ")


def test_a_conversation_that_codex_named_names_its_window(world: Sandbox) -> None:
    pane, session = conversation(world)
    other, _ = conversation(world)
    name_in_codex(world, session, "Fix #12\n#[fg=red]#(touch pwned) in the parser of rows")
    end_turn(world, pane, session)
    window_is(world, pane, "Fix #12 [fg=red](touch pwned) …")
    # And what stands behind the id in the title tells of another name.
    name_in_codex(world, session, "rows")
    end_turn(world, pane, session, " | rows")
    window_is(world, pane, "rows")
    name_in_codex(world, session, "columns")
    set_titles(world, pane, [f"work | {session[:29]}... | columns"])
    window_is(world, pane, "columns")
    window_is(world, other, world.format(other, "#{pane_current_command}"))
    # Named by the user it stays so; asleep it keeps its name.
    world.tmux("rename-window", "-t", pane, "mine")
    name_in_codex(world, session, "lines")
    set_titles(world, pane, [f"work | {session[:29]}... | lines"])
    world.wait_format(pane, "#{@codex_name}", "lines")
    assert world.format(pane, "#{window_name}") == "mine"
    world.tmux("set-option", "-uw", "-t", pane, "automatic-rename")
    window_is(world, pane, "lines")
    assert events(world, "session.named") == 0


def test_a_renamed_window_names_its_conversation(world: Sandbox, daemon: FakeDaemon) -> None:
    pane, session = conversation(world)
    daemon.threads = {session: IDLE}
    world.tmux("rename-window", "-t", pane, "api; $(id) 'x'")
    world.wait_for(lambda: daemon.names, 20, "the conversation to be named")
    assert daemon.names == {session: "api; $(id) 'x'"}
    window_is(world, pane, "api; $(id) 'x'")
    world.quiet()
    assert daemon.asked.count("thread/name/set") == 1, "no loop"


def test_a_name_with_the_id_of_another_conversation(world: Sandbox) -> None:
    pane, session = conversation(world)
    other, theirs = conversation(world)
    name_in_codex(world, session, f"see {theirs}")
    set_titles(world, pane, [f"work | {session[:29]}... | see {theirs}"])
    world.wait_for(lambda: world.format(pane, "#{@codex_name}") == f"see {theirs}", 20, "the name")
    world.quiet()
    assert world.format(pane, "#{@codex_session}") == session
    # What tmux alone notes of a title that it sees for the first time.
    world.tmux("set-option", "-pu", "-t", pane, "@codex_title_id")
    set_titles(world, pane, [f"work | {session[:29]}... | see  {theirs}"])
    assert world.format(pane, "#{@codex_title_id}") == session[:29]
    world.tmux("kill-pane", "-t", other)
    world.quiet()
    assert world.format(pane, "#{@codex_session}") == session


def test_the_name_is_the_conversations_that_was_there(world: Sandbox, daemon: FakeDaemon) -> None:
    pane, session = conversation(world)
    other, theirs = conversation(world)
    daemon.threads = {session: IDLE, theirs: IDLE}
    # Another one stands there by the time a helper looks.
    world.tmux("rename-window", "-t", pane, "mine")
    world.tmux("swap-pane", "-d", "-s", other, "-t", pane)
    world.quiet()
    assert daemon.names in ({}, {session: "mine"})
    # What it is called already names nothing, now or later.
    before = daemon.asked.count("thread/name/set")
    world.tmux("rename-window", "-t", pane, world.format(pane, "#{window_name}"))
    world.quiet()
    world.tmux("swap-pane", "-d", "-s", other, "-t", pane)
    world.quiet()
    assert daemon.asked.count("thread/name/set") == before
    # Of several names the last one stays, to its last character.
    for name in ("one", "two", r"three\;"):
        world.tmux("rename-window", "-t", other, name)
    world.wait_for(lambda: daemon.names.get(theirs) == "three;", 20, "the conversation to be named")
    world.quiet()
    assert (daemon.names[theirs], world.format(other, "#{@codex_name}")) == ("three;", "three;")


def test_what_names_no_conversation(world: Sandbox, daemon: FakeDaemon) -> None:
    (pane, session), (own, first), (beside, second) = (conversation(world) for _ in range(3))
    daemon.threads = {session: IDLE, first: IDLE, second: IDLE}
    name_in_codex(world, session, "from Codex")
    end_turn(world, pane, session)
    window_is(world, pane, "from Codex")
    # A program's name, in its own pane and in the other one of its window.
    for window, program in ((own, own), (beside, world.pane_by("split-window", "-d", "-t", beside, "cat"))):
        world.tmux("set-option", "-p", "-t", program, "allow-rename", "on")
        Path(world.format(program, "#{pane_tty}")).write_bytes(b"\x1bkfrom a program\x1b\\")
        window_is(world, window, "from a program")
    # One window of two conversations, one of none, and with names switched off.
    world.tmux("join-pane", "-d", "-s", beside, "-t", own)
    world.tmux("rename-window", "-t", own, "both")
    world.tmux("rename-window", "-t", world.new_pane("cat"), "no Codex")
    world.quiet()
    world.tmux("set-option", "-g", "@codex-names", "off")
    world.tmux("rename-window", "-t", pane, "mine")
    world.quiet()
    assert "thread/name/set" not in daemon.asked
    assert events(world, "session.not_named") == 0


def test_without_its_conversation_a_window_has_tmuxs_name_again(world: Sandbox) -> None:
    pane = world.pane_by("new-window", "cat")  # which prints nothing
    world.quiet()
    for option in ("@codex_pane", "@codex_session", "@codex_name"):
        world.tmux("set-option", "-p", "-t", pane, option, "gone")
    world.tmux("set-option", "-gw", "automatic-rename", "on")
    window_is(world, pane, "gone")
    world.helper("sync")
    window_is(world, pane, "cat")


def test_off_takes_names_away_again(world: Sandbox) -> None:
    pane, session = conversation(world)
    name_in_codex(world, session, "from Codex")
    end_turn(world, pane, session)
    window_is(world, pane, "from Codex")
    world.tmux("set-option", "-g", "@codex-names", "off")
    world.helper("sync")
    window_is(world, pane, world.format(pane, "#{pane_current_command}"))


def test_without_a_daemon_it_is_said_once(world: Sandbox) -> None:
    pane, _ = conversation(world)
    for name in ("one", "two"):
        done = events(world, "session.not_named") + 1
        world.tmux("rename-window", "-t", pane, name)
        world.wait_for(lambda n=done: events(world, "session.not_named") == n, 20, "it to be noted")  # type: ignore[misc]
    world.quiet()
    log = world.log_text()
    assert log.count("not renamed in Codex (no daemon runs): use /rename there") == 1


@pytest.mark.parametrize(
    ("own", "named"),
    [("n,#{?pane_dead,gone,#{pane_current_command}}", "n,cat"), ("x#{@codex_name};", "x;"), ("", "cat")],
)
def test_the_users_format_is_kept_and_comes_back(sandbox: Sandbox, own: str, named: str) -> None:
    config = f"set -g automatic-rename-format '{own}'" if own else ""
    sandbox.start_server(config=config)
    before = sandbox.tmux(*FORMAT)
    assert not own or before == own
    # What the window that is shown has of its own is no other window's.
    sandbox.tmux("set-option", "-w", "automatic-rename-format", "here alone")
    for _ in range(2):
        sandbox.load()
        sandbox.wait_for(lambda: "@codex_unnamed" in sandbox.tmux(*FORMAT), 20, "the plugin")
    window = sandbox.pane_by("new-window", "-d", "cat")
    sandbox.tmux("set-option", "-gw", "automatic-rename", "on")  # named now: `cat` prints nothing
    window_is(sandbox, window, named)
    sandbox.tmux("set-option", "-p", "-t", window, "@codex_name", "ours")
    sandbox.tmux("set-option", "-gw", "automatic-rename", "on")
    window_is(sandbox, window, "ours")
    sandbox.unload()
    assert sandbox.tmux(*FORMAT) == before
    window_is(sandbox, window, named)
    # One that the user has set since is the user's, whatever stands in it.
    sandbox.tmux("set-option", "-gw", "automatic-rename-format", "#{@codex_name}")
    sandbox.unload()
    assert sandbox.tmux(*FORMAT) == "#{@codex_name}"
