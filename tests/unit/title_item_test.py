"""The session id's item in the text of Codex's config: put in where that is safe, taken out again, else refused."""

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codex_tmux.codex.title_config import items_for, title_has_id
from codex_tmux.errors import Problem
from codex_tmux.setup.title_item import with_items, without_items
from tests.conftest import FUZZ

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LINE = 'terminal_title = ["activity", "thread-id", "thread-title", "project-name"]'
TABLE = f"[tui]\n{LINE}\n"

EDITED = {
    "nothing": ("", TABLE),
    "no tui": ("a = 1\n", "a = 1\n\n" + TABLE),
    "no final newline": ("a = 1", "a = 1\n\n" + TABLE),
    "crlf": ("a = 1\r\n", f"a = 1\r\n\r\n[tui]\r\n{LINE}\r\n"),
    "byte order mark": ("\ufeffa = 1\n", "\ufeffa = 1\n\n" + TABLE),
    "empty table": ("[tui]\n[b]\n", TABLE + "[b]\n"),
    "table with a comment": ("[a]\n [ tui ] # t\n  y = 1\n", f"[a]\n [ tui ] # t\n{LINE}\n  y = 1\n"),
    "sub-table only": ("[tui.z]\nq = 1\n", "[tui.z]\nq = 1\n\n" + TABLE),
    "list": (
        '[tui]\nterminal_title = ["a"] # ]\n',
        '[tui]\nterminal_title = ["thread-id", "thread-title", "a"] # ]\n',
    ),
    "list with activity": (
        "[tui]\n\tterminal_title=[ 'x', 'activity' , \"b\", ]\n",
        '[tui]\n\tterminal_title=[ \'x\', \'activity\', "thread-id", "thread-title" , "b", ]\n',
    ),
    "emptied": ("[tui]\nterminal_title = []\n", '[tui]\nterminal_title = ["thread-id", "thread-title"]\n'),
}


@pytest.mark.parametrize(("before", "after"), EDITED.values(), ids=EDITED)
def test_puts_the_items_in_and_takes_them_out_again(before: str, after: str) -> None:
    assert with_items(before)[0] == after
    assert not title_has_id(before)
    assert title_has_id(after)
    assert with_items(after) == (after, "")
    assert without_items(after, before) == before


BEHIND_THE_ID = [
    ('[tui]\nterminal_title = ["a", "thread-id", "b"]\n', ', "thread-title"'),
    ('[tui]\nterminal_title = ["session-id"]\n', ', "thread-title"'),
    ('[tui]\nterminal_title = ["thread-title", "thread-id"]\n', ""),
    ('[tui]\nterminal_title = [\n"thread-id"]\n', ""),  # not a layout that is edited; the id is what counts
]


@pytest.mark.parametrize(("text", "inserted"), BEHIND_THE_ID)
def test_a_title_that_has_the_id_gets_the_name(text: str, inserted: str) -> None:
    assert with_items(text) == (text.replace('-id"', f'-id"{inserted}'), inserted)
    assert without_items(with_items(text)[0], text) == text


HAS_ID = [
    ('[tui]\nterminal_title = ["thread-id"]\n', "thread-id", True),
    ('tui = { terminal_title = ["session-id"] }\n', "thread-id", True),
    ('[tui]\nterminal_title = ["thread-id"]\n', "session-id", False),  # which 0.136 does not know
    ('[tui]\nterminal_title = ["activity"]\n', "thread-id", False),
]


@pytest.mark.parametrize(("text", "item", "has"), HAS_ID)
def test_a_title_that_has_the_id_is_left(text: str, item: str, has: bool) -> None:
    assert title_has_id(text, item) is has
    assert (with_items(text, (item,))[0] == text) is has


REFUSED = [
    ('tui.terminal_title = "thread-id"', "not a list"),
    ("tui.terminal_title = [1]", "not a list"),
    ("tui = 1", "not a table"),
    ("[[tui]]", "not a table"),
    ("a = 1\nb = = 2", "line 2, column 5"),
    ("tui.x = 1\n", "by hand, under `tui`: " + LINE),
    ("tui = { x = 1 }\n", "by hand, under `tui`: " + LINE),
    (
        'tui.terminal_title = ["a"]\n',
        'by hand, under `tui`: terminal_title = ["thread-id", "thread-title", "a"]',
    ),
    (
        'tui = { terminal_title = ["é"] }\n',
        'by hand, under `tui`: terminal_title = ["thread-id", "thread-title", "é"]',
    ),
    (
        '[tui]\nterminal_title = [\n  "activity",\n]\n',
        'terminal_title = ["activity", "thread-id", "thread-title"]',
    ),
    ("a = '''\n[tui]\n'''\n[tui]\n", "by hand, under `tui`: " + LINE),
    (
        '[a]\nterminal_title = ["b"]\n[tui]\nterminal_title = ["b"]\n',
        'terminal_title = ["thread-id", "thread-title", "b"]',
    ),
]


@pytest.mark.parametrize(("text", "says"), REFUSED)
def test_refuses_and_says_what_to_do(text: str, says: str) -> None:
    with pytest.raises(Problem) as refused:
        with_items(text)
    assert says in str(refused.value)


OURS = f"a = 1\n\n{TABLE}"
TAKEN_OUT = {
    "a key beside our line": (OURS + "x = 1\n", "a = 1\n", "a = 1\n\n[tui]\nx = 1\n"),
    "a comment behind our list": (
        '[tui]\nterminal_title = ["thread-id", "thread-title", "a"] # x\n',
        '[tui]\nterminal_title = ["a"]\n',
        '[tui]\nterminal_title = ["a"] # x\n',
    ),
    "more items beside ours": (
        '[tui]\nterminal_title = ["thread-id", "thread-title", "a", "b"]\n',
        '[tui]\nterminal_title = ["a"]\n',
        '[tui]\nterminal_title = ["a", "b"]\n',
    ),
    "other line ends": (OURS, "a = 1\r\n", "a = 1\n"),
    "not there": ("a = 1\n", "", "a = 1\n"),
}


@pytest.mark.parametrize(("text", "before", "after"), TAKEN_OUT.values(), ids=TAKEN_OUT)
def test_takes_out_no_more_than_its_own(text: str, before: str, after: str) -> None:
    assert without_items(text, before) == after


@pytest.mark.parametrize(
    "text", [OURS.replace('"activity", ', ""), '[tui]\nterminal_title = ["thread-title", "b", "thread-id"]\n']
)
def test_what_was_changed_since_is_taken_out_by_hand(text: str) -> None:
    with pytest.raises(Problem, match='take "thread-id" out of `terminal_title` by hand'):
        without_items(text, "a = 1\n")


PARTS = [
    "[tui]\n", "[ tui ] # t\n", "[tui.sub]\n", "[a]\n", "[[b]]\n", "# [tui]\n", "\n", "  # terminal_title = []\n",
    "x = 1\n", "y = nan\n", "z = '''\n[tui]\nterminal_title = []\n'''\n", "tui.q = 1\n", "tui = {}\n",
    'terminal_title = ["activity", "b"] # ["activity"]\n', "terminal_title = [ 'b', ]\n", "terminal_title = [\n]\n",
]  # fmt: skip


def parsed(text: str) -> dict[str, Any]:
    data: dict[str, Any] = tomllib.loads(text.removeprefix("\ufeff"), parse_float=str)
    return data


@settings(max_examples=FUZZ or 400)
@given(
    st.lists(st.sampled_from(PARTS), max_size=6, unique=True).map("".join),
    st.sampled_from(["", "\ufeff"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_any_document_gets_the_one_key_and_nothing_else(
    text: str, bom: str, newline: str, ends: bool
) -> None:
    text = bom + (text if ends else text.removesuffix("\n")).replace("\n", newline)
    try:
        new, _ = with_items(text)
    except Problem:
        return
    after, before = parsed(new), parsed(text)
    items = before.get("tui", {}).pop("terminal_title", ["activity", "project-name"])
    at = items.index("activity") + 1 if "activity" in items else 0
    assert after["tui"].pop("terminal_title") == [*items[:at], "thread-id", "thread-title", *items[at:]]
    assert {"tui": {}, **after} == {"tui": {}, **before}
    assert newline == "\n" or "\n" not in new.replace("\r\n", "") or "\r\n" not in text
    assert without_items(new, text) == text, "every byte is back"


ITEMS = [
    ((0, 169, 0), ("thread-id", "thread-title")),
    ((0, 144, 0), ("thread-id", "thread-title")),
    ((0, 143, 9), ("thread-id",)),
    ((0, 136, 9), ("session-id",)),
    ((0, 130, 0), ("session-id",)),
    (None, ("thread-id", "thread-title")),
]


@pytest.mark.parametrize(("version", "items"), ITEMS)
def test_the_items_that_this_codex_knows(
    version: tuple[int, int, int] | None, items: tuple[str, ...]
) -> None:
    assert items_for(version) == items


def test_a_codex_without_such_an_item() -> None:
    with pytest.raises(Problem, match="not available in that version"):
        items_for((0, 129, 9))
