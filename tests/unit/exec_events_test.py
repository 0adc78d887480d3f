from __future__ import annotations

import json
import re
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from codex_tmux.exec_events import (
    CommandEnded,
    CommandStarted,
    Done,
    Event,
    Failed,
    FilesChanged,
    Lines,
    Message,
    Notice,
    NotJson,
    Plan,
    Reasoning,
    Session,
    Started,
    Tool,
    Unknown,
    Usage,
    parse,
)

ID = "01a206de-8f3c-7a10-81b3-02aa28d1e23e"
PARENT = "01a206de-8f3c-7a10-81b3-000000000000"


def item(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, "item": {"id": "item_0", **fields}})


# As real Codex 0.169 printed them, shortened, and the forms of older ones.
SEEN: list[tuple[str, Event]] = [
    (f'{{"type":"thread.started","thread_id":"{ID}"}}', Session(ID)),
    (f'{{"type":"session_meta","payload":{{"id":"{ID}","session_id":"{PARENT}"}}}}', Session(ID)),
    (f'{{"id":"0","msg":{{"type":"session_configured","session_id":"{ID}","model":"m"}}}}', Session(ID)),
    (f'{{"type":"thread.started","thread_id":"{ID.upper()}"}}', Session(ID)),
    ('{"type":"thread.started","thread_id":"../../etc"}', Unknown("thread.started")),
    ('{"type":"turn.started"}', Started()),
    (item("item.completed", type="agent_message", text="hi"), Message("hi")),
    (item("item.completed", item_type="assistant_message", text="hi"), Message("hi")),
    ('{"id":"1","msg":{"type":"agent_message","message":"hi"}}', Message("hi")),
    (item("item.completed", type="reasoning", text="**so**"), Reasoning("**so**")),
    (item("item.started", type="command_execution", command="ls"), CommandStarted("ls")),
    (
        item("item.completed", type="command_execution", command="ls", aggregated_output="a\n", exit_code=0),
        CommandEnded("ls", "a\n", 0),
    ),
    (
        item("item.completed", type="command_execution", command="ls", exit_code=None, status="declined"),
        CommandEnded("ls", "", None),
    ),
    (
        item(
            "item.completed", type="file_change", changes=[{"path": "a", "kind": "add"}], status="completed"
        ),
        FilesChanged((("add", "a"),), True),
    ),
    (
        item("item.updated", type="todo_list", items=[{"text": "a", "completed": True}, {"text": "b"}]),
        Plan(((True, "a"), (False, "b"))),
    ),
    (item("item.completed", type="error", message="careful"), Notice("careful")),
    (
        item("item.completed", type="mcp_tool_call", server="s", tool="t", error={"message": "no"}),
        Tool("s.t", "no"),
    ),
    (item("item.completed", type="web_search", query="q"), Tool("web search: q", "")),
    (item("item.completed", type="collab_tool_call", status="completed"), Tool("collab tool call", "")),
    ('{"type":"error","message":"Reconnecting... 2/5"}', Failed("Reconnecting... 2/5", False)),
    ('{"type":"turn.failed","error":{"message":"429"}}', Failed("429", True)),
    (
        json.dumps({"type": "turn.failed", "error": {"message": '{"error":{"message":"inner"}}'}}),
        Failed("inner", True),
    ),
    (
        '{"type":"turn.completed","usage":{"input_tokens":100,"cached_input_tokens":10,"output_tokens":5}}',
        Done(Usage(100, 10, 5)),
    ),
    ('{"type":"turn.completed"}', Done(Usage())),
    ('{"type":"thread.archived"}', Unknown("thread.archived")),
    ("{}", Unknown("")),
    ("[1]", NotJson("[1]")),
    ("panicked at src/main.rs", NotJson("panicked at src/main.rs")),
    ('{"type":"turn.comple', NotJson('{"type":"turn.comple')),
]


@pytest.mark.parametrize(("line", "wanted"), SEEN)
def test_parse(line: str, wanted: Event) -> None:
    assert parse(line) == wanted


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    re.findall(
        r"\S+",
        "type item msg payload thread_id session_id id text "
        "command aggregated_output exit_code changes kind path items completed "
        "error message usage input_tokens output_tokens item_type status server "
        "tool query ",
    )
)
TYPES = st.sampled_from(
    re.findall(
        r"\S+",
        "thread.started session_meta turn.started turn.completed turn.failed error item.started item.updated "
        "item.completed agent_message reasoning command_execution file_change todo_list mcp_tool_call "
        "web_search session_configured task_complete ",
    )
)
EVENT_LIKE = st.recursive(
    TYPES | JSON,
    lambda children: st.dictionaries(NAMES, children, max_size=6) | st.lists(children, max_size=3),
    max_leaves=20,
)


@settings(deadline=None)  # a loaded machine is no failure
@given(st.text())
@example("[" * 100_000)
@example('{"a":' * 100_000)
@example("1" * 10_000)
@example("NaN")
@example('"\\ud800"')
def test_any_text_is_some_event(line: str) -> None:
    parse(line)


@settings(deadline=None)  # a loaded machine is no failure
@given(st.dictionaries(NAMES, EVENT_LIKE, max_size=6), TYPES)
def test_any_json_is_some_event(value: dict[str, Any], kind: str) -> None:
    event = parse(json.dumps({**value, "type": kind}))
    for part in event:
        assert isinstance(part, (str, bool, int, tuple)) or part is None


@settings(deadline=None)  # a loaded machine is no failure
@given(st.binary(), st.lists(st.integers(0, 200)))
@example(b"a\nb", [1])
def test_lines_do_not_depend_on_how_the_bytes_come(data: bytes, cuts: list[int]) -> None:
    lines = Lines()
    found = []
    at = 0
    for cut in [*sorted(cuts), len(data)]:
        found += list(lines.feed(data[at : max(at, cut)]))
        at = max(at, cut)
    wanted = [part.decode("utf-8", "replace").removesuffix("\r") for part in data.split(b"\n")]
    assert [*found, lines.rest()] == wanted


def test_a_monstrous_line_is_let_go_and_the_next_one_is_whole() -> None:
    lines = Lines()
    found = []
    tracemalloc.start()
    for _ in range(128):
        found += list(lines.feed(b"x" * (1 << 20)))
    found += list(lines.feed(b"\nnext\n"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found[0].startswith("xxx")
    assert len(found[0]) < 1000
    assert found[1] == "next"
    assert peak < 2 * Lines.LIMIT
