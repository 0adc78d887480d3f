"""What a tmux server lost comes back in its place: real tmux, the stand-in Codex."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from codex_tmux.tmux.versions import DEAD_FORMAT
from tests.support.screen import Screen
from tests.support.world import Sandbox

ASK = "set -g @codex-restore off"
"""Most tests restore by hand."""


def start(sandbox: Sandbox, config: str = ASK) -> str:
    """A tmux server with the plugin."""
    return sandbox.start_server(load_plugin=True, config=config)


def new_session(
    sandbox: Sandbox, name: str, *command: str, window: str = "one", cwd: Path | None = None
) -> str:
    """A tmux session with one pane; the pane."""
    return sandbox.tmux(
        *("new-session", "-d", "-P", "-F", "#{pane_id}", "-s", name, "-n", window, "-x", "120", "-y", "40"),
        *("-c", str(cwd or sandbox.work)),
        *command,
    )


def split(sandbox: Sandbox, pane: str, *command: str, way: str = "-v", cwd: Path | None = None) -> str:
    """A pane beside another one."""
    return sandbox.pane_by("split-window", way, "-t", pane, "-c", str(cwd or sandbox.work), *command)


def known(sandbox: Sandbox, *panes: str) -> None:
    """Wait until each of the panes has its record."""
    wanted = set(panes)
    sandbox.wait_for(
        lambda: (
            wanted
            <= {r["pane"] for r in sandbox.listed("--all") if r["status"] == "live" and r["session_id"]}
        ),
        20,
        f"records of {wanted}",
    )
    sandbox.quiet()  # the syncs that the last events started


def places(sandbox: Sandbox) -> dict[str, str]:
    """Where each pane with a session is: session id → place."""
    form = "#{@codex_session}\t#{session_name}:#{window_index}.#{pane_index} #{window_name}"
    rows = (line.split("\t") for line in sandbox.tmux("list-panes", "-a", "-F", form).splitlines())
    return {session: where for session, where in rows if session}


def layouts(sandbox: Sandbox) -> dict[str, str]:
    """Each window's layout, without its checksum and pane ids."""
    lines = sandbox.tmux(
        "list-windows", "-a", "-F", "#{session_name}:#{window_index}\t#{window_layout}"
    ).splitlines()
    return {where: shape(layout) for where, layout in (line.split("\t") for line in lines)}


def shape(layout: str) -> str:
    """A layout string without what changes with every pane: checksum and pane ids."""
    return re.sub(r"(\d+x\d+,\d+,\d+),\d+", r"\1", layout.partition(",")[2])


def results(sandbox: Sandbox, *args: str) -> list[dict[str, Any]]:
    """`codex-tmux restore --json`."""
    found = json.loads(sandbox.helper("restore", "--json", *args))["results"]
    assert isinstance(found, list)
    return found


def dead(sandbox: Sandbox) -> set[str]:
    """The panes without any process."""
    lines = sandbox.tmux("list-panes", "-a", "-F", "#{pane_id} #{pane_dead}").splitlines()
    return {line.split()[0] for line in lines if line.endswith(" 1")}


def test_windows_come_back_as_they_were(sandbox: Sandbox) -> None:
    """By their indices too, whatever they begin with, and by their names, but for what tmux writes in its own way."""
    other = sandbox.make_dir("zwei Wörter")
    config = f"{ASK}\nset -g base-index 1\nset -g pane-base-index 1\nset -g renumber-windows on"
    start(sandbox, config)
    sandbox.attach()
    first = new_session(sandbox, "größe ##(touch HIT)", "codex", window="a ##{pane_id} b", cwd=other)
    shell = split(sandbox, first, cwd=other)
    second = split(sandbox, shell, "codex", way="-h")
    name = "'; touch HIT; '\" $(touch HIT)`touch HIT` a\\b"
    third = sandbox.pane_by("new-window", "-d", "-t", "=größe #(touch HIT):7", "-n", name, "codex")
    fourth = sandbox.new_pane(name="in main")
    codexes = (first, second, third, fourth)
    for pane in codexes:
        sandbox.ask(pane, f"I am {pane}")
    known(sandbox, *codexes)
    before = {session: re.sub(r"[\\$]", "_", where) for session, where in places(sandbox).items()}
    before_layouts = layouts(sandbox)

    sandbox.end_server()
    start(sandbox, config)
    sandbox.attach()
    form = "#{client_session}:#{window_index}"
    current = sandbox.tmux("list-clients", "-F", form)
    found = results(sandbox)

    assert places(sandbox) == before
    assert layouts(sandbox) == before_layouts
    assert sorted(str(r["outcome"]) for r in found) == ["rebuilt", *["waiting"] * 4]
    assert sandbox.tmux("list-clients", "-F", form) == current == "main:1"
    assert len(dead(sandbox)) == 4
    assert not list(sandbox.root.rglob("HIT"))
    assert not Path("HIT").exists()
    assert {r["status"] for r in sandbox.listed("--all")} == {"dead"}
    shells = sandbox.tmux(
        "list-panes", "-a", "-F", "#{pane_current_command} #{pane_current_path}"
    ).splitlines()
    assert f"bash {other}" in shells


def test_a_restored_pane_sleeps_until_its_window_is_shown(sandbox: Sandbox) -> None:
    start(sandbox)
    a = new_session(sandbox, "work", "codex")
    b = split(sandbox, a, "codex")
    c = sandbox.pane_by("new-window", "-d", "-t", "work:5", "codex")
    for pane in (a, b, c):
        sandbox.ask(pane, f"I am {pane}")
    known(sandbox, a, b, c)
    sessions = {r["pane"]: r["session_id"] for r in sandbox.listed("--all")}
    sandbox.end_server()
    start(sandbox)
    by_session = {r["session_id"]: r["pane"] for r in results(sandbox)}
    a2, b2, c2 = (by_session[sessions[p]] for p in (a, b, c))
    assert dead(sandbox) == {a2, b2, c2}
    # Selected in a tmux session that nobody looks at: still asleep.
    sandbox.tmux("select-window", "-t", "work:5")
    sandbox.tmux("select-window", "-t", "work:0")
    sandbox.attach(target="main")
    sandbox.quiet()
    assert dead(sandbox) == {a2, b2, c2}
    sandbox.wait_text(a2, f"I am {a}")

    sandbox.tmux("switch-client", "-t", "work")
    sandbox.wait_for(lambda: dead(sandbox) == {c2}, 20, "both panes of the shown window to wake")
    sandbox.tmux("next-window", "-t", "work")
    sandbox.wait_for(lambda: dead(sandbox) == set(), 20, "the third to wake")
    for old, new in ((a, a2), (b, b2), (c, c2)):
        assert sandbox.ask(new, "and again").messages == (f"I am {old}", "and again")


@pytest.mark.parametrize("how", ["kill-session", "exit"])
def test_closing_the_last_one_is_closing_though_the_server_ends(sandbox: Sandbox, how: str) -> None:
    start(sandbox)
    pane = new_session(sandbox, "work", *([] if how == "exit" else ["codex"]))
    if how == "exit":
        sandbox.wait_for(lambda: "#" in sandbox.capture(pane) or "$" in sandbox.capture(pane), 20, "a prompt")
        sandbox.enter(pane, str(sandbox.bin / "codex"))
    sandbox.ask(pane, "hello")
    known(sandbox, pane)
    sandbox.tmux("kill-session", "-t", "main")
    if how == "exit":
        sandbox.type(pane, "/quit")
        sandbox.wait_format(pane, "#{pane_current_command}", "bash")
        sandbox.quiet()
        sandbox.enter(pane, "exit")
    else:
        sandbox.tmux(how, "-t", "work")
    sandbox.wait_for(lambda: not sandbox.running, 20, "the tmux server to end")
    start(sandbox)
    statuses = [r["status"] for r in sandbox.listed("--all")]
    # No tmux fires pane-exited for the very last pane: there a quit counts as a closing too.
    assert statuses in ([["closed"]] if how.startswith("kill") else [["ended"], ["closed"]])
    assert results(sandbox) == []


@pytest.mark.parametrize("how", ["", "SIGKILL"], ids=lambda how: how or "kill-server")
def test_killing_the_server_loses_what_it_held_and_nothing_else(sandbox: Sandbox, how: str) -> None:
    start(sandbox)
    kept = new_session(sandbox, "kept", "codex")
    closed = new_session(sandbox, "closed", "codex")
    for pane in (kept, closed):
        sandbox.ask(pane, f"I am {pane}")
    known(sandbox, kept, closed)
    sandbox.tmux("kill-session", "-t", "closed")
    sandbox.wait_for(lambda: "closed" in {r.status for r in sandbox.stored()}, 20, "the closing noted")
    sandbox.end_server(how)
    start(sandbox)

    statuses = {r["tmux_session"]: r["status"] for r in sandbox.listed("--all")}
    assert statuses == {"kept": "lost", "closed": "closed"}
    assert [r["outcome"] for r in results(sandbox)] == ["waiting"]
    assert sandbox.tmux("list-sessions", "-F", "#{session_name}").splitlines() == ["kept", "main"]


def test_killing_the_only_session_left_with_its_server_loses_it(sandbox: Sandbox) -> None:
    start(sandbox)
    pane = new_session(sandbox, "only", "codex")
    sandbox.ask(pane, "hello")
    known(sandbox, pane)
    sandbox.tmux("kill-session", "-t", "main")
    sandbox.end_server("SIGTERM")
    start(sandbox)
    assert [r["status"] for r in sandbox.listed("--all")] == ["lost"]


def test_interrupted_anywhere_a_second_restore_finishes_and_doubles_nothing(sandbox: Sandbox) -> None:
    """Nor does it disturb what a user types meanwhile."""
    lose_records(sandbox, 12)
    client = sandbox.attach()
    mine = sandbox.tmux("list-panes", "-t", "main", "-F", "#{pane_id}")
    rng = random.Random(7)
    for _ in range(4):
        interrupted = subprocess.Popen(
            [str(sandbox.bin / "codex-tmux"), "restore"],
            env={**sandbox.env, "TMUX": f"{sandbox.socket},1,0"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        client.send(b"x")
        time.sleep(rng.uniform(0.15, 0.45))
        interrupted.send_signal(rng.choice([signal.SIGINT, signal.SIGKILL]))
        interrupted.wait()
    results(sandbox)
    assert results(sandbox) == [], "a second restore finds nothing to do"
    sandbox.wait_for(lambda: sandbox.capture(mine).rstrip().endswith("xxxx"), 20, "what was typed")
    assert "codex-tmux" not in sandbox.capture(mine).replace(str(sandbox.root), "")
    sessions = sandbox.tmux("list-panes", "-a", "-F", "#{@codex_session}").split()
    assert len(sessions) == len(set(sessions)) == 12
    windows = sandbox.tmux("list-windows", "-a", "-F", "#{session_name}:#{window_index}").splitlines()
    assert len(windows) == 12 + 1, "one a record, and main's own"
    assert {r["status"] for r in sandbox.listed("--all")} == {"dead"}


def lose_records(sandbox: Sandbox, count: int, config: str = ASK) -> None:
    """A tmux server that has lost `count` sessions, one a window, without ever having run them."""
    start(sandbox, config)
    sandbox.quiet()  # no sync writes the state file while this does
    template = record_text(sandbox)
    state = sandbox.state_dir / "state.toml"
    entries = "".join(
        template.format(number=f"{n:012x}", window=n % 10, session=f"s{n // 10}") for n in range(count)
    )
    state.write_text("version = 1\n" + entries)


def record_text(sandbox: Sandbox) -> str:
    """A lost record of this tmux server, as the state file has it."""
    return f"""
[[panes]]
session_id = "01a201da-7561-7551-a7df-{{number}}"
evidence = "title"
mode = "tui"
status = "lost"
server = "{sandbox.socket}"
epoch = "1:1"
pane = "%1"
tmux_session = "{{session}}"
window = {{window}}
window_name = "w"
window_layout = "b25d,120x40,0,0,10"
pane_index = 0
cwd = "{sandbox.work}"
codex = "{sandbox.bin / "codex"}"
codex_home = "{sandbox.codex_home}"
flags = []
updated_at = 2026-11-22T06:03:43Z
"""


def test_fifty_shells_of_a_rebuilt_layout_wait_after_one_restore(sandbox: Sandbox) -> None:
    lose_records(sandbox, 50)
    for n in range(50):
        session, window = f"s{n // 10}", n % 10
        if window == 0:
            new_session(sandbox, session, window="w")
        else:
            sandbox.tmux("new-window", "-d", "-t", f"{session}:{window}", "-n", "w", "-c", str(sandbox.work))
    sandbox.tmux("set-option", "-g", "@codex-restore", "ask")
    sandbox.helper("restore", "--resurrect", "post-restore-all")
    assert sorted(places(sandbox).values()) == sorted(f"s{n // 10}:{n % 10}.0 w" for n in range(50))
    sandbox.wait_for(lambda: len(dead(sandbox)) == 50, 60, "all to sleep")


def test_a_window_in_the_way_stays_and_the_outcome_says_so(sandbox: Sandbox) -> None:
    lose_records(sandbox, 2)
    mine = new_session(sandbox, "s0", "sleep", "1000")
    found = results(sandbox)
    assert "s0:0 is in use" in str([r["reason"] for r in found])
    assert sandbox.format(mine, "#{pane_current_command}") == "sleep"
    assert sorted(places(sandbox).values()) == ["s0:1.0 w", "s0:2.0 w"]


def test_a_layout_that_tmux_refuses_is_said_and_the_panes_come_back(sandbox: Sandbox) -> None:
    lose_records(sandbox, 2)
    state = sandbox.state_dir / "state.toml"
    state.write_text(state.read_text().replace("window = 1\n", "window = 0\n"))
    assert "its layout could not be set" in str([r["reason"] for r in results(sandbox)])
    assert sorted(places(sandbox).values()) == ["s0:0.0 w", "s0:0.1 w"]


def test_a_missing_directory_falls_back_and_says_so(sandbox: Sandbox) -> None:
    gone = sandbox.make_dir("gone")
    start(sandbox)
    pane = new_session(sandbox, "work", "codex", cwd=gone)
    sandbox.ask(pane, "hello")
    known(sandbox, pane)
    sandbox.end_server()
    gone.rmdir()
    start(sandbox)
    text = sandbox.helper("restore")
    assert f"{gone} is gone: {sandbox.home} instead" in text


IN_USE = [
    ("echo half a line",),
    ("echo 100%",),
    ("printf '$ '",),
    ("sleep 4321 &", "Enter"),
    ("sleep 4321", "Enter"),
]


def test_shells_in_use_are_not_taken(sandbox: Sandbox) -> None:
    lose_records(sandbox, len(IN_USE))
    mine = [new_session(sandbox, "s0", "bash --norc")]
    window = ("new-window", "-d", "-P", "-F", "#{pane_id}", "-c", str(sandbox.work))
    mine += [sandbox.tmux(*window, "-t", f"s0:{n}", "bash --norc") for n in range(1, len(IN_USE))]
    for pane, (typed, *keys) in zip(mine, IN_USE, strict=True):
        sandbox.wait_for(lambda p=pane: sandbox.capture(p).strip(), 20, "a prompt")  # type: ignore[misc]
        sandbox.tmux("send-keys", "-t", pane, "-l", typed)
        sandbox.wait_text(pane, typed)
        if keys:
            sandbox.tmux("send-keys", "-t", pane, *keys)
    stopped = mine[-1]
    sandbox.wait_format(stopped, "#{pane_current_command}", "sleep")
    sandbox.tmux("send-keys", "-t", stopped, "C-z")
    sandbox.wait_text(stopped, "Stopped")
    before = [(sandbox.capture(p), sandbox.format(p, "#{pane_pid}")) for p in mine]
    found = results(sandbox)
    assert [r["outcome"] for r in found] == ["waiting"] * len(mine)
    assert not {r["pane"] for r in found} & set(mine)
    assert [(sandbox.capture(p), sandbox.format(p, "#{pane_pid}")) for p in mine] == before


def test_a_new_tmux_session_of_the_same_name_takes_its_pane_back(sandbox: Sandbox) -> None:
    lose_records(sandbox, 1)
    fresh = new_session(sandbox, "s0")
    found = results(sandbox)
    assert [(r["outcome"], r["pane"]) for r in found] == [("waiting", fresh)]


def shows(sandbox: Sandbox, client: Any, text: str) -> Callable[[], bool]:
    """Whether the client's terminal got `text`."""
    return lambda: text in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", client.output.decode(errors="replace"))


@pytest.mark.parametrize(("key", "back"), [(b"a", 3), (b"n", 0)])
def test_the_first_client_is_told_the_key_that_shows_the_menu(
    sandbox: Sandbox, key: bytes, back: int
) -> None:
    lose_records(sandbox, 3)
    sandbox.end_server()
    start(sandbox, "")
    sandbox.wait_for(lambda: sandbox.option("@codex_lost") == "3", 20, "the question")
    client = sandbox.attach()
    sandbox.wait_for(shows(sandbox, client, "3 Codex sessions to restore: press C-b R"), 20, "the message")
    assert not shows(sandbox, client, "Restore all")()
    client.send(b"\x02R")
    sandbox.wait_for(shows(sandbox, client, "Restore all"), 20, "the menu")
    assert shows(sandbox, client, "Restore 3 Codex sessions?")()
    client.send(key)
    if back:
        sandbox.wait_for(lambda: len(places(sandbox)) == back, 20, "the sessions")
        sandbox.wait_for(shows(sandbox, client, "3 sessions restored"), 20, "the outcome")
    else:
        time.sleep(1)
        assert places(sandbox) == {}
    client.close()
    again = sandbox.attach()
    time.sleep(0.5)
    assert not shows(sandbox, again, "Restore all")()


@pytest.mark.parametrize("keys", [("Enter",), ("Down", "Space", "Enter")], ids=["all", "all but one"])
def test_choose_brings_back_what_stays_ticked(sandbox: Sandbox, keys: tuple[str, ...]) -> None:
    with chooser(sandbox) as screen:
        assert screen.text().count("[*]") == 3, "all of them, to begin with"
        screen.keys(*keys)
        back = ["s0:0.0 w", "s0:1.0 w", "s0:2.0 w"] if len(keys) == 1 else ["s0:0.0 w", "s0:2.0 w"]
        sandbox.wait_for(lambda: sorted(places(sandbox).values()) == back, 20, "those that were ticked")


def test_choose_can_be_left(sandbox: Sandbox) -> None:
    with chooser(sandbox) as screen:
        for key in ("Escape", "q", "C-c"):
            screen.keys(key)
            screen.wait_gone("┌")  # the popup goes after the program in it
            assert places(sandbox) == {}
            # Not now is not never.
            screen.keys("C-b", "R")
            screen.wait("Restore all")
            screen.keys("a" if key == "C-c" else "c")
            if key != "C-c":
                screen.wait("Restore which?")
        sandbox.wait_for(lambda: len(places(sandbox)) == 3, 20, "the sessions")


@contextlib.contextmanager
def chooser(sandbox: Sandbox) -> Iterator[Screen]:
    """The checklist of three lost sessions, on a screen."""
    lose_records(sandbox, 3)
    sandbox.end_server()
    start(sandbox, "set -g @codex-restore ask")
    with Screen(sandbox, width=80) as screen:
        screen.wait("to restore: press C-b R")
        screen.keys("C-b", "R")
        screen.wait("Choose")
        screen.keys("c")
        screen.wait("Restore which?")
        yield screen


def test_what_is_typed_after_a_restart_goes_to_the_shell(sandbox: Sandbox) -> None:
    """No menu under the typing hands: the message waits until they rest."""
    lose_records(sandbox, 3)
    sandbox.end_server()
    start(sandbox, "set -g @codex-restore ask")
    with Screen(sandbox, width=120) as screen:
        for _ in range(12):
            screen.type("ac ")
            time.sleep(0.4)
        assert "to restore" not in screen.text()
        assert screen.text().split().count("ac") == 12
        screen.wait("3 Codex sessions to restore: press C-b R", 20)
        assert places(sandbox) == {}


def test_the_sessions_that_are_named_come_back_alone(sandbox: Sandbox) -> None:
    lose_records(sandbox, 3)
    one, two, _ = sorted(r["session_id"] for r in sandbox.listed("--all"))
    planned = results(sandbox, "--dry-run", two)
    assert [r["session_id"] for r in planned if r["session_id"]] == [two]
    said = sandbox.helper("restore", "--dry-run")
    assert "s0:0.0" in said
    assert "new window" in said
    assert places(sandbox) == {}
    assert [r["session_id"] for r in results(sandbox, two, two)] == [two]
    assert list(places(sandbox)) == [two]
    assert f"session {two} is asleep, not lost" in sandbox.refused("restore", two)
    assert "no such session" in sandbox.refused("restore", "01a2ffff-ffff")
    sandbox.helper("restore", one)
    assert set(places(sandbox)) == {one, two}


def test_on_restores_by_itself_and_off_does_nothing(sandbox: Sandbox) -> None:
    lose_records(sandbox, 3)
    sandbox.end_server()
    start(sandbox, "set -g @codex-restore off")
    sandbox.quiet()
    assert places(sandbox) == {}
    sandbox.end_server()
    start(sandbox, "set -g @codex-restore on")
    sandbox.wait_for(lambda: len(places(sandbox)) == 3, 20, "the sessions")
    sandbox.wait_for(lambda: sandbox.option("@codex_say") != "", 20, "the outcome")
    client = sandbox.attach()
    sandbox.wait_for(shows(sandbox, client, "3 sessions restored"), 20, "the outcome at attach")


def test_not_lazy_starts_all_once_a_client_is_there(sandbox: Sandbox) -> None:
    lose_records(sandbox, 3, f"{ASK}\nset -g @codex-restore-lazy off")
    results(sandbox)
    assert len(dead(sandbox)) == 3
    sandbox.attach()
    sandbox.wait_for(lambda: dead(sandbox) == set(), 20, "all to wake")


def test_moved_windows_are_known(sandbox: Sandbox) -> None:
    start(sandbox)
    panes = [sandbox.new_pane(name=f"w{n}") for n in range(4)]
    for pane in panes:
        sandbox.ask(pane, f"I am {pane}")
    known(sandbox, *panes)

    def true_places() -> bool:
        recorded = {r.session_id: f"{r.tmux_session}:{r.window}.{r.pane_index}" for r in sandbox.stored()}
        return recorded == {session: where.split(" ")[0] for session, where in places(sandbox).items()}

    for change in (
        ["move-window", "-s", "main:3", "-t", "main:20"],
        ["swap-pane", "-d", "-s", panes[0], "-t", panes[1]],
        ["join-pane", "-d", "-s", panes[0], "-t", panes[2]],
        ["rotate-window", "-t", panes[2]],
        ["rename-window", "-t", panes[2], "new"],
        ["rename-session", "-t", "main", "renamed"],
        ["break-pane", "-d", "-s", panes[0]],
    ):
        sandbox.tmux(*change)
        sandbox.wait_for(true_places, 20, f"the record after {' '.join(change)}")


def test_each_pane_shows_the_end_of_its_conversation_in_its_own_size(sandbox: Sandbox) -> None:
    """What a preview shows, and what a tiny pane has room for; then it wakes."""
    start(sandbox)
    wide = new_session(sandbox, "work", "codex")
    tiny = split(sandbox, wide, "codex", way="-h")
    for pane in (wide, tiny):
        sandbox.ask(pane, f"I am 日本語 {pane}")
    sandbox.tmux("resize-pane", "-t", tiny, "-x", "10")
    corner = split(sandbox, tiny)
    sandbox.tmux("resize-pane", "-t", tiny, "-y", "3")
    known(sandbox, wide, tiny)
    assert corner not in (wide, tiny)
    sessions = {r["pane"]: r["session_id"] for r in sandbox.listed("--all")}
    sandbox.end_server()
    start(sandbox)
    by_session = {r["session_id"]: r["pane"] for r in results(sandbox)}
    wide2, tiny2 = by_session[sessions[wide]], by_session[sessions[tiny]]
    assert sandbox.format(tiny2, "#{pane_width}x#{pane_height}") == "10x3"
    rows = above_hint(sandbox, wide2)
    assert rows[0] == f"› I am 日本語 {wide}"
    assert rows[2].startswith("• ")
    # tmux before 3.3 has a line of its own, which fills three such rows.
    if sandbox.version >= DEAD_FORMAT:
        sandbox.wait_text(tiny2, "asleep")
        small = sandbox.capture(tiny2).splitlines()
        assert (len(small), small[0]) == (3, "› I am 日…")
    sandbox.attach(target="work")
    sandbox.wait_for(lambda: dead(sandbox) == set(), 20, "both to wake")
    sandbox.tmux("resize-pane", "-t", tiny2, "-x", "60", "-y", "20")
    for former, new in ((wide, wide2), (tiny, tiny2)):
        assert sandbox.ask(new, "and again").messages == (f"I am 日本語 {former}", "and again")


def above_hint(sandbox: Sandbox, pane: str) -> list[str]:
    """The rows that a restored pane shows above its hint, once that is there."""
    sandbox.wait_text(pane, "wakes when shown")
    rows = [row.rstrip() for row in sandbox.capture(pane).splitlines()]
    at = [row.strip() for row in rows].index("asleep since the restart · wakes when shown")
    return "\n".join(rows[:at]).rstrip("\n").splitlines()


@pytest.fixture
def resurrect() -> Path:
    """A checkout of tmux-resurrect."""
    named = os.environ.get("TMUX_RESURRECT_DIR")
    if not named or not Path(named, "scripts/restore.sh").exists():
        pytest.skip("no tmux-resurrect: TMUX_RESURRECT_DIR names no checkout of it")
    return Path(named)


@pytest.mark.parametrize("processes", ["", "~codex"])
def test_tmux_resurrect_rebuilds_and_we_resume(sandbox: Sandbox, resurrect: Path, processes: str) -> None:
    config = f"{ASK}\nset -g @resurrect-processes '{processes}'"
    config += f"\nset -g @resurrect-hook-post-restore-all 'echo mine >{sandbox.root}/mine'"
    start(sandbox, config)
    sandbox.tmux("run-shell", f"{resurrect}/resurrect.tmux")
    sandbox.attach(200, 40)
    a = new_session(sandbox, "work", "codex", window="api")
    shell = split(sandbox, a)
    b = split(sandbox, shell, "codex", way="-h")
    c = sandbox.pane_by("new-window", "-d", "-t", "work:5", "-n", "other", "codex")
    for pane in (a, b, c):
        sandbox.ask(pane, f"I am {pane}")
    known(sandbox, a, b, c)
    before, before_layouts = places(sandbox), layouts(sandbox)
    sandbox.tmux("run-shell", f"{resurrect}/scripts/save.sh quiet")
    sandbox.end_server()

    start(sandbox, config)
    sandbox.tmux("run-shell", f"{resurrect}/resurrect.tmux")
    sandbox.attach(200, 40)
    time.sleep(2)
    sandbox.tmux("set-option", "-g", "@codex-restore", "ask")  # only now: a menu would wait for its answer
    sandbox.tmux("run-shell", f"{resurrect}/scripts/restore.sh >/dev/null 2>&1 || :")
    assert places(sandbox) == before
    assert layouts(sandbox) == before_layouts
    assert (sandbox.root / "mine").read_text() == "mine\n"
    sandbox.tmux("switch-client", "-t", "work:0")
    sandbox.wait_for(lambda: len(dead(sandbox)) == 1, 20, "the first window to wake")
    sandbox.tmux("switch-client", "-t", "work:5")
    sandbox.wait_for(lambda: dead(sandbox) == set(), 20, "all to wake")
    by_session = {r["session_id"]: r for r in sandbox.listed("--all")}
    assert len(by_session) == 3, "no other session was started"
    for old in (a, b, c):
        session = next(s for s, where in before.items() if s in str(by_session) and owner(sandbox, s, old))
        assert sandbox.ask(by_session[session]["pane"], "again").messages == (f"I am {old}", "again")


def owner(sandbox: Sandbox, session: str, pane: str) -> bool:
    """Whether the session's conversation is the one that began in the pane."""
    found = list(sandbox.codex_home.glob(f"sessions/*/*/*/*{session}.jsonl"))
    return f"I am {pane}" in found[0].read_text()


def test_a_pane_in_use_is_left_alone_after_tmux_resurrect(sandbox: Sandbox, resurrect: Path) -> None:
    start(sandbox)
    sandbox.tmux("set-option", "-g", "@codex-restore", "ask")
    a = new_session(sandbox, "work", "codex")
    sandbox.ask(a, "hello")
    known(sandbox, a)
    sandbox.tmux("run-shell", f"{resurrect}/scripts/save.sh quiet")
    sandbox.end_server()
    start(sandbox)
    mine = new_session(sandbox, "work")
    sandbox.wait_for(lambda: sandbox.capture(mine).strip(), 20, "a prompt")
    sandbox.tmux("send-keys", "-t", mine, "-l", "echo half")
    sandbox.wait_text(mine, "echo half")
    sandbox.tmux("set-option", "-g", "@codex-restore", "ask")
    sandbox.tmux("run-shell", f"{resurrect}/scripts/restore.sh >/dev/null 2>&1 || :")
    assert sandbox.capture(mine).rstrip().endswith("echo half")
    assert mine not in dead(sandbox)
    assert [r["status"] for r in sandbox.listed("--all")] == ["lost"]
