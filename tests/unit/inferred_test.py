"""What inference is given: from a made-up process table, real rollouts on the disk, and screens."""

from pathlib import Path
from typing import Any

import pytest

from codex_tmux.codex.commandline import parse
from codex_tmux.codex.processes.find import CodexProcess
from codex_tmux.codex.processes.table import Process, Processes
from codex_tmux.codex.store import Store
from codex_tmux.state.launch import Launch
from codex_tmux.state.records import ARGV, INFERRED, TITLE
from codex_tmux.tmux.server import Server
from codex_tmux.tracking.inferred import Unnamed, read_screens, with_inferred
from codex_tmux.tracking.model import Pane, Sighting
from tests.unit.codex_store_test import meta, rollout, user

START = 1_790_000_000.0
TICKS = 179_000_000_000
NPM = ["node", "/usr/bin/codex"]
NEW = "\n  >_ OpenAI Codex (v0.169.0)\n     /w\n\n› Ask Codex\n"


def sid(number: int, at: float = START + 1) -> str:
    """A session's id, created `at`."""
    ms = f"{int(at * 1000):012x}"
    return f"{ms[:8]}-{ms[8:]}-7{number:03x}-8000-000000000000"


def said(*messages: str) -> str:
    """A screen that shows these messages of the user."""
    return "".join(f"› {m}\n\n• an answer\n\n" for m in messages) + "› Ask Codex\n"


class World(Processes):
    """A CODEX_HOME and the processes that use it; the background server is process 900."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "thread-writer-locks").mkdir(parents=True)
        self.table: dict[int, Process] = {}
        self.words: dict[int, list[str]] = {}
        self.files: dict[int, list[str]] = {}
        self.homes: dict[int, str] = {}
        self.screens: dict[str, str] = {}
        self.add(900, 2000, ["codex", "app-server", "--listen", "unix://", "--managed-daemon"])

    # As Processes

    def get(self, pid: int) -> Process | None:
        return self.table.get(pid)

    def children(self, pid: int) -> list[int]:
        return [p.pid for p in self.table.values() if p.ppid == pid]

    def pids(self) -> list[int]:
        return list(self.table)

    def argv(self, pid: int) -> list[str]:
        return self.words.get(pid, [])

    def environ(self, pid: int, names: tuple[str, ...]) -> dict[str, str]:
        return {"HOME": "/h", "CODEX_HOME": self.homes.get(pid, str(self.home))}

    def cwd(self, pid: int) -> str:
        return "/w"

    def open_files(self, pid: int) -> list[str]:
        return self.files.get(pid, [])

    def started_at(self, start: int) -> float:
        return start / 100

    # What there is

    def add(self, pid: int, ppid: int, argv: list[str], start: float = START) -> None:
        self.table[pid] = Process(pid, ppid, pid, pid, "S", int(start * 100))
        self.words[pid] = argv

    def session(self, session: str, *messages: str, holder: int = 900, source: Any = "vscode") -> str:
        """A session that `holder` has open; its id."""
        self.files.setdefault(holder, []).append(str(self.home / "thread-writer-locks" / f"{session}.lock"))
        if messages:
            rollout(self.home, session, meta(session, source=source), *map(user, messages))
        return session

    def pane(self, number: int, *args: str, screen: str = "", **changes: Any) -> Unnamed:
        """A pane that runs Codex since START, as evidence.py found it."""
        self.add(number, 2000, [*NPM, *args])
        self.screens[f"%{number}"] = screen
        command = parse(list(args))
        launch = Launch("tui", "/usr/bin/codex", str(self.home), "/w", (), False)
        pane = Pane(f"%{number}", "t", 0, "w", "l", 0, "/w", False, "", str(number), "codex")
        pane = pane._replace(running=launch, launch=launch, process=f"{number}:{TICKS}", marked=True)
        codex = CodexProcess(
            number, TICKS, args, ("codex",), command, "/w", str(self.home), None, (), True, True, (number,)
        )  # fmt: skip
        return Unnamed(pane._replace(**changes), "", codex, Store(str(self.home)), START)

    def infer(self, *unnamed: Unnamed, others: tuple[Pane, ...] = ()) -> dict[str, Pane]:
        panes = (*(u.pane for u in unnamed), *others)
        return {p.id: p for p in with_inferred(panes, list(unnamed), FakeServer(self), self)}


class FakeServer(Server):
    """Answers with the world's screens."""

    def __init__(self, world: World) -> None:
        self.world = world

    def try_run(self, *args: str) -> str | None:
        if args[0] != "capture-pane":
            return None
        targets = [args[i + 1] for i, word in enumerate(args) if word == "-t"]
        between = next(word for word in args if "next screen" in word)
        return f"\n{between}\n".join(self.world.screens[t].rstrip("\n") for t in targets) + f"\n{between}"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def sighted(pane: Pane) -> tuple[str, str] | None:
    return (pane.sighting.session_id, pane.sighting.evidence) if pane.sighting else None


def test_each_pane_gets_its_own_screen(world: World) -> None:
    world.screens = {"%1": "one\n\n", "%2": "two\n"}
    found = read_screens(FakeServer(world), ["%1", "%2"])
    assert {pane: text.strip() for pane, text in found.items()} == {"%1": "one", "%2": "two"}


def test_screens_tell_two_panes_apart(world: World) -> None:
    a, b = world.session(sid(1), "one"), world.session(sid(2), "two")
    found = world.infer(world.pane(1, screen=said("two")), world.pane(2, screen=said("one")))
    assert sighted(found["%1"]) == (b, INFERRED)
    assert sighted(found["%2"]) == (a, INFERRED)


def test_a_codex_outside_of_tmux_may_be_the_owner(world: World) -> None:
    world.session(sid(1), "one")
    world.add(50, 2000, NPM)
    assert sighted(world.infer(world.pane(1))["%1"]) is None


@pytest.mark.parametrize("why", ["another home", "embedded", "exec", "the native binary of the pane's own"])
def test_others_that_show_no_session_of_this_server_do_not_count(world: World, why: str) -> None:
    session = world.session(sid(1), "one")
    pane = world.pane(1)
    world.add(50, 2000, NPM)
    if why == "another home":
        world.homes[50] = "/elsewhere"
    elif why == "embedded":
        world.session(sid(7), "its own", holder=50)
    elif why == "exec":
        world.words[50] = [*NPM, "exec", "do"]
    else:
        world.add(50, 1, ["/usr/lib/codex"])
    assert sighted(world.infer(pane)["%1"]) == (session, INFERRED)


def test_what_others_have_for_sure_is_not_to_be_had(world: World) -> None:
    mine, theirs = world.session(sid(1), "one"), world.session(sid(2), "two")
    sure = world.pane(2).pane._replace(sighting=Sighting(theirs[:29], TITLE))
    assert sighted(world.infer(world.pane(1), others=(sure,))["%1"]) == (mine, INFERRED)
    asleep = sure._replace(running=None, sighting=None, session=theirs, asleep=True, process="")
    del world.table[2]
    assert sighted(world.infer(world.pane(1), others=(asleep,))["%1"]) == (mine, INFERRED)


def test_what_a_far_end_shows_takes_nothing(world: World) -> None:
    world.session(sid(1), "one")
    theirs = world.session(sid(2), "two")
    far = world.pane(2).pane
    assert far.launch
    far = far._replace(
        launch=far.launch._replace(transport=("ssh", "host")), sighting=Sighting(theirs, TITLE), running=None
    )
    del world.table[2]
    assert sighted(world.infer(world.pane(1), others=(far,))["%1"]) is None


@pytest.mark.parametrize("source", [{"subagent": {"thread_spawn": {}}}, "exec"])
def test_sub_agents_and_exec_are_nobodys(world: World, source: Any) -> None:
    mine = world.session(sid(1), "one")
    world.session(sid(2), "one", source=source)
    assert sighted(world.infer(world.pane(1, screen=said("one")))["%1"]) == (mine, INFERRED)


def test_a_prompt_on_the_command_line(world: World) -> None:
    a, b = world.session(sid(1), "do a"), world.session(sid(2), "do b")
    found = world.infer(world.pane(1, "do b"), world.pane(2, "-m", "x", "do a"))
    assert (sighted(found["%1"]), sighted(found["%2"])) == ((b, INFERRED), (a, INFERRED))


def test_after_new_the_screen_decides(world: World) -> None:
    old, new = world.session(sid(1), "one"), world.session(sid(2, START + 500))
    known: dict[str, Any] = {"session": old, "evidence": INFERRED, "last_process": f"1:{TICKS}"}
    shown = world.infer(world.pane(1, screen=NEW, **known))["%1"]
    assert (sighted(shown), shown.doubted) == ((new, INFERRED), True)
    hidden = world.infer(world.pane(1, screen="", **known))["%1"]
    assert (sighted(hidden), hidden.doubted) == (None, True)


def test_a_dead_pane_is_looked_at_as_it_was(world: World) -> None:
    old, new = world.session(sid(1), "one"), world.session(sid(2, START + 500), "two")
    unnamed = world.pane(1, screen=said("two"), session=old, evidence=INFERRED, last_process=f"1:{TICKS}")
    unnamed = unnamed._replace(pane=unnamed.pane._replace(running=None, dead=True, process=""), codex=None)
    del world.table[1]
    found = world.infer(unnamed)["%1"]
    assert (sighted(found), found.doubted) == ((new, INFERRED), True)


def test_without_a_server_or_with_a_new_one_what_was_known_stays(world: World) -> None:
    gone = world.session(sid(1), "one")
    known: dict[str, Any] = {"session": gone, "evidence": INFERRED, "last_process": f"1:{TICKS}"}
    world.files.clear()
    assert not world.infer(world.pane(1, **known))["%1"].doubted
    del world.table[900]
    assert not world.infer(world.pane(1, **known))["%1"].doubted
    world.add(900, 2000, ["codex", "app-server", "--listen", "unix://"], START + 600)
    world.session(sid(2), "another one's")
    assert not world.infer(world.pane(1, screen=said("one"), **known))["%1"].doubted


def test_a_session_that_was_closed_is_not_shown_any_more(world: World) -> None:
    old = world.session(sid(1), "one")
    world.files.clear()
    new = world.session(sid(2, START + 500), "two")
    found = world.infer(
        world.pane(1, session=old, evidence=INFERRED, last_process=f"1:{TICKS}")
    )["%1"]  # fmt: skip
    assert (sighted(found), found.doubted) == ((new, INFERRED), True)


def test_a_deleted_session_stays_the_panes_so_that_it_can_be_said(world: World) -> None:
    deleted = sid(1)
    world.session(sid(2), "another one's")
    known: dict[str, Any] = {"session": deleted, "evidence": INFERRED, "last_process": f"1:{TICKS}"}
    found = world.infer(world.pane(1, screen=said("one"), **known))["%1"]
    assert (found.session, found.doubted) == (deleted, False)


def test_the_command_line_holds_until_something_contradicts_it(world: World) -> None:
    old = world.session(sid(1, START - 500), "one")
    resumed: dict[str, Any] = {"sighting": Sighting(old, ARGV)}
    assert sighted(world.infer(world.pane(1, "resume", old, screen=said("one"), **resumed))["%1"]) == (
        old,
        ARGV,
    )
    new = world.session(sid(2, START + 500), "two")
    shown = world.infer(world.pane(1, "resume", old, screen=said("two"), **resumed))["%1"]
    assert (sighted(shown), shown.doubted) == ((new, INFERRED), True)
    # Both are open, and the screen does not tell.
    hidden = world.infer(world.pane(1, "resume", old, **resumed))["%1"]
    assert sighted(hidden) == (old, ARGV)


def test_an_embedded_codex_has_its_own_pool(world: World) -> None:
    old, new = world.session(sid(1), "one", holder=1), world.session(sid(2, START + 500), "two", holder=1)
    world.session(sid(3), "in the background server")
    found = world.infer(world.pane(1, screen=said("two")))["%1"]
    assert sighted(found) == (new, INFERRED)
    assert sighted(world.infer(world.pane(1, screen=said("one")))["%1"]) == (old, INFERRED)
