"""`codex-tmux adopt` and `forget`: bound by hand, and let go, on every kind of pane."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.world import Sandbox


@pytest.fixture
def untitled() -> Iterator[Sandbox]:
    """One whose Codex does not show its session."""
    with Sandbox(title=False) as made:
        made.start_server(load_plugin=True)
        yield made


def is_gone(world: Sandbox, pane: str) -> bool:
    world.tmux("run-shell", "-b", ":")  # Debian's tmux may have missed that it ended
    return pane not in world.pane_ids()


def ended_session(world: Sandbox, words: str) -> str:
    """A session that was quit, and whose pane is gone."""
    pane, session = world.talk(words)
    world.type(pane, "/quit")
    world.wait_for(lambda: is_gone(world, pane), 20, f"{pane} to close")
    world.wait_for(lambda: world.records()[session]["status"] == "ended", 20, "the record to end")
    return session


def refused(world: Sandbox, *args: str) -> str:
    """What a refused adopt or forget says."""
    world.quiet()
    before = world.records()
    done = world.helper_result(*args)
    assert done.returncode == 1, done.stdout
    assert world.records() == before
    return done.stderr


def rollout_of(world: Sandbox, session: str) -> Path:
    (rollout,) = world.codex_home.glob(f"sessions/*/*/*/*{session}.jsonl")
    return rollout


def test_a_codex_whose_session_is_not_known(untitled: Sandbox) -> None:
    world = untitled
    pane = world.new_pane()
    request = world.ask(pane, "first")
    # Its lock names it too: as long as it does.
    assert world.records()[request.session_id]["evidence"] == "lock"
    (lock,) = (world.codex_home / "thread-writer-locks").iterdir()
    lock.rename(lock.with_name("hidden"))
    world.helper("forget", "-t", pane)
    assert [r["session_id"] for r in world.listed()] == [None]
    said = world.helper("adopt", "-t", pane, request.session_id[:13])
    assert said == f"pane {pane} has session {request.session_id} (first)\n"
    row = world.records()[request.session_id]
    assert (row["evidence"], row["exact"], row["status"], row["pane"]) == ("adopted", True, "live", pane)
    world.crash(pane)
    assert world.ask(pane, "second").messages == ("first", "second")


def test_a_shell_in_which_another_codex_has_just_been_quit(world: Sandbox) -> None:
    session = ended_session(world, "first")
    with contextlib.closing(sqlite3.connect(world.codex_home / "state_5.sqlite")) as database, database:
        database.execute("UPDATE threads SET name = 'the parser' WHERE id = ?", (session,))
    pane = world.shell()
    world.enter(pane, str(world.bin / "codex"))
    world.ask(pane, "another")
    other = world.bound(pane)
    world.type(pane, "/quit")
    world.wait_for(lambda: world.records()[other]["status"] == "ended", 20, "it to be quit")
    assert f"codex resume {other}" in world.capture(pane)
    said = world.helper("adopt", "-t", pane, "the parser")
    assert f"has session {session} (the parser)" in said
    assert f"to resume it: codex-tmux respawn -t {pane}" in said
    assert (world.records()[session]["status"], world.records()[session]["evidence"]) == ("dead", "adopted")
    assert world.records()[other]["status"] == "ended"
    world.helper("respawn", "-t", pane)
    assert world.ask(pane, "second").messages == ("first", "second")
    assert world.format(pane, "#{pane_start_command}").strip('"').startswith("bash")
    world.type(pane, "/quit")
    world.wait_for(lambda: world.records()[session]["status"] == "ended", 20, "quit, it ends as any other")


def test_a_dead_pane_that_never_ran_codex(world: Sandbox) -> None:
    session = ended_session(world, "first")
    pane = world.new_pane("sh", "-c", "read x; exit 3")
    world.tmux("set-option", "-w", "-t", pane, "remain-on-exit", "on")
    world.tmux("send-keys", "-t", pane, "Enter")
    world.wait_for(
        lambda: world.tmux("run-shell", "-b", ":") or world.format(pane, "#{pane_dead}") == "1",
        20,
        "it to be dead",
    )
    world.helper("adopt", "-t", pane, session)
    assert world.records()[session]["status"] == "dead"
    assert world.format(pane, "#{pane_dead}") == "1"
    world.respawn(pane)
    assert world.ask(pane, "second").messages == ("first", "second")


def test_a_sleeping_pane_gets_another_session_that_another_sleeping_one_had(world: Sandbox) -> None:
    panes = [world.new_pane("codex -m x"), world.new_pane("codex -m y")]
    for number, pane in enumerate(panes):
        world.ask(pane, f"message {number}")
    sessions = [world.bound(pane) for pane in panes]
    for pane in panes:
        world.kill_codex(pane)
    world.helper("adopt", "-t", panes[0], sessions[1])
    assert [world.records()[s]["status"] for s in sessions] == ["ended", "dead"]
    world.respawn(panes[0])
    assert world.ask(panes[0], "on").messages == ("message 1", "on")
    # The other asks to start anew, rather than showing it twice.
    world.respawn(panes[1])
    world.start_anew(panes[1])
    assert world.ask(panes[1], "anew").messages == ("anew",)


def test_what_is_refused(world: Sandbox) -> None:
    session = ended_session(world, "first")
    other = ended_session(world, "second")
    living, alive = world.talk("third")
    shell = world.shell()
    assert "no such session" in refused(world, "adopt", "-t", shell, "01a20000-0000-7000-8000-000000000000")
    assert "no such session" in refused(world, "adopt", "-t", shell, "no such name")
    assert "at least 8 characters" in refused(world, "adopt", "-t", shell, session[:7])
    assert "it can be in one pane only" in refused(world, "adopt", "-t", shell, alive)
    assert f"shows session {alive} (by its title)" in refused(world, "adopt", "-t", living, session)
    assert "there is no pane %99" in refused(world, "adopt", "-t", "%99", session)
    # Made in the same minute, they begin alike.
    if session[:8] == other[:8]:
        assert "is ambiguous: " in refused(world, "adopt", "-t", shell, session[:8])
    rollout = rollout_of(world, session)
    rollout.write_text(
        rollout.read_text().replace('"thread_source": "user"', '"thread_source": "subagent"', 1)
    )
    assert "belongs to a sub-agent" in refused(world, "adopt", "-t", shell, session)
    rollout_of(world, other).unlink()
    assert "was deleted" in refused(world, "adopt", "-t", shell, other)
    assert world.format(shell, "#{@codex_session}#{@codex_pane}") == ""


def test_a_bound_pane_is_forgotten(world: Sandbox) -> None:
    pane, session = world.talk("first")
    store = sorted(p.name for p in world.codex_home.rglob("*") if "sqlite" not in p.name)
    assert f"quit Codex in pane {pane} first" in refused(world, "forget", "-y", "-t", pane)
    assert f"quit Codex in pane {pane} first" in refused(world, "forget", session)
    world.kill_codex(pane)
    assert f"forgotten: {session}" in world.helper("forget", "-t", pane)
    assert world.records() == {}
    assert world.format(pane, "#{@codex_session}#{@codex_pane}#{@codex_state}") == ""
    assert sorted(p.name for p in world.codex_home.rglob("*") if "sqlite" not in p.name) == store
    assert "has no known session" in refused(world, "forget", "-t", pane)
    # It is not gone: by hand it comes back.
    world.helper("adopt", "-t", pane, session)
    world.respawn(pane)
    assert world.ask(pane, "second").messages == ("first", "second")


def test_all_that_ended_are_forgotten_and_nothing_else(world: Sandbox) -> None:
    for words in ("first", "second"):
        ended_session(world, words)
    _, session = world.talk("third")
    assert world.helper("forget", "--all-ended") == "forgotten: 2 sessions (Codex still has the data)\n"
    assert list(world.records()) == [session]
    assert world.helper("forget", "--all-ended") == "nothing to forget\n"


def test_a_person_is_asked_and_no_tmux_server_is_needed(world: Sandbox) -> None:
    session = ended_session(world, "first")
    assert "at least 8 characters" in refused(world, "forget", session[:7])
    assert "no such session" in refused(world, "forget", "ffffffff")
    pane = world.new_pane(f"codex-tmux forget {session}; echo DONE; cat", name="asking")
    world.wait_text(pane, "Forget")
    assert session in world.capture(pane)
    world.enter(pane, "n")
    world.wait_text(pane, "nothing forgotten")
    assert list(world.records()) == [session]
    world.end_server()
    assert f"forgotten: {session}" in world.helper("forget", session[:8])
    assert world.records() == {}


def test_misuse(sandbox: Sandbox) -> None:
    assert sandbox.helper_result("forget").returncode == 2
    assert "which pane?" in sandbox.helper_result("adopt", "x").stderr
