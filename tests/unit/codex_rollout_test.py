"""The end of a rollout, in the forms that Codex has written."""

from pathlib import Path
from typing import Any

import pytest

from codex_tmux.codex.rollout import TAIL, last_user_message
from tests.unit.codex_store_test import written

META = {"type": "session_meta", "payload": {"id": "x", "cwd": "/"}}


def new_form(text: str) -> dict[str, Any]:
    item = {
        "type": "UserMessage",
        "id": "i",
        "content": [{"type": "text", "text": text, "text_elements": []}],
    }
    return {"type": "event_msg", "payload": {"type": "item_completed", "item": item}}


def old_form(text: str) -> dict[str, Any]:
    return {"type": "event_msg", "payload": {"type": "user_message", "message": text}}


def answer(text: str) -> dict[str, Any]:
    return {"type": "event_msg", "payload": {"type": "agent_message", "message": text}}


def last_said(tmp_path: Path, *entries: dict[str, Any]) -> str | None:
    return last_user_message(str(written(tmp_path / "rollout", *entries)))


@pytest.mark.parametrize("form", [new_form, old_form])
def test_the_last_one_counts(tmp_path: Path, form: Any) -> None:
    last = 'two "UserMessage" \n lines'
    assert last_said(tmp_path, META, form("one"), answer("a"), form(last), answer("b")) == last


def test_none_yet(tmp_path: Path) -> None:
    assert last_said(tmp_path, META) == ""
    assert last_said(tmp_path) == ""


def test_a_fork_without_a_message_of_its_own_is_not_known(tmp_path: Path) -> None:
    fork = {"type": "session_meta", "payload": {"id": "x", "forked_from_id": "y"}}
    assert last_said(tmp_path, fork) is None
    assert last_said(tmp_path, fork, new_form("mine")) == "mine"


def test_what_lies_before_the_tail_is_not_known(tmp_path: Path) -> None:
    assert last_said(tmp_path, META, new_form("one"), answer("x" * TAIL)) is None


@pytest.mark.parametrize(
    "line", ['{"UserMessage"', '"UserMessage"', '{"payload":{"item":{"type":"UserMessage"}}}']
)
def test_half_a_line_is_passed_over(tmp_path: Path, line: str) -> None:
    path = written(tmp_path / "rollout", META, new_form("one"))
    path.write_text(path.read_text() + line)
    assert last_user_message(str(path)) == "one"


def test_what_a_compressed_rollout_holds_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "rollout.jsonl.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd")
    assert last_user_message(str(path)) is None
