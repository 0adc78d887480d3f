"""What `codex exec --json` prints, and what a person sees of it."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from codex_tmux.codex.json_value import object_in
from codex_tmux.exec.events import answer, answer_of, message_of, session_of, shown, tokens_of
from codex_tmux.exec.view import JsonView, View

ID = "01a206de-8f3c-7a10-81b3-02aa28d1e23e"


def item(kind: str, what: str, **fields: Any) -> str:
    return json.dumps({"type": f"item.{kind}", "item": {"id": "item_0", "type": what, **fields}})


def ran(command: str, output: str = "", code: int | None = 0) -> str:
    fields = {"command": command, "aggregated_output": output, "exit_code": code}
    return item("completed", "command_execution", **fields)


# As real Codex 0.169 prints them, shortened; None is for what is not shown.
SEEN = [
    (item("completed", "reasoning", text="so"), "so"),
    (item("started", "command_execution", command="/bin/bash -lc 'echo hi; ls'"), "$ echo hi; ls"),
    (item("started", "command_execution", command="it's"), "$ it's"),
    (ran("ls", "a\n\nb\n"), "  a\n  b"),
    (ran("true"), None),
    (ran("false", code=1), "  exit 1"),
    (ran("x", "out", 3), "  out\n  exit 3"),
    (ran("rm", code=None), "$ rm\n  it did not run"),
    (
        ran("x", "".join(f"line {i}\n" for i in range(1000))),
        "\n".join(f"  line {i}" for i in range(988, 1000)),
    ),
    (item("completed", "file_change", changes=[{"path": "a", "kind": "add"}, {"path": "b"}]), "+ a\n~ b"),
    (
        item("completed", "file_change", changes=[{"path": "a", "kind": "delete"}], status="failed"),
        "the patch did not apply:\n- a",
    ),
    (item("updated", "todo_list", items=[{"text": "a", "completed": True}, {"text": "b"}]), "☑ a\n☐ b"),
    (item("completed", "todo_list", items=[{"text": "a"}]), None),
    (item("completed", "error", message="care\nful"), "care ful"),
    (
        item("completed", "mcp_tool_call", server="s", tool="t", error={"message": "no"}),
        "» mcp tool call s t: no",
    ),
    (item("completed", "web_search", query="q", status="failed"), "» web search q: failed"),
    (item("completed", "collab_tool_call", status="completed"), "» collab tool call"),
    (item("started", "collab_tool_call"), None),
    (item("completed", "agent_message", text="hi"), None),
    ('{"type":"turn.started"}', None),
    ('{"type":"error","message":"Reconnecting... 2/5"}', None),
    ("{}", None),
]


@pytest.mark.parametrize(("line", "wanted"), SEEN)
def test_shown(line: str, wanted: str | None) -> None:
    event = object_in(line)
    text = shown(event)
    assert (text and text.plain) == wanted


@pytest.mark.parametrize(
    ("line", "session", "said", "tokens"),
    [
        (f'{{"type":"thread.started","thread_id":"{ID.upper()}"}}', ID, None, 0),
        ('{"type":"thread.started","thread_id":"../../etc"}', "", None, 0),
        (item("completed", "agent_message", text="hi"), "", "hi", 0),
        ('{"type":"turn.completed","usage":{"input_tokens":100,"output_tokens":5}}', "", None, 105),
        ('{"type":"turn.completed","usage":[1]}', "", None, 0),
    ],
)
def test_what_an_event_tells(line: str, session: str, said: str | None, tokens: int) -> None:
    event = object_in(line)
    assert (session_of(event), answer_of(event), tokens_of(event)) == (session, said, tokens)


@pytest.mark.parametrize("line", ["[1]", "panicked at src/main.rs", '{"type":"turn.comple', "[" * 100_000])
def test_what_is_no_event(line: str) -> None:
    assert object_in(line) == {}


def test_the_message_within_an_error() -> None:
    assert message_of({"message": '{"error":{"message":"inner"}}'}) == "inner"


HOSTILE = st.text(st.one_of(st.sampled_from("\x1b\x07\x9b[]0;m`#\r\n\u202e\ud800"), st.characters()))
NAMES = (
    "type item thread_id text command aggregated_output exit_code changes kind path items completed error "
    "message usage input_tokens output_tokens status server tool query"
).split()
ITEMS = "agent_message reasoning command_execution file_change todo_list mcp_tool_call web_search error new".split()
ANY = st.recursive(
    HOSTILE | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False),
    lambda inner: st.dictionaries(st.sampled_from(NAMES), inner, max_size=6) | st.lists(inner, max_size=3),
    max_leaves=12,
)
KINDS = st.sampled_from("thread.started turn.completed turn.failed error".split())


@given(
    st.dictionaries(st.sampled_from(NAMES), ANY, max_size=6),
    st.sampled_from(["started", "updated", "completed"]),
    st.sampled_from(ITEMS),
    st.dictionaries(st.sampled_from(NAMES), ANY, max_size=3),
    KINDS,
)
@example({"changes": [{"path": "\x1b]0;owned\x07"}]}, "completed", "file_change", {}, "error")
def test_no_event_raises_or_shows_anything_that_a_terminal_obeys(
    fields: dict[str, Any], kind: str, what: str, other: dict[str, Any], kind_of_other: str
) -> None:
    whole = {"type": f"item.{kind}", "item": {**fields, "type": what}}
    for event in (whole, {**other, "type": kind_of_other}):
        text, said = shown(event), answer_of(event)
        lines = ([text] if text else []) + list(answer(said) if said is not None else [])
        session_of(event), tokens_of(event), message_of(event)
        plain = "\n".join(line.plain for line in lines)
        assert not [
            c for c in plain if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")
        ]


@given(st.text(st.sampled_from("a`# \n*_<>[]()")))
def test_every_character_of_an_answer_stays(text: str) -> None:
    assert "\n".join(line.plain for line in answer(text)) == text.strip("\n").rstrip()


def test_prose_is_broken_between_words_and_code_is_not() -> None:
    lines = list(answer("some prose\n```\ncode\n```\nprose"))
    assert [line.no_wrap for line in lines] == [False, None, None, None, False]


LINES = [
    ran("ls", "a"),
    item("completed", "agent_message", text="two\nlin\x9bes"),
    item("completed", "error", message="hm"),
]


@pytest.mark.parametrize(
    ("view", "out", "err"),
    [
        (View(), "two\nlins\n", "  a\nhm\ncodex-tmux: a note\n3 s\n"),
        (JsonView(), "".join(f"{line}\n" for line in LINES), "codex-tmux: a note\n"),
    ],
)
def test_what_goes_where(view: View, out: str, err: str, capsys: pytest.CaptureFixture[str]) -> None:
    for line in LINES:
        view.event(object_in(line), line)
    view.note("a\nnote", bad=True)
    view.working(True)
    view.ended("3 s")
    seen = capsys.readouterr()
    assert (seen.out, seen.err) == (out, err)
