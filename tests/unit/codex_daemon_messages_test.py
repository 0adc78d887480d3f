"""The messages in what a daemon answers, whatever it answers."""

from pathlib import Path
from typing import Any

import pytest

from codex_tmux.codex.daemon.messages import last_messages, messages_in


def turn(*items: object) -> dict[str, Any]:
    return {"id": "t", "items": list(items)}


def asked(*texts: str) -> dict[str, Any]:
    return {"type": "userMessage", "content": [{"type": "text", "text": text} for text in texts]}


SAID = {"type": "agentMessage", "text": "hi"}


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        ([turn(asked("b"), SAID), turn(asked("a"))], [("you", "a"), ("you", "b"), ("Codex", "hi")]),
        ([turn(asked("a", "b"), {"type": "reasoning", "text": "hm"})], [("you", "a\nb")]),
        ([turn({"type": "userMessage", "content": [{"type": "image", "url": "x"}]})], []),
        ([turn({"type": "agentMessage"}, 1, None), {"items": 1}, 3, None], []),
        ("no list", []),
        (None, []),
    ],
)
def test_messages_in(data: object, messages: list[tuple[str, str]]) -> None:
    assert messages_in({"data": data}) == messages


def test_no_daemon_is_started_to_ask(tmp_path: Path) -> None:
    assert last_messages(str(tmp_path), ["01a201da-7561-7551-a7df-a07aa6f38cdb"], 8) == [[]]
