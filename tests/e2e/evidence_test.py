"""Without the id in the title, with the real Codex: what else names the session, and what does not."""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import attached
from tests.support.world import Sandbox

pytestmark = pytest.mark.codex


@pytest.fixture
def untitled(codex_binary: str) -> Iterator[Sandbox]:
    """A private tmux server with the plugin and a Codex whose title names no session."""
    with attached(codex_binary, title=False) as made:
        yield made


def resumes(world: Sandbox, pane: str, *messages: str) -> None:
    """Kill the pane's Codex, respawn it plainly, say `messages`' last and see that it remembers the others."""
    world.crash(pane)
    assert world.ask(pane, messages[-1]).messages == messages


def test_an_embedded_codex_is_known_by_the_lock_it_holds(untitled: Sandbox) -> None:
    pane = untitled.new_pane("codex --no-daemon")
    request = untitled.ask(pane, "first")
    found = untitled.rows("--all")[pane]
    assert (found["session_id"], found["evidence"], found["exact"]) == (request.session_id, "lock", True)
    resumes(untitled, pane, "first", "second")


def test_a_codex_told_what_to_resume_is_known_by_its_command_line(untitled: Sandbox) -> None:
    pane = untitled.new_pane()
    session = untitled.ask(pane, "first").session_id
    untitled.ask(untitled.new_pane(), "keeps the daemon busy")
    untitled.tmux("kill-pane", "-t", pane)
    again = untitled.new_pane(f"codex resume {session}")
    untitled.ask(again, "second")
    found = untitled.rows("--all")[again]
    assert (found["session_id"], found["evidence"]) == (session, "argv")
    resumes(untitled, again, "first", "second", "third")


def wait_shows(world: Sandbox, pane: str, session: str, evidence: str = "inferred") -> None:
    """Wait until the pane is known to show this session."""
    world.wait_for(
        lambda: (
            (world.pane_option(pane, "@codex_session"), world.pane_option(pane, "@codex_evidence"))
            == (session, evidence)
        ),
        20,
        f"{pane} to have {session} by {evidence}",
    )


def test_three_of_one_directory_without_any_word_of_their_sessions(untitled: Sandbox) -> None:
    panes = [untitled.new_pane("codex -m mock-model-2") for _ in range(3)]
    sessions = [untitled.ask(p, f"message of {p}").session_id for p in panes]
    for pane, session in zip(panes, sessions, strict=True):
        wait_shows(untitled, pane, session)
    assert untitled.rows("--all")[panes[0]]["exact"] is False
    # Another conversation in the first one: known at once, by its screen.
    untitled.type(panes[0], "/new")
    sessions[0] = untitled.ask(panes[0], "after new").session_id
    wait_shows(untitled, panes[0], sessions[0])
    for pane in panes:
        untitled.kill(pane)
    for pane in panes:
        untitled.wait_asleep(pane)
    found = untitled.rows("--all")[panes[0]]
    assert (found["session_id"], found["evidence"], found["status"]) == (sessions[0], "inferred", "dead")
    for pane in panes:
        untitled.respawn(pane)
    first = ["after new", f"message of {panes[1]}", f"message of {panes[2]}"]
    for pane, message in zip(panes, first, strict=True):
        request = untitled.ask(pane, "again")
        assert (request.messages, request.body["model"]) == ((message, "again"), "mock-model-2")
    # What it resumed stands on its command line; `/new` makes that untrue.
    wait_shows(untitled, panes[1], sessions[1], "argv")


def test_two_that_say_the_same_in_one_directory_stay_unknown_and_list_says_the_way_out(
    untitled: Sandbox,
) -> None:
    # A name that one of them has a moment before the other would tell them apart.
    untitled.model.names_threads = None
    panes = [untitled.new_pane("codex 'the same'") for _ in range(2)]
    for pane in panes:
        untitled.wait_text(pane, "turn 1 |", 30)
    listed = untitled.helper_result("list")
    assert listed.stdout.count("unknown") == 2
    assert "codex-tmux setup" in listed.stderr
    assert "codex-tmux adopt" in listed.stderr
    untitled.kill(panes[0])
    untitled.wait_asleep(panes[0])
    untitled.respawn(panes[0])
    untitled.wait_text(panes[0], "start a new session")
    untitled.tmux("send-keys", "-t", panes[0], "Enter")
    assert untitled.ask(panes[0], "anew").messages == ("anew",), "fresh, rather than the other one's"


def test_new_in_an_embedded_codex_is_followed(untitled: Sandbox) -> None:
    pane = untitled.new_pane("codex --no-daemon")
    wait_shows(untitled, pane, untitled.ask(pane, "first").session_id, "lock")
    untitled.type(pane, "/new")
    wait_shows(untitled, pane, untitled.ask(pane, "second").session_id)
    resumes(untitled, pane, "second", "third")


def test_new_in_a_codex_that_was_told_what_to_resume_is_followed(untitled: Sandbox) -> None:
    pane = untitled.new_pane()
    session = untitled.ask(pane, "first").session_id
    wait_shows(untitled, pane, session)
    untitled.crash(pane)
    untitled.ask(pane, "second")
    wait_shows(untitled, pane, session, "argv")
    untitled.type(pane, "/new")
    anew = untitled.ask(pane, "third").session_id
    # For its first seconds a Codex counts as busy with what it was told to resume.
    untitled.wait_for(lambda: untitled.rows("--all")[pane]["session_id"] == anew, 30, "the new session")
    resumes(untitled, pane, "third", "fourth")


def test_what_codex_says_as_it_quits_names_its_session(untitled: Sandbox) -> None:
    pane = untitled.shell()
    untitled.enter(pane, "codex")
    session = untitled.ask(pane, "first").session_id
    untitled.wait_for(lambda: untitled.pane_option(pane, "@codex_pane"), 20, "the pane to be marked")
    untitled.type(pane, "/quit")
    untitled.wait_for(
        lambda: untitled.pane_option(pane, "@codex_pane") == "", 20, "the pane to be a shell again"
    )
    found = untitled.rows("--all")[pane]
    assert (found["session_id"], found["evidence"], found["status"]) == (session, "screen", "ended")
    untitled.helper("respawn", "-t", pane)
    assert untitled.ask(pane, "second").messages == ("first", "second")
    assert untitled.bound(pane) == session
