"""A conversation forked beside its pane, and what was closed brought back at its place: with keys, at a client."""

import time
from collections.abc import Iterator

import pytest

from tests.support.far_end import far_end, wait_bound
from tests.support.screen import Screen
from tests.support.world import Sandbox
from tests.tmux.restore_test import shape

WIDTH, HEIGHT = 120, 40


@pytest.fixture
def world(sandbox: Sandbox) -> Sandbox:
    sandbox.start_server(load_plugin=True, width=WIDTH, height=HEIGHT)
    return sandbox


@pytest.fixture
def screen(world: Sandbox) -> Iterator[Screen]:
    with Screen(world, WIDTH, HEIGHT) as made:
        yield made


def session_of(world: Sandbox, pane: str, *others: str) -> str:
    """The session of a pane, once it is known."""

    def known() -> str:
        found = world.format(pane, "#{@codex_session}")
        return found if len(found) == 36 and found not in others else ""

    return world.wait_for(known, 20, f"the session of {pane}")


def started(world: Sandbox, words: str, *how: str) -> tuple[str, str]:
    """A pane, by default in a window of its own, whose Codex has taken a turn; pane and session."""
    command = how or ("new-window", "-t", "main")
    pane = world.tmux(*command, "-P", "-F", "#{pane_id}", "-c", str(world.work), "codex")
    world.ask(pane, words)
    return pane, session_of(world, pane)


def new_pane(world: Sandbox, before: set[str]) -> str:
    """The pane that was not there before."""
    return world.wait_for(lambda: next(iter(world.pane_ids() - before), ""), 20, "a new pane")


def pane_of(world: Sandbox, session: str) -> str:
    """The one pane that has the session."""
    pane = world.wait_for(lambda: world.sessions().get(session), 20, f"a pane with {session}")
    shown = world.tmux("list-panes", "-a", "-F", "#{@codex_session}").split()
    assert shown.count(session) == 1, "a session has one pane"
    return pane


def wait_closed(world: Sandbox, *sessions: str) -> None:
    """Wait until these are noted as closed."""

    def noted() -> bool:
        status = {session: row["status"] for session, row in world.records().items()}
        return all(status[session] == "closed" for session in sessions)

    world.wait_for(noted, 20, "them to be closed")


def layout(world: Sandbox, pane: str) -> str:
    return shape(world.format(pane, "#{window_layout}"))


def test_a_fork_comes_up_beside_its_parent_and_both_come_back(world: Sandbox, screen: Screen) -> None:
    pane = world.new_pane("codex", "--add-dir", "/tmp")
    world.ask(pane, "one")
    parent = session_of(world, pane)
    world.tmux("select-window", "-t", pane)
    before = world.pane_ids()
    screen.keys("C-b", "F")
    other = new_pane(world, before)
    fork = session_of(world, other, parent)
    assert world.format(other, "#{window_id} #{pane_active}") == world.format(pane, "#{window_id} 1")
    assert (world.ask(other, "two").messages, world.ask(pane, "three").messages) == (
        ("one", "two"),
        ("one", "three"),
    )
    for each in (pane, other):
        world.crash(each)
    assert world.ask(other, "four").messages == ("one", "two", "four")
    assert world.ask(pane, "five").messages == ("one", "three", "five")
    rows = world.records()
    assert rows.keys() == {parent, fork}
    assert rows[fork]["flags"] == rows[parent]["flags"] == ["--add-dir", "/tmp"]
    assert rows[fork]["evidence"] == "title"


def test_a_fork_that_dies_before_it_has_a_title_is_made_once_more(world: Sandbox, screen: Screen) -> None:
    _, parent = started(world, "one")
    # It ends before it has opened anything.
    config = world.codex_home / "config.toml"
    text = config.read_text()
    config.write_text(f'refused = "fork"\n{text}')
    before = world.pane_ids()
    screen.keys("C-b", "F")
    other = new_pane(world, before)
    world.wait_asleep(other)
    config.write_text(text)
    screen.keys("C-b", "R")
    assert world.ask(other, "two").messages == ("one", "two")
    assert session_of(world, other) != parent
    assert len(world.records()) == 2


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("a shell", "has no conversation to fork"),
        ("nothing said", "nothing to fork yet"),
        ("exec", "through codex exec cannot be forked"),
    ],
)
def test_what_cannot_be_forked_is_said(world: Sandbox, what: str, said: str) -> None:
    pane = "main:0"
    if what == "nothing said":
        pane = world.new_pane("codex")
        session_of(world, pane)
    elif what == "exec":
        pane = world.new_pane(f"{world.bin}/codex-tmux", "exec")
        world.wait_text(pane, "❯")
        world.enter(pane, "hello")
        session_of(world, pane)
    before = world.pane_ids()
    done = world.helper_result("fork", "-t", pane)
    assert (done.returncode, world.pane_ids()) == (1, before)
    assert said in done.stderr


def test_a_conversation_of_another_machine_is_forked_there(world: Sandbox) -> None:
    with far_end(world) as far:
        pane = world.new_pane(*far.ssh_t, "codex", "-m", "x")
        world.ask(pane, "one")
        wait_bound(world, pane, world.model.requests[-1].session_id)
        done = world.helper_result("fork", "-t", pane)
        assert (done.returncode, done.stderr) == (
            1,
            "codex-tmux: Codex runs behind ssh far: type /fork there\n",
        )


def test_closed_panes_come_back_where_they_were_the_last_one_first(world: Sandbox, screen: Screen) -> None:
    one, first = started(world, "aaa")
    two, second = started(world, "bbb", "split-window", "-h", "-l", "40", "-t", one)
    shell = world.pane_by("split-window", "-v", "-l", "9", "-t", one, "bash")
    world.quiet()
    whole = layout(world, one)
    world.tmux("kill-pane", "-t", two)
    wait_closed(world, second)
    screen.keys("C-b", "U")
    two = pane_of(world, second)
    assert world.ask(two, "more").messages == ("bbb", "more")
    assert (layout(world, two), screen.pane()) == (whole, two)
    # The first pane of the window, then the other one: each has its place, though its neighbour is another by now.
    world.quiet()
    world.tmux("kill-pane", "-t", one)
    wait_closed(world, first)
    closed_at = int(time.time())
    world.wait_for(lambda: int(time.time()) > closed_at, 20, "another second: records have whole ones")
    world.tmux("kill-pane", "-t", two)
    wait_closed(world, second)
    screen.keys("C-b", "U")
    pane_of(world, second)
    screen.keys("C-b", "U")
    one = pane_of(world, first)
    assert world.ask(one, "more").messages == ("aaa", "more")
    assert layout(world, shell) == whole
    assert world.format(one, "#{pane_index}") == "0"
    screen.keys("C-b", "U")
    screen.wait("nothing to undo")


def test_a_closed_window_comes_back_under_its_number_with_all_it_held(world: Sandbox, screen: Screen) -> None:
    one, first = started(world, "aaa", "new-window", "-t", "main:7", "-n", "api")
    two, second = started(world, "bbb", "split-window", "-h", "-l", "40", "-t", one)
    world.quiet()
    whole = layout(world, one)
    world.tmux("kill-window", "-t", "main:7")
    wait_closed(world, first, second)
    screen.keys("C-b", "U")
    screen.wait("2 sessions restored")
    one, two = pane_of(world, first), pane_of(world, second)
    assert world.ask(one, "more").messages == ("aaa", "more")
    assert world.ask(two, "more").messages == ("bbb", "more")
    assert world.format(one, "#{window_index} #{window_name}") == "7 api"
    assert layout(world, one) == whole


def test_a_closed_tmux_session_comes_back_under_its_name(world: Sandbox, screen: Screen) -> None:
    one, first = started(world, "aaa", "new-session", "-d", "-s", "other")
    _, second = started(world, "bbb", "new-window", "-d", "-t", "other:5", "-n", "five")
    world.quiet()
    world.tmux("kill-session", "-t", "other")
    wait_closed(world, first, second)
    screen.keys("C-b", "U")
    one, two = pane_of(world, first), pane_of(world, second)
    world.wait_for(lambda: screen.pane() in (one, two), 20, "the client to be there")
    assert world.ask(screen.pane(), "more").messages[1:] == ("more",)
    assert world.format(two, "#{session_name}:#{window_index} #{window_name}") == "other:5 five"
    world.tmux("select-window", "-t", two)
    world.tmux("select-window", "-t", one)
    assert world.ask(one, "again").messages[0] == "aaa"


def test_after_a_restart_the_lost_ones_are_offered_where_nothing_is_closed(world: Sandbox) -> None:
    _, session = started(world, "aaa")
    world.quiet()
    world.tmux("kill-server")
    world.start_server(load_plugin=True, width=WIDTH, height=HEIGHT)
    with Screen(world, WIDTH, HEIGHT) as screen:
        screen.keys("C-b", "U")
        screen.wait("Not now")
        screen.keys("n")
        done = world.helper_result("undo")
        assert (
            done.stderr == "codex-tmux: nothing was closed. 1 Codex session to restore: codex-tmux restore\n"
        )
        screen.keys("C-b", "U")
        screen.wait("Not now")
        screen.keys("a")
        pane_of(world, session)
