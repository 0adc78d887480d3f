from typing import Any

from codex_tmux.selftest.model import reply_to, user_messages


def item(role: str, *texts: str) -> dict[str, Any]:
    return {
        "type": "message",
        "role": role,
        "content": [{"type": "input_text", "text": text} for text in texts],
    }


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
