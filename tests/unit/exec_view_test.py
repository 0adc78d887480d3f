from __future__ import annotations

import asyncio
import io
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.text import Text

from codex_tmux.exec_events import (
    CommandEnded,
    CommandStarted,
    Event,
    Failed,
    FilesChanged,
    Message,
    Notice,
    NotJson,
    Plan,
    Reasoning,
    Tool,
    Usage,
)
from codex_tmux.exec_turn import Outcome
from codex_tmux.exec_view import JsonView, PlainView, TerminalView, duration, render, script_of, tokens_of

TEXT = st.text(st.one_of(st.sampled_from("\x1b\x07\x9b[]0;m`#\r\n\u202e\ud800"), st.characters()))
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Message, TEXT),
    st.builds(Reasoning, TEXT),
    st.builds(CommandStarted, TEXT),
    st.builds(CommandEnded, TEXT, TEXT, st.none() | st.integers()),
    st.builds(FilesChanged, st.lists(st.tuples(TEXT, TEXT)).map(tuple), st.booleans()),
    st.builds(Plan, st.lists(st.tuples(st.booleans(), TEXT)).map(tuple)),
    st.builds(Tool, TEXT, TEXT),
    st.builds(Notice, TEXT),
    st.builds(NotJson, TEXT),
    st.builds(Failed, TEXT, st.booleans()),
)


def obeyed(text: str) -> list[str]:
    return [c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]


@settings(deadline=None)  # a loaded machine is no failure
@given(EVENTS)
def test_no_event_reaches_the_terminal_with_anything_it_obeys(event: Event) -> None:
    text = render(event)
    assert text is None or not obeyed(text.plain)
    shown: list[Text] = []
    status: list[str] = []

    async def show(text: Text) -> None:
        shown.append(text)

    asyncio.run(TerminalView(show, status.append).event(event, ""))
    assert not obeyed("".join(t.plain for t in shown) + "".join(status))
    out, err = io.StringIO(), io.StringIO()
    asyncio.run(PlainView(out, err).event(event, ""))
    assert not obeyed(out.getvalue() + err.getvalue())


@settings(deadline=None)  # a loaded machine is no failure
@given(st.text(st.sampled_from("a`# \n*_<>[]()")))
def test_every_character_of_an_answer_stays(text: str) -> None:
    shown = render(Message(text))
    assert shown is not None
    assert shown.plain == text.strip("\n").rstrip()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_json_goes_through_as_it_is_but_not_to_a_terminal() -> None:
    line = '{"type":"x","text":"\x9b31m"}'
    pipe, terminal, err = io.StringIO(), Terminal(), io.StringIO()
    asyncio.run(JsonView(pipe, err).event(Message("x"), line))
    asyncio.run(JsonView(terminal, err).event(Message("x"), line))
    assert pipe.getvalue() == line + "\n"
    assert "\x9b" not in terminal.getvalue()
    asyncio.run(JsonView(pipe, err).event(NotJson("oops"), "oops"))
    assert pipe.getvalue() == line + "\n"
    assert "oops" in err.getvalue()


def test_plain_answers_go_to_stdout_and_the_rest_to_stderr() -> None:
    out, err = io.StringIO(), io.StringIO()
    view = PlainView(out, err)

    async def all_of_it() -> None:
        await view.event(CommandStarted("/bin/bash -lc 'ls -l'"), "")
        await view.event(Message("two\nlines"), "")
        await view.note("something")
        await view.ended(Outcome(None, None, True, True, False, 0, "", "", Usage(), 12.4), "3 in, 2 out")

    asyncio.run(all_of_it())
    assert out.getvalue() == "two\nlines\n"
    assert err.getvalue() == "$ ls -l\ncodex-tmux: something\n3 in, 2 out · 12 s\n"


def test_a_commands_output_is_cut_to_its_end() -> None:
    text = render(CommandEnded("x", "".join(f"line {i}\n" for i in range(1000)), 3))
    assert text is not None
    lines = text.plain.splitlines()
    assert lines[0] == "  … 988 lines before"
    assert lines[-2:] == ["  line 999", "  exit 3"]
    assert len(lines) == 14


def test_a_command_without_output() -> None:
    done, declined = render(CommandEnded("true", "", 0)), render(CommandEnded("rm", "", None))
    assert done is not None
    assert declined is not None
    assert done.plain == ""
    assert declined.plain == "  it did not run"


@pytest.mark.parametrize(
    ("command", "script"),
    [
        ("/bin/bash -lc 'echo hi; ls'", "echo hi; ls"),
        ("ls -l", "ls -l"),
        ("it's", "it's"),
        ("git -c a=b", "git -c a=b"),
    ],
)
def test_script_of(command: str, script: str) -> None:
    assert script_of(command) == script


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.42, "0.4 s"), (12.4, "12 s"), (59.99, "60 s"), (185, "3 min 05 s")]
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_tokens() -> None:
    assert tokens_of(None, None) == ""
    assert tokens_of(Usage(1000, 0, 234), None) == "1,234 tokens in the session"
    assert tokens_of(Usage(10, 5, 2), Usage()) == "10 in, 5 cached, 2 out"
    assert tokens_of(Usage(30, 5, 4), Usage(10, 5, 2)) == "20 in, 2 out · 34 in the session"
    # Compacted, or another session's count: the difference would mean nothing.
    assert tokens_of(Usage(5, 0, 0), Usage(10, 5, 2)) == "5 tokens in the session"
