"""`prefix P` under an attached client: fzf in a popup, and tmux's own menu where there is no fzf."""

import contextlib
import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from codex_tmux.selftest.standin import new_id
from codex_tmux.selftest.world import WorldError
from tests.support.fake_daemon import APPROVAL, WORKING, FakeDaemon
from tests.support.screen import Screen
from tests.support.standin_session import THREADS
from tests.support.world import Sandbox

needs_fzf = pytest.mark.skipif(shutil.which("fzf") is None, reason="no fzf here: apt-get install fzf")
WAYS = [("menu", "menu"), pytest.param("fzf", "fzf", marks=needs_fzf)]
PROMPT = "conversation>"
HOSTILE = (
    "a #(touch pwned1) $(touch pwned2) `touch pwned3` '; touch pwned4; ' #[fg=red] {1} "
    "\x1b]0;owned\x07 \x1b[31m \ttab"
)


@pytest.fixture
def world(sandbox: Sandbox, request: pytest.FixtureRequest) -> Sandbox:
    """A tmux server with the plugin; with "menu" no fzf is on its PATH."""
    if getattr(request, "param", "fzf") == "menu":
        hide_fzf(sandbox)
    sandbox.start_server(load_plugin=True)
    sandbox.wait_for(lambda: "pick --from-key" in sandbox.tmux("list-keys"), 20, "the key")
    return sandbox


def hide_fzf(sandbox: Sandbox) -> None:
    """Give the sandbox a PATH with everything but fzf."""
    programs = sandbox.root / "programs"
    programs.mkdir()
    for directory in os.environ["PATH"].split(os.pathsep):
        for path in Path(directory).glob("*"):
            link = programs / path.name
            if path.name != "fzf" and not link.is_symlink():
                link.symlink_to(path)
    sandbox.env["PATH"] = f"{sandbox.bin}{os.pathsep}{programs}"


def started(world: Sandbox, words: str) -> tuple[str, str]:
    """A pane with one turn of a conversation, its session known; pane and session."""
    pane = world.new_pane()
    world.ask(pane, words)
    return pane, world.bound(pane)


def closed(world: Sandbox, pane: str) -> None:
    """Close a pane, as a user does; returns when that is on the disk."""
    session = world.format(pane, "#{@codex_session}")
    world.tmux("kill-pane", "-t", pane)
    world.wait_for(lambda: status_of(world, session) == "closed", 20, f"{pane} to be closed")


def other_pane(screen: Screen, *panes: str) -> str:
    """The pane the client is in, if it is none of these."""
    pane = screen.pane()
    return "" if pane in panes else pane


def status_of(world: Sandbox, session: str) -> str:
    """The status of a session in the state file."""
    return next((r.status for r in world.stored() if r.session_id == session), "")


def choose(screen: Screen, way: str, words: str, key: str = "Enter") -> None:
    """Open the picker, find the conversation of these words, press a key on it."""
    screen.keys("C-b", "P")
    if way == "fzf":
        screen.wait(PROMPT)
        screen.type(f"'{words}")
        screen.wait(" 1/")
        screen.keys(key)
    else:
        line = next(line for line in screen.wait(words).splitlines() if words in line)
        screen.keys(line.split("(")[-1].split(")")[0])
    # fzf goes first, its popup after it: what is typed in between would be the popup's.
    screen.wait_gone("┌")


@pytest.mark.parametrize(("world", "way"), WAYS, indirect=["world"])
def test_enter_goes_to_a_living_one_and_brings_the_others_back(world: Sandbox, way: str) -> None:
    live, _ = started(world, "living words")
    dead, _ = started(world, "dead words")
    gone, gone_session = started(world, "closed words")
    world.kill_codex(dead)
    closed(world, gone)
    with Screen(world) as screen:
        panes = len(world.tmux("list-panes", "-a").splitlines())
        choose(screen, way, "living words")
        world.wait_for(lambda: screen.pane() == live, 20, "the client to go there")
        choose(screen, way, "dead words")
        world.wait_for(lambda: screen.pane() == dead, 20, "the client to go there")
        assert world.ask(dead, "more").messages == ("dead words", "more")
        assert len(world.tmux("list-panes", "-a").splitlines()) == panes, "in the panes that were there"
        choose(screen, way, "closed words")
        new = world.wait_for(
            lambda: other_pane(screen, live, dead),
            20,
            "a new pane on the client's screen",
        )
        assert world.ask(new, "more").messages == ("closed words", "more")
        world.wait_format(new, "#{@codex_session}", gone_session)
        world.wait_for(lambda: status_of(world, gone_session) == "live", 20, "the record to live")
        if world.version >= (3, 3, ""):  # pane_start_path
            assert world.format(new, "#{pane_start_path}") == str(world.work)
        assert world.ask(live, "untouched").messages == ("living words", "untouched")
        world.no_view_mode()


@needs_fzf
def test_a_split_a_copied_id_and_one_forgotten(world: Sandbox) -> None:
    gone, session = started(world, "closed words")
    closed(world, gone)
    with Screen(world) as screen:
        first = screen.pane()
        choose(screen, "fzf", "closed words", "C-y")
        world.wait_for(lambda: world.tmux("list-buffers"), 20, "the buffer")
        assert world.tmux("show-buffer") == session
        screen.keys("C-b", "P")
        screen.wait("closed words")
        screen.keys("C-x")
        world.wait_for(lambda: not status_of(world, session), 20, "the record to go")
        screen.wait("·  ")  # it asks again; the conversation is there without a status
        screen.keys("C-s")
        screen.wait_gone("┌")
        new = world.wait_for(lambda: other_pane(screen, first), 20, "the new pane")
        assert world.format(new, "#{window_id}") == world.format(first, "#{window_id}")
        assert world.ask(new, "more").messages == ("closed words", "more")
        assert world.format(first, "#{@codex_session}") == "", "the other pane is none of it"


@pytest.mark.parametrize(("world", "way"), WAYS, indirect=["world"])
def test_hostile_titles_and_directories_do_nothing(world: Sandbox, way: str) -> None:
    directory = world.make_dir("dir #(touch pwned5) $(touch pwned6) 'q' #{pane_id}")
    session = new_id()
    plant(world, [(session, HOSTILE + "\nsecond line", str(directory))])
    with Screen(world) as screen:
        title = world.tmux("display-message", "-p", "#{pane_title}")
        before = world.tmux("list-panes", "-a", "-F", "#{pane_id}").split()
        choose(screen, way, "touch pwned1")
        new = world.wait_for(
            lambda: world.pane_ids() - set(before),
            20,
            "the new pane",
        ).pop()
        world.wait_ready(new)
        assert world.format(new, "#{pane_current_path}") == str(directory)
        assert title == world.tmux("display-message", "-p", "-t", before[0], "#{pane_title}")
    for place in (world.work, directory, world.home, Path.cwd()):
        assert not list(place.glob("pwned*"))


def plant(world: Sandbox, sessions: list[tuple[str, str, str]]) -> None:
    """Put sessions (id, title, directory) into Codex's store, oldest first."""
    with closing(sqlite3.connect(world.codex_home / "state_5.sqlite")) as database, database:
        database.execute(THREADS)
        for number, (session, title, cwd) in enumerate(sessions):
            path = world.codex_home / "sessions/2026/11/01" / f"rollout-2026-11-01T00-00-00-{session}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"type": "session_meta", "payload": {"id": session}}) + "\n")
            os.utime(path, (1.79e9 + number, 1.79e9 + number))
            row = {"id": session, "rollout_path": str(path), "cwd": cwd, "title": title, "source": "cli"}
            row |= {"first_user_message": title}
            numbers = {
                "created_at": number,
                "updated_at": number,
                "created_at_ms": number,
                "updated_at_ms": number,
            }
            columns = {**row, **numbers}
            names, marks = ", ".join(columns), ", ".join("?" * len(columns))
            database.execute(f"INSERT INTO threads ({names}) VALUES ({marks})", list(columns.values()))


@needs_fzf
def test_one_of_five_thousand_is_found(world: Sandbox) -> None:
    plant(world, [(new_id(), f"conversation number {n:04}", str(world.work)) for n in range(5000)])
    with Screen(world) as screen:
        screen.keys("C-b", "P")
        screen.wait("5000/5000")
        screen.type(r"'number\ 0003")
        screen.wait(" 1/5000")
        screen.wait_gone("number 4999")  # the preview follows a moment later
        screen.wait("number 0003")


@pytest.mark.parametrize(("world", "way"), WAYS, indirect=["world"])
def test_it_says_what_each_conversation_is_doing(world: Sandbox, way: str) -> None:
    _, session = started(world, "living words")
    dead, dead_session = started(world, "dead words")
    world.kill_codex(dead)
    with FakeDaemon(world.codex_home) as daemon, Screen(world) as screen:
        daemon.threads = {session: APPROVAL, dead_session: WORKING}

        def said() -> bool:
            # A daemon that is slow to answer, as on a busy machine, is not waited for.
            screen.keys("C-b", "P")
            seen = screen.wait("dead words")
            known = "needs approval" in seen and "asleep, working" in seen
            if not known:
                screen.keys("Escape")
                screen.wait_gone("dead words")
            return known

        world.wait_for(said, 30, "what they do")
        if way == "fzf":

            def told() -> bool:
                # The preview asks the daemon once, and does not wait for one that is slow.
                screen.keys("C-u")
                screen.wait(" 2/")
                screen.type("approval")
                screen.wait(" 1/")
                with contextlib.suppress(WorldError):
                    return bool(screen.wait("needs approval", 3))
                return False

            world.wait_for(told, 30, "the preview")
        screen.keys("Escape")
        screen.wait_gone("┌")


@pytest.mark.parametrize(("world", "way"), WAYS, indirect=["world"])
def test_nothing_to_choose_from_is_said(world: Sandbox, way: str) -> None:
    world.tmux("set-option", "-g", "display-time", "10000")
    with Screen(world) as screen:
        screen.keys("C-b", "P")
        screen.wait("no conversations yet")


@needs_fzf
def test_the_preview_shows_place_flags_and_the_last_messages(world: Sandbox) -> None:
    pane = world.new_pane("codex", "-m", "some-model", "-c", "api_key=secret")
    world.ask(pane, "first words")
    world.ask(pane, "last words")
    session = world.bound(pane)
    with Screen(world, height=50) as screen:
        screen.keys("C-b", "P")
        for text in (session, "-m some-model", "first words", "last words", "turn 2 |", str(world.work)):
            screen.wait(text)
        seen = screen.wait("── Codex")
        assert "secret" not in seen
        screen.keys("Escape")
        screen.wait_gone(PROMPT)


@needs_fzf
def test_what_was_said_and_this_directory_alone(world: Sandbox) -> None:
    here, there = world.make_dir("here"), world.make_dir("there")
    for place, words in ((here, "one marmalade"), (there, "one zebra")):
        world.ask(world.new_pane(cwd=place), words)
    with Screen(world, height=50) as screen:
        world.tmux("split-window", "-t", screen.pane(), "-c", str(here), "cat")
        screen.keys("C-b", "P")
        screen.wait(PROMPT)
        screen.type("ONE zebra")
        screen.keys("C-t")
        assert "Said: ONE zebra" in screen.wait(" 1/1")
        screen.keys("C-t")  # nothing typed: all of them
        screen.wait(" 2/2")
        screen.keys("C-d")
        assert str(there) not in screen.wait(" 1/1").partition("session ")[0]
        screen.type("/marmalade")
        screen.keys("Enter")
        screen.wait("Said: marmalade")
        screen.keys("Escape")
        screen.wait_gone(PROMPT)
