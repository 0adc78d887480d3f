"""The stand-in is held to the real Codex without its shared server: both must show the same in each case."""

import contextlib
import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest

from codex_tmux.codex.store import Store
from codex_tmux.selftest.world import WorldError
from tests.support.world import Sandbox

pytestmark = [pytest.mark.codex, pytest.mark.xdist_group("contract")]

Seen = dict[str, Any]
ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
CUT = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{5}(?=\.\.\.)")
SPINNER = re.compile(r"^[\u2800-\u28ff] ")
EMBEDDED = ("codex", "--no-daemon")
ENDS = ["/quit", "C-c", "SIGKILL", "SIGTERM", "SIGHUP"]
UNKNOWN = "01a201da-7561-7551-a7df-a07aa6f38cdb"


@pytest.fixture(scope="module")
def both(codex_binary: str) -> Iterator[list[Sandbox]]:
    """Two worlds, the real Codex's and the stand-in's."""
    with Sandbox(codex_binary) as real, Sandbox() as standin:
        for world in (real, standin):
            world.start_server(config="set -g remain-on-exit on")
            world.attach()
        yield [real, standin]


def same(both: list[Sandbox], case: Callable[[Sandbox], Seen]) -> None:
    """What both show in a case is the same."""
    with ThreadPoolExecutor() as pool:
        real, standin = pool.map(case, both)
    assert standin == real


def start(world: Sandbox) -> str:
    """A pane with Codex, looked at by a client, its title there."""
    pane = world.new_pane(*EMBEDDED)
    world.tmux("select-window", "-t", pane)
    world.wait_ready(pane, 30)
    world.wait_for(lambda: CUT.search(world.format(pane, "#{pane_title}")), 20, "the id in the title")
    return pane


def session(world: Sandbox, pane: str) -> str:
    """The session in a pane's title, whole: the lock files name it."""
    found = CUT.search(world.format(pane, "#{pane_title}"))
    assert found
    (lock,) = (world.codex_home / "thread-writer-locks").glob(f"{found[0]}*.lock")
    return lock.stem


def title(world: Sandbox, pane: str) -> str:
    """The title, without what is this session's and this moment's own."""
    return CUT.sub("<id>", SPINNER.sub("", world.format(pane, "#{pane_title}")))


def holder(world: Sandbox, pane: str, session_id: str) -> str:
    """Who holds a session's lock: the pane's own Codex, another one, nobody."""
    found = Store(str(world.codex_home)).lock_holder(session_id)
    if found is None:
        return "nobody"
    with contextlib.suppress(WorldError):
        root = psutil.Process(int(world.format(pane, "#{pane_pid}")))
        return "pane" if found.pid in [p.pid for p in (root, *root.children(recursive=True))] else "other"
    return "other"


def files(world: Sandbox, pane: str, session_id: str) -> Seen:
    """What a session has on the disk, and who holds it."""
    rollouts = list(world.codex_home.glob(f"sessions/*/*/*/rollout-*-{session_id}.jsonl"))
    meta = json.loads(rollouts[0].read_text().splitlines()[0])["payload"] if rollouts else {}
    found = Store(str(world.codex_home)).find(session_id)
    may, why = Store(str(world.codex_home)).resumable(session_id)
    return {
        "rollouts": len(rollouts),
        "meta": {name: meta.get(name) == session_id for name in ("id", "session_id")},
        "source": (meta.get("source"), meta.get("thread_source")),
        "cwd": meta.get("cwd") in (None, str(world.work)),
        "lock file": (world.codex_home / "thread-writer-locks" / f"{session_id}.lock").exists(),
        "holder": holder(world, pane, session_id),
        "first message": found.first_message if found else None,
        # Before its first session Codex makes its store when it comes to it.
        "resumable": (may, "unknown" if why == "no-store" else why),
    }


def dead(world: Sandbox, pane: str) -> bool:
    """Whether a pane's process has ended and tmux knows how."""
    world.tmux("run-shell", "-b", ":")  # Debian's tmux misses deaths until another child ends
    return world.format(pane, "#{pane_dead} #{pane_dead_status}#{pane_dead_signal}") not in ("0 ", "1 ")


def end(world: Sandbox, pane: str, how: str) -> Seen:
    """End the Codex of a pane; what it leaves."""
    known = session(world, pane)
    if how == "/quit":
        world.type(pane, "/quit")
    elif how == "C-c":
        world.tmux("send-keys", "-t", pane, "C-c")
    else:
        os.kill(world.codex_pid(pane), getattr(signal, how))
    world.wait_for(lambda: dead(world, pane), 20, f"the end of Codex by {how}")
    screen = world.capture(pane, history=True)
    lines = [line.strip() for line in screen.splitlines() if "codex resume" in line and ID.search(line)]
    return {
        "title": title(world, pane),
        "exit": world.format(pane, "#{pane_dead_status}/#{pane_dead_signal}"),
        "names its session": [ID.sub("<id>", line) for line in lines],
        "that one": all(known in line for line in lines),
        "files": files(world, pane, known),
    }


def test_a_session_before_and_after_its_first_message(both: list[Sandbox]) -> None:
    def case(world: Sandbox) -> Seen:
        pane = start(world)
        before = session(world, pane)
        seen: Seen = {"title": title(world, pane), "empty": files(world, pane, before)}
        world.ask(pane, "hello")
        store = Store(str(world.codex_home))
        world.wait_for(lambda: store.find(before), 20, "the session in the database")
        seen |= {"same": session(world, pane) == before, "asked": files(world, pane, before)}
        world.type(pane, "/new")
        world.wait_for(lambda: before[:29] not in world.format(pane, "#{pane_title}"), 20, "another id")
        world.wait_for(lambda: title(world, pane) == seen["title"], 20, "a quiet title")
        after = session(world, pane)
        return {**seen, "old": files(world, pane, before), "new": files(world, pane, after)}

    same(both, case)


@pytest.mark.parametrize("how", ENDS)
def test_every_end_after_a_message(both: list[Sandbox], how: str) -> None:
    def case(world: Sandbox) -> Seen:
        pane = start(world)
        known = world.ask(pane, f"end by {how}").session_id
        store = Store(str(world.codex_home))
        world.wait_for(lambda: store.find(known), 20, "the session in the database")
        # Codex is busy with the title of its own for a moment.
        world.wait_for(lambda: not SPINNER.search(world.format(pane, "#{pane_title}")), 20, "a quiet title")
        return end(world, pane, how)

    same(both, case)


@pytest.mark.parametrize("how", ["/quit", "SIGKILL"])
def test_every_end_before_a_message(both: list[Sandbox], how: str) -> None:
    same(both, lambda world: end(world, start(world), how))


def test_resume_alone_and_while_it_is_open(both: list[Sandbox]) -> None:
    def case(world: Sandbox) -> Seen:
        pane = start(world)
        known = world.ask(pane, "shared").session_id
        other = world.new_pane(*EMBEDDED, "resume", known)
        world.tmux("select-window", "-t", other)
        world.wait_for(lambda: known[:29] in world.format(other, "#{pane_title}"), 20, "its id in the title")
        world.wait_for(
            lambda: any(x in world.capture(other) for x in ("open in another app", "turn 1 |")),
            20,
            "an answer",
        )
        seen: Seen = {"title": title(world, other), "holder": holder(world, pane, known)}
        seen["end of the second"] = world.format(other, "#{pane_dead}")
        world.kill(other)
        world.kill(pane)
        world.wait_for(lambda: dead(world, pane) and dead(world, other), 20, "both to end")
        again = world.new_pane(*EMBEDDED, "resume", known)
        world.tmux("select-window", "-t", again)
        world.wait_text(again, "turn 1 |")
        seen["said"] = world.ask(again, "and on").messages
        return seen

    same(both, case)


def test_an_unknown_session(both: list[Sandbox]) -> None:
    def case(world: Sandbox) -> Seen:
        pane = world.new_pane(*EMBEDDED, "resume", UNKNOWN)
        world.wait_for(lambda: dead(world, pane), 20, "the end")
        screen = "".join(world.capture(pane).split())
        return {
            "exit": world.format(pane, "#{pane_dead_status}"),
            "says so": "".join("No saved session found".split()) in screen,
        }

    same(both, case)
