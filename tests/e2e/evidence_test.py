"""Without the id in the title, with the real Codex: what else names the session, and what does not."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from codex_tmux.sandbox import Sandbox
from tests.e2e.keep_test import option, wait_asleep, wait_bound

pytestmark = pytest.mark.codex


@pytest.fixture
def untitled(codex_binary: str) -> Iterator[Sandbox]:
    """A private tmux server with the plugin and a Codex whose title names no session."""
    with Sandbox(codex_binary, title=False) as made:
        made.start_server(load_plugin=True)
        made.attach()
        yield made


def row(world: Sandbox, pane: str) -> dict[str, Any]:
    """The pane's row of `codex-tmux list`."""
    listed = json.loads(world.helper("list", "--all", "--json"))["panes"]
    found: dict[str, Any] = next(r for r in listed if r["pane"] == pane)
    return found


def resumes(world: Sandbox, pane: str, *messages: str) -> None:
    """Kill the pane's Codex, respawn it plainly, say `messages`' last and see that it remembers the others."""
    os.kill(world.codex_pid(pane), signal.SIGKILL)
    wait_asleep(world, pane)
    world.tmux("respawn-pane", "-t", pane)
    assert world.ask(pane, messages[-1]).messages == messages


def test_an_embedded_codex_is_known_by_the_lock_it_holds(untitled: Sandbox) -> None:
    pane = untitled.new_pane("codex --no-daemon")
    request = untitled.ask(pane, "first")
    found = row(untitled, pane)
    assert (found["session_id"], found["evidence"], found["exact"]) == (request.session_id, "lock", True)
    resumes(untitled, pane, "first", "second")


def test_a_codex_told_what_to_resume_is_known_by_its_command_line(untitled: Sandbox) -> None:
    pane = untitled.new_pane()
    session = untitled.ask(pane, "first").session_id
    untitled.ask(untitled.new_pane(), "keeps the daemon busy")
    untitled.tmux("kill-pane", "-t", pane)
    again = untitled.new_pane(f"codex resume {session}")
    untitled.ask(again, "second")
    found = row(untitled, again)
    assert (found["session_id"], found["evidence"]) == (session, "argv")
    resumes(untitled, again, "first", "second", "third")


def test_a_codex_in_the_daemon_without_any_word_of_its_session_stays_unknown(untitled: Sandbox) -> None:
    pane = untitled.new_pane("codex -m mock-model-2")
    untitled.ask(pane, "first")
    found = row(untitled, pane)
    assert (found["session_id"], found["exact"], found["flags"]) == (None, False, ["-m", "mock-model-2"])
    os.kill(untitled.codex_pid(pane), signal.SIGKILL)
    wait_asleep(untitled, pane)
    untitled.tmux("respawn-pane", "-t", pane)
    request = untitled.ask(pane, "anew")
    assert (request.messages, request.model) == (("anew",), "mock-model-2"), "fresh, with the same flags"


def test_what_codex_says_as_it_quits_names_its_session(untitled: Sandbox) -> None:
    pane = untitled.new_pane("bash --norc -i")
    untitled.tmux("send-keys", "-t", pane, "codex", "Enter")
    session = untitled.ask(pane, "first").session_id
    untitled.wait_for(lambda: option(untitled, pane, "@codex_pane"), 10, "the pane to be marked")
    untitled.type(pane, "/quit")
    untitled.wait_for(lambda: option(untitled, pane, "@codex_pane") == "", 10, "the pane to be a shell again")
    found = row(untitled, pane)
    assert (found["session_id"], found["evidence"], found["status"]) == (session, "screen", "ended")
    untitled.helper("respawn", "-t", pane)
    assert untitled.ask(pane, "second").messages == ("first", "second")
    assert wait_bound(untitled, pane) == session
