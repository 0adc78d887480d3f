"""A window in several tmux sessions comes back in all of them."""

from tests.support.world import Sandbox
from tests.tmux.restore_test import known, new_session, results, start


def places_of(sandbox: Sandbox) -> dict[str, set[str]]:
    """The places of each window with a conversation, by session id."""
    form = "#{@codex_session} #{session_name}:#{window_index}"
    rows = (line.split(" ", 1) for line in sandbox.tmux("list-panes", "-a", "-F", form).splitlines())
    found: dict[str, set[str]] = {}
    for session, where in rows:
        if session:
            found.setdefault(session, set()).add(where)
    return found


def test_linked_windows_and_groups_come_back(sandbox: Sandbox) -> None:
    start(sandbox)
    one = new_session(sandbox, "base", "codex")
    sandbox.tmux("new-session", "-d", "-s", "at zero", "cat")
    sandbox.tmux("new-session", "-d", "-s", "zoom", "cat")
    sandbox.tmux("link-window", "-d", "-k", "-s", one, "-t", "=at zero:0")
    sandbox.tmux("link-window", "-d", "-s", one, "-t", "=zoom:7")
    two = new_session(sandbox, "mine", "codex")
    sandbox.tmux("new-session", "-d", "-s", "yours", "-t", "=mine")
    for pane in (one, two):
        sandbox.ask(pane, f"I am {pane}")
    known(sandbox, one, two)
    sandbox.quiet()
    before = places_of(sandbox)
    assert sorted(map(sorted, before.values())) == [["at zero:0", "base:0", "zoom:7"], ["mine:0", "yours:0"]]
    sandbox.end_server()

    start(sandbox)
    assert {r["outcome"] for r in results(sandbox)} == {"waiting"}
    assert places_of(sandbox) == before
    assert sandbox.tmux("list-windows", "-t", "=zoom", "-F", "#{window_index}").split() == ["7"]
    groups = sandbox.tmux("list-sessions", "-F", "#{session_name}:#{session_group_list}").splitlines()
    assert "yours:mine,yours" in groups


def test_a_place_that_is_taken_stays_as_it_is(sandbox: Sandbox) -> None:
    start(sandbox)
    one = new_session(sandbox, "base", "codex")
    sandbox.tmux("new-session", "-d", "-s", "zoom", "cat")
    sandbox.tmux("link-window", "-d", "-s", one, "-t", "=zoom:7")
    sandbox.ask(one, "hello")
    known(sandbox, one)
    sandbox.quiet()
    sandbox.end_server()
    start(sandbox)
    mine = new_session(sandbox, "zoom", "cat")
    sandbox.tmux("move-window", "-s", mine, "-t", "=zoom:7")
    results(sandbox)
    assert sandbox.format(mine, "#{window_index} #{pane_current_command}") == "7 cat"
    assert [sorted(where) for where in places_of(sandbox).values()] == [["base:0"]]
