"""Which session a pane shows: what a title, a lock or a command line may not say."""

import os
from collections import defaultdict
from pathlib import Path

import pytest

from codex_tmux.codex.commandline import parse
from codex_tmux.codex.processes.find import CodexProcess
from codex_tmux.codex.processes.table import Process, Processes
from codex_tmux.codex.session_id import find_id
from codex_tmux.codex.store import Store
from codex_tmux.state.launch import Launch
from codex_tmux.state.records import DEAD, LIVE, LOCK, TITLE
from codex_tmux.tmux.server import Reading, Server
from codex_tmux.tracking import identify as evidence
from codex_tmux.tracking.ended_pane import last_title, lost_pane
from codex_tmux.tracking.far_pane import identify_far_pane
from codex_tmux.tracking.identify import Identifier
from codex_tmux.tracking.model import Guard, Pane
from tests.unit import rules_test
from tests.unit.codex_store_test import ID, OTHER, lock, meta, rollout

PID, START = 100, 1000_50


class Table(Processes):
    """A process table of one Codex, which holds these files open."""

    def __init__(self, *files: Path) -> None:
        super().__init__()
        self.files = files

    def open_files(self, pid: int) -> list[str]:
        return [str(f) for f in self.files if pid == PID]

    def get(self, pid: int) -> Process | None:
        return Process(PID, 1, PID, PID, "S", START) if pid == PID else None

    def started_at(self, start: int) -> float:
        return start / 100

    def children(self, pid: int) -> list[int]:
        return []


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "codex"


def codex(home: Path, *args: str) -> CodexProcess:
    return CodexProcess(
        pid=PID,
        start=START,
        args=args,
        program=("/usr/bin/codex",),
        command=parse(list(args)),
        cwd="/w",
        codex_home=str(home),
        sqlite_home=None,
        environ=(),
        root=True,
        foreground=True,
        pids=(PID,),
    )


def identifier(*files: Path) -> Identifier:
    reading = Reading({"@codex-env": "", "socket_path": "/s", "@codex_panes": ""}, [], "", "off", "on", {})
    return Identifier(Server("/s"), reading, Table(*files))


def pane(session: str = "", last_process: str = "") -> Pane:
    made = rules_test.pane(cwd="/w", root_pid=str(PID), start_command="codex", process=f"{PID}:{START}")
    return made._replace(session=session, last_process=last_process)


def sighted(
    home: Path, title: str, at: str, *files: Path, session: str = "", last: str = "", cleared: str = ""
) -> object:
    row = {
        "pane_title": title,
        "@codex_title_at": at,
        "@codex_title_id": find_id(title),
        "@codex_cleared": cleared,
    }
    return identifier(*files).sight(row, pane(session, last), codex(home))


@pytest.mark.parametrize(
    ("at", "last", "cleared", "seen"),
    [
        ("1001", "", "", True),
        ("999", "", "", False),  # from before the process
        ("1000", "99:90000", "", False),  # of its first second, where another process showed it
        (
            "1000",
            "99:90000",
            str(PID),
            True,
        ),  # and had it taken away, as `run` does, which became this process
    ],
)
def test_a_title_that_this_very_process_set(home: Path, at: str, last: str, cleared: str, seen: bool) -> None:
    rollout(home, ID, meta())
    session = ID if last else ""
    shown = sighted(home, f"x | {ID[:29]}...", at, session=session, last=last, cleared=cleared)
    assert shown == ((ID, TITLE) if seen else None)


def test_a_sub_agent_is_never_a_pane_s_session(home: Path) -> None:
    rollout(home, ID, meta(thread_source="subagent"))
    assert sighted(home, f"x | {ID[:29]}...", "1001") is None
    assert sighted(home, "", "", lock(home, ID)) is None


def test_of_several_locks_a_sub_agent_s_does_not_count(home: Path) -> None:
    rollout(home, ID, meta(thread_source="subagent"))
    rollout(home, OTHER, meta(OTHER))
    assert sighted(home, "", "", lock(home, ID), lock(home, OTHER)) == (OTHER, LOCK)


@pytest.mark.parametrize(
    ("argv", "uid", "starting"),
    [([], os.geteuid(), True), ([], os.geteuid() + 1, False), (["bash"], os.geteuid(), False)],
)
def test_a_process_that_becomes_codex_has_no_command_line(argv: list[str], uid: int, starting: bool) -> None:
    """Its pane has not gone back to a shell: nothing is saved as killed, and no option taken away."""

    class Root(Table):
        def argv(self, pid: int) -> list[str]:
            return argv

        def uid(self, pid: int) -> int | None:
            return uid

    row = defaultdict(str, {"pane_id": "%1", "window_index": "0", "pane_index": "0", "pane_pid": str(PID)})
    row |= {"pane_dead": "0", "pane_title": "bash", "@codex_pane": "1", "@codex_session": ID}
    found = identifier()
    found.server = Screens("")
    found.processes = Root()
    assert found.pane(row).starting is starting


@pytest.mark.parametrize("ended", [False, True])
def test_a_transport_that_ends_while_it_is_looked_at_is_none(
    monkeypatch: pytest.MonkeyPatch, ended: bool
) -> None:
    argv = ["ssh", "-t", "far", f"codex resume {ID}"]

    found = identifier()
    monkeypatch.setattr(found.processes, "read_argv", lambda pid: [] if ended else argv)
    monkeypatch.setattr(found.processes, "cwd", lambda pid: "" if ended else "/w")
    found.processes._argv[PID] = argv  # as it was read first
    row = defaultdict(str, {"pane_pid": str(PID)})
    seen = identify_far_pane(found, row, pane())
    assert (seen and seen.running and seen.running.cwd) == (None if ended else "/w")


class Screens(Server):
    """A tmux whose pane shows one screen after the other."""

    def __init__(self, *screens: str) -> None:
        super().__init__("/s")
        self.screens = list(screens)

    def try_run(self, *args: str) -> str | None:
        assert args[0] == "capture-pane"
        return self.screens.pop(0)


@pytest.mark.parametrize(
    ("state", "title", "screen", "quit_by_user"),
    [
        (LIVE, "", "$ ", True),
        (LIVE, "u@h: ~", f"run codex resume {ID}\n$ ", True),
        # Somebody else's words.
        (LIVE, "u@h: ~", f"run codex resume {OTHER}\n$ ", False),
        (LIVE, "u@h: ~", "$ ", False),
        (LIVE, f"x | {ID[:29]}...", f"run codex resume {ID}\n$ ", False),
        # It was killed, and that is known.
        (DEAD, "", "$ ", False),
        (DEAD, "u@h: ~", f"run codex resume {ID}\n$ ", False),
    ],
)
def test_what_was_killed_is_not_called_quit(state: str, title: str, screen: str, quit_by_user: bool) -> None:
    found = identifier()
    found.server = Screens(screen, screen)
    row = defaultdict(str, {"@codex_state": state, "pane_title": title})
    assert lost_pane(found, row, pane(ID)._replace(evidence=TITLE)).quit is quit_by_user


@pytest.mark.parametrize(
    ("root_now", "title_at", "changed"),
    [
        # The same process as at the last sync: Codex changed to another session, and has just ended.
        (PID, "1010", True),
        # Respawned since (the process of this pane began at 1000): before that, Codex changed to another session.
        (None, "999", True),
        # The title is of the Codex that the respawn started.
        (None, "1000", False),
        # That one has ended as well, and nobody knows when it began.
        (101, "999", False),
        # tmux 3.8 names no process of a dead pane: the one that was seen.
        (0, "999", True),
    ],
)
def test_the_title_of_a_codex_that_a_respawn_started_is_not_the_former_one_s(
    home: Path, root_now: int | None, title_at: str, changed: bool
) -> None:
    found = identifier()
    title = f"x | {OTHER[:29]}..."
    row = defaultdict(
        str, {"pane_title": title, "@codex_title_id": find_id(title), "@codex_title_at": title_at}
    )
    guard = Guard(str(root_now) if root_now == PID else "77", "codex hello")
    launch = Launch("tui", "codex", str(home), "/w", (), False)
    root_pid = "" if root_now == 0 else str(root_now or PID)
    shown = pane(ID, "77:5000")._replace(launch=launch, guard=guard, root_pid=root_pid)
    assert (last_title(found, row, shown) is not None) == changed


@pytest.mark.parametrize(
    ("server", "held", "stored", "refuted"),
    [
        (True, False, True, True),
        (True, True, True, False),
        # A message is not written yet, or the server belongs to a newer Codex than this one.
        (True, False, False, False),
        (False, False, True, False),
    ],
)
def test_a_title_that_names_what_nobody_has_open_is_refuted(
    home: Path, monkeypatch: pytest.MonkeyPatch, server: bool, held: bool, stored: bool, refuted: bool
) -> None:
    monkeypatch.setattr(evidence, "has_daemon", lambda codex_home: server)
    monkeypatch.setattr(Store, "lock_holder", lambda self, session_id: object() if held else None)
    if stored:
        rollout(home, ID, meta())
    else:
        lock(home, ID)
    assert sighted(home, f"x | {ID[:29]}...", "1001") == (None if refuted else (ID, TITLE))
    assert sighted(home, f"x | {ID[:29]}...", "1001", session=ID) == (ID, TITLE)


def test_two_locks_say_nothing(home: Path) -> None:
    rollout(home, ID, meta())
    rollout(home, OTHER, meta(OTHER))
    assert sighted(home, "", "", lock(home, ID), lock(home, OTHER)) is None
    assert Store(str(home)).resumable(ID)[0]
