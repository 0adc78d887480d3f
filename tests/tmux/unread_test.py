"""Done and unread: a table of titles and of who looks, and the user's own commands, in a real tmux."""

import pytest

from tests.support.terminal import Client
from tests.support.world import Sandbox
from tests.tmux.hooks_test import set_titles

SPINS, ASKS, BLINKS = "⠋ ", "[ ! ] Action Required | ", "[ . ] Action Required | "
BY_SHELL, OTHER = "user@host: ~", "01a00000-0000-7000-8000-000000000000"[:29] + "..."


class Pane:
    """A pane with a conversation, whose titles the test sets; what it says of itself."""

    def __init__(self, world: Sandbox, pane: str) -> None:
        self.world, self.id = world, pane
        world.ask(pane, "hello")
        self.session = world.bound(pane)
        world.quiet()  # no sync sets these options while the test does
        self.quiet = f"work | {self.session[:29]}..."
        self.under_way()

    def set(self, option: str, value: str) -> None:
        self.world.tmux("set-option", "-p", "-t", self.id, option, value)

    def under_way(self) -> None:
        """It has come up long ago: how that looks is the business of one test alone."""
        self.set("@codex_turning", f"0 {self.world.format(self.id, '#{pane_pid}')} ")

    def title(self, *titles: str) -> None:
        for title in titles:
            set_titles(self.world, self.id, [title])

    def turn(self) -> None:
        """A turn that begins, and ends."""
        self.title(SPINS + self.quiet, self.quiet)

    @property
    def unread(self) -> bool:
        return self.world.format(self.id, "#{@codex_unread}") == "1"

    def is_read(self) -> None:
        self.world.wait_for(lambda: not self.unread, 20, f"{self.id} to be read")


@pytest.fixture
def world(sandbox: Sandbox) -> Sandbox:
    told = "echo {} $CODEX_TMUX_PANE $CODEX_TMUX_SESSION >> $HOME/told # to me"
    config = "".join(f"set -g @codex-on-{what} '{told.format(what)}'\n" for what in ("done", "waiting"))
    sandbox.start_server(load_plugin=True, config=config)
    sandbox.attach()
    return sandbox


def told(world: Sandbox, lines: int) -> list[str]:
    """What the user's own commands were told, once there are so many lines."""
    file = world.home / "told"

    def read() -> list[str]:
        return file.read_text().splitlines() if file.exists() else []

    world.wait_for(lambda: len(read()) >= lines, 20, f"{lines} commands of the user's")
    return read()


TITLES = [
    # before, after, a turn's end. {} is what stands in the title anyway.
    (SPINS + "{}", "{}", True),
    (ASKS + "{}", "{}", True),
    (BLINKS + "{}", "{}", True),
    (SPINS + "{}", ASKS + "{}", False),
    (ASKS + "{}", SPINS + "{}", False),
    (ASKS + "{}", BLINKS + "{}", False),
    ("{}", SPINS + "{}", False),
    ("{}", "{}", False),
    (SPINS + "{}", "⠙ {}", False),
]


def test_which_titles_end_a_turn_that_nobody_sees(world: Sandbox) -> None:
    exact, plain = Pane(world, world.new_pane()), Pane(world, world.new_pane())
    plain.quiet = "Fix a, #{b} and } | work"
    plain.title(plain.quiet)
    for pane in (exact, plain):
        for before, after, ends in TITLES:
            pane.under_way()
            pane.set("@codex_unread", "")
            pane.title(before.format(pane.quiet))
            assert not pane.unread, before
            pane.title(after.format(pane.quiet))
            assert pane.unread == ends, (pane.quiet, before, after)


def test_marks_in_a_name_are_none(world: Sandbox) -> None:
    """Codex shows the conversation's name behind its id, and its activity before that."""
    pane = Pane(world, world.new_pane())
    for name in ("show ⠋ while busy", ASKS + "x", f"fix the {BLINKS}title"):
        titled = f"{pane.quiet} | {name}"
        pane.under_way()
        pane.title(SPINS + titled)
        pane.title(titled)
        assert pane.unread, name
        pane.set("@codex_unread", "")
        pane.title(pane.quiet)
        assert not pane.unread, "a name that goes is no turn's end"
        pane.title(titled)
        assert world.format(pane.id, "#{E:@codex_waits}") == "", name


def test_a_title_of_something_else_ends_no_turn(world: Sandbox) -> None:
    pane = Pane(world, world.new_pane())
    for after in ("", BY_SHELL, f"work | {OTHER}"):
        pane.under_way()
        pane.title(SPINS + pane.quiet, after)
        assert not pane.unread, after
    cat = world.new_pane("cat", name="cat")
    for title in (
        SPINS + "work",
        "work",
        f"{SPINS}work | {OTHER}",
        f"work | {OTHER}",
        f"{ASKS}work | {OTHER}",
    ):
        set_titles(world, cat, [title])
    assert world.format(cat, "#{@codex_unread}#{E:@codex_waits}") == ""
    assert not (world.home / "told").exists()


def test_who_looks(world: Sandbox) -> None:
    """The active pane of a window that a client shows is looked at; whatever else is there, and zoomed or not."""
    shell = world.tmux("display-message", "-p", "-t", "main:0", "#{pane_id}")
    pane = Pane(world, world.new_pane())
    window = world.format(pane.id, "#{window_id}")
    other = world.pane_by("split-window", "-d", "-t", pane.id, "cat")
    world.tmux("new-session", "-d", "-s", "alone", "cat")
    world.tmux("new-session", "-d", "-s", "group", "-t", "main")
    table = [
        # What is done, and whether a turn that ends then is seen.
        (["select-window", "-t", f"main:{window}"], True),
        (["select-pane", "-t", other], False),
        (["resize-pane", "-Z", "-t", other], False),
        (["resize-pane", "-Z", "-t", other], False),
        (["resize-pane", "-Z", "-t", pane.id], True),
        (["last-pane", "-t", pane.id], False),
        (["select-pane", "-t", pane.id], True),
        (["select-window", "-t", "main:0"], False),
        (["link-window", "-s", window, "-t", "alone:7"], False),
        (["select-window", "-t", "alone:7"], False),
        (["switch-client", "-t", "alone"], True),
        (["select-window", "-t", "alone:0"], False),
        (["select-window", "-t", f"group:{window}"], False),
        (["switch-client", "-t", "group"], True),
        (["detach-client", "-s", "group"], False),
    ]
    for command, seen in table:
        unread_before = pane.unread
        world.tmux(*command)
        if seen and unread_before:
            world.wait_for(lambda: not pane.unread, 20, f"{command} to show it")
        pane.turn()
        assert pane.unread != seen, command
    world.attach(target="group")
    pane.is_read()
    assert world.format(shell, "#{E:@codex_waits}") == ""


def test_what_is_shown_by_a_persons_keys_is_read(world: Sandbox) -> None:
    pane = Pane(world, world.new_pane())
    pane.turn()
    client: Client = world.clients[0]
    assert world.format(pane.id, "#{E:@codex_waits}") == "1 unread"
    client.send(b"\x02n")
    pane.is_read()
    assert world.format(pane.id, "#{E:@codex_waits}") == ""
    client.send(b"\x02d")
    world.wait_for(lambda: not world.tmux("list-clients"), 20, "nobody to look")
    pane.turn()
    assert pane.unread
    world.attach()
    pane.is_read()
    # The other half of its window, and back by a key.
    other = world.pane_by("split-window", "-t", pane.id, "cat")
    pane.turn()
    assert pane.unread
    world.clients[-1].send(b"\x02o")
    pane.is_read()
    assert world.format(other, "#{pane_active}") == "0"


def test_each_command_of_the_users_runs_once_an_event(world: Sandbox) -> None:
    pane = Pane(world, world.new_pane())
    frames = [f"{frame} {pane.quiet}" for frame in "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"] * 10
    for titles in (frames, [ASKS + pane.quiet, BLINKS + pane.quiet] * 5, frames, [pane.quiet] * 5):
        set_titles(world, pane.id, titles)
    of_it = f"{pane.id} {pane.session}"
    assert told(world, 2) == [f"waiting {of_it}", f"done {of_it}"]
    # Also where the user looks; it is he who knows whether he does.
    world.tmux("select-window", "-t", pane.id)
    pane.turn()
    assert told(world, 3)[2:] == [f"done {of_it}"]
    assert not pane.unread
    assert "1" not in world.tmux("list-panes", "-a", "-F", "#{pane_in_mode}").split(), "all of it is silent"


def test_an_option_that_is_no_id_reaches_no_shell(world: Sandbox) -> None:
    pane = Pane(world, world.new_pane())
    pane.set("@codex_session", "'; echo pwned >> $HOME/told; '")
    pane.turn()
    assert told(world, 1) == [f"done {pane.id}"]


def test_what_comes_up_is_not_unread(world: Sandbox) -> None:
    """Codex spins for a moment as it starts, longer where it waits for MCP servers; with a prompt it spins at once."""
    pane = Pane(world, world.new_pane())
    came_up = pane.quiet
    pane.set("@codex_turning", "")
    pane.title(came_up, SPINS + came_up, came_up)
    assert not pane.unread
    pane.turn()
    assert pane.unread, "the first turn counts, however soon it comes"
    pane.set("@codex_unread", "")
    pane.set("@codex_turning", "")
    pane.title(SPINS + came_up, came_up)
    assert not pane.unread, "its first title that tmux saw spins already"
    # What begins as a start, and lasts, was a turn; sooner where the first title spun, as with a prompt.
    for first, ago, unread in ((came_up, 10, False), (came_up, 20, True), ("", 3, False), ("", 8, True)):
        pane.set("@codex_unread", "")
        pane.set("@codex_turning", "")
        pane.title(*[first] * bool(first), SPINS + came_up)
        spins, pid, since = world.format(pane.id, "#{@codex_turning}").split(" ")
        pane.set("@codex_turning", f"{spins} {pid} {int(since) - ago}")
        pane.title(came_up)
        assert pane.unread == unread, (first, ago)
