"""What conversations ask for: every kind of request, what may be answered to it, and a daemon that says nonsense."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_tmux.codex.daemon.client import daemon_of
from codex_tmux.codex.daemon.requests import (
    ALWAYS,
    CHANGE,
    COMMAND,
    FORM,
    NO,
    PERMISSIONS,
    QUESTION,
    YES,
    Request,
    answer_to,
    facts,
    pending,
    resolved,
)
from codex_tmux.commands.daemon.asked import Asked
from codex_tmux.commands.daemon.dialog import BAR, MORE, Dialog, lines_of
from codex_tmux.errors import Problem
from codex_tmux.tmux.server import Server
from tests.support.fake_daemon import APPROVAL, IDLE, FakeDaemon

ONE, TWO = (f"01a20733-33a0-7285-8004-2625b8c7adf{n}" for n in range(2))
WANTED = {"network": {"enabled": True}}


def request(method: str, item: dict[str, Any] | None = None, **params: Any) -> Request:
    return Request(7, ONE, method, params, item or {}, {"cwd": "/w", "name": "a name"})


@pytest.mark.parametrize(
    ("asked", "yes", "no", "always"),
    [
        (request(COMMAND), "accept", "decline", "acceptForSession"),
        (request(COMMAND, kind="humanCommand"), "accept", "decline", None),
        (request(CHANGE, {"changes": [{"path": "a"}]}), "accept", "decline", "acceptForSession"),
        (request(CHANGE), None, "decline", None),
        (request(QUESTION), None, None, None),
        (request(FORM), None, None, None),
        (request(PERMISSIONS), None, None, None),
    ],
)
def test_what_is_replied(asked: Request, yes: str | None, no: str | None, always: str | None) -> None:
    for verdict, decision in ((YES, yes), (NO, no), (ALWAYS, always)):
        assert answer_to(asked, verdict) == ({"decision": decision} if decision else None)


def test_permissions_are_given_as_they_were_asked_for() -> None:
    asked = request(PERMISSIONS, permissions=WANTED)
    assert answer_to(asked, YES) == {"permissions": WANTED, "scope": "turn"}
    assert answer_to(asked, ALWAYS) == {"permissions": WANTED, "scope": "session"}
    assert answer_to(asked, NO) == {"permissions": {}, "scope": "turn"}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            request(COMMAND, command="rm x", reason="tidy", cwd="/w"),
            [("Codex wants to run", "rm x"), ("in", "/w"), ("because", "tidy")],
        ),
        (
            request(COMMAND, command="yes", kind="writeStdin"),
            [("Codex wants to type into a running program", "yes")],
        ),
        (
            request(COMMAND, command="curl", networkApprovalContext={"host": "h", "protocol": "https"}),
            [("Codex wants to run", "curl"), ("and to reach", "host: h\nprotocol: https")],
        ),
        (
            request(CHANGE, {"changes": [{"path": "a.py", "diff": "+x\n"}]}, grantRoot="/w"),
            [("Codex wants to change files", "a.py\n+x"), ("and to write from now on anywhere below", "/w")],
        ),
        (request(CHANGE), [("Codex wants to change files", "(Codex does not say which: look in its pane)")]),
        (request(PERMISSIONS, permissions=WANTED), [("Codex wants permissions", "network.enabled: true")]),
        (
            request(QUESTION, questions=[{"question": "which?", "options": [{"label": "this"}]}]),
            [("Codex asks", "which?\n- this")],
        ),
        (request(FORM, serverName="s", message="m", url="u"), [("s asks", "m"), ("at", "u")]),
    ],
)
def test_all_is_told(asked: Request, told: list[tuple[str, str]]) -> None:
    assert facts(asked) == told


@given(st.text(), st.integers(3, 200))
def test_what_codex_wrote_can_look_like_nothing_of_ours(text: str, width: int) -> None:
    lines = lines_of(request(COMMAND, command=text, reason=text), None, width)
    ours = {"in no pane here · /w"[:width], "", "Codex wants to run:"[:width], "because:"[:width]}
    assert all(line.startswith(BAR) or line in ours for line in lines)
    assert all(char.isprintable() for line in lines for char in line)


def test_what_is_hidden_in_a_command_is_seen() -> None:
    lines = lines_of(request(COMMAND, command="echo a\x1b[2K\r\u202eb"), None, 80)
    assert BAR + r"echo a\x1b[2K\r\u202eb" in lines


def test_nothing_is_approved_before_it_was_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked()
    asked.requests = [request(COMMAND, command="\n".join(map(str, range(50))))]
    keys = ["y", "a", MORE, "y", MORE, "y", "n"]
    monkeypatch.setattr("click.getchar", lambda: keys.pop(0))
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((80, 24)))
    assert Dialog(Server("/nonexistent"), asked, "").show(asked.requests[0], 0) == "y"
    assert keys == ["n"]


def question(number: int, session: str, **params: object) -> dict[str, Any]:
    return {
        "id": number,
        "method": COMMAND,
        "params": {"threadId": session, "itemId": f"i{number}", **params},
    }


def test_the_answer_goes_to_the_very_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEX_HOME", str(tmp_path))
    with FakeDaemon(tmp_path) as daemon:
        daemon.threads = {ONE: APPROVAL, TWO: IDLE}
        daemon.questions = [question(41, ONE, command="a"), question(42, ONE, command="b")]
        with Asked() as asked:
            assert [r.params["command"] for r in asked.requests] == ["a", "b"]
            assert asked.answer(asked.requests[1], YES) == "approved"
            with pytest.raises(Problem, match="asks for 2 things"):
                asked.answer_only(YES)
            with daemon_of(str(tmp_path), 5) as later:
                later.call("thread/loaded/list")  # the reply before it has arrived
        assert daemon.replies == [{"id": 42, "result": {"decision": "accept"}}]


def test_what_was_answered_elsewhere_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEX_HOME", str(tmp_path))
    with FakeDaemon(tmp_path) as daemon:
        daemon.threads = {ONE: APPROVAL}
        done = {"method": "serverRequest/resolved", "params": {"threadId": ONE, "requestId": 41}}
        daemon.questions = [question(40, ONE), question(41, ONE), done | {"params": {"requestId": 40}}]
        with Asked() as asked:
            (only,) = asked.requests
            daemon.say(done)
            with pytest.raises(Problem, match="answered elsewhere"):
                asked.answer(only, YES)
        assert daemon.replies == []


@pytest.mark.parametrize(
    "said", [{}, {"params": 7}, {"params": {"threadId": 7}}, {"params": {"threadId": TWO}}, {"id": 9}]
)
def test_a_question_that_is_none_is_passed_over(tmp_path: Path, said: dict[str, Any]) -> None:
    with FakeDaemon(tmp_path) as daemon:
        daemon.threads = {ONE: APPROVAL}
        daemon.questions = [{"id": 8, "method": COMMAND} | said, question(41, ONE)]
        with daemon_of(str(tmp_path), 5) as client:
            assert [r.number for r in pending(client)] == [41]
            assert resolved(client) == set()


def test_without_a_daemon_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEX_HOME", str(tmp_path))
    with pytest.raises(Problem, match="shared daemon"), Asked():
        pass
    assert not (tmp_path / "app-server-control").exists()
