import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from codex_tmux.selftest.model import reply_to, user_messages
from tests.support.model import ModelServer


def item(role: str, *texts: str) -> dict[str, Any]:
    return {
        "type": "message",
        "role": role,
        "content": [{"type": "input_text", "text": text} for text in texts],
    }


def post(server: ModelServer, *messages: str, source: str = "user") -> list[dict[str, Any]]:
    turn = json.dumps({"thread_source": source})
    body = {
        "model": "m",
        "input": [item("user", message) for message in messages],
        "prompt_cache_key": "a-session",
        "client_metadata": {"x-codex-turn-metadata": turn},
    }
    request = urllib.request.Request(server.url + "/responses", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def text_of(answer: list[dict[str, Any]]) -> str:
    (done,) = [event for event in answer if event["type"] == "response.output_item.done"]
    return str(done["item"]["content"][0]["text"])


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with contextlib.closing(ModelServer()) as made:
        yield made


def test_what_codex_puts_in_is_no_message_of_the_user() -> None:
    body = {
        "input": [
            item("developer", "<permissions instructions>..."),
            item(
                "user",
                "# AGENTS.md instructions for /w\n\nBe kind",
                "<environment_context>\n</environment_context>",
            ),
            item("user", "hello"),
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]},
            {"type": "function_call_output", "call_id": "1", "output": "x"},
            item("user", "<turn_aborted>\nThe user interrupted"),
            item("user", "is 1 < 2?"),
        ]
    }
    assert user_messages(body) == ("hello", "is 1 < 2?")


def test_reply_holds_the_whole_conversation_in_one_line() -> None:
    assert reply_to(("a\nb", "c", "d")) == "turn 3 | first: a b | last: d | all: a b / c / d"


def test_answers_and_remembers_requests(server: ModelServer) -> None:
    answer = post(server, "one", "two")
    assert [event["type"] for event in answer] == [
        "response.created",
        "response.output_item.done",
        "response.completed",
    ]
    assert text_of(answer) == "turn 2 | first: one | last: two | all: one / two"
    (request,) = server.requests
    assert (request.messages, request.last, request.session_id) == (("one", "two"), "two", "a-session")
    assert server.turns_with("wo") == [request]
    assert server.turns_with("three") == []


def test_what_codex_asks_for_itself_is_no_turn(server: ModelServer) -> None:
    assert json.loads(text_of(post(server, "Generate a title FAIL 500", source="thread_title")))["title"]
    assert server.requests == []
