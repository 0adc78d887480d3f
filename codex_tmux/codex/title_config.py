"""The text of Codex's `config.toml`: does it put the session id into the title, and how to make it do so."""

from __future__ import annotations

import copy
import sys
from dataclasses import dataclass
from typing import Any, Literal

from codex_tmux.codex import toml_text
from codex_tmux.codex.toml_text import Statement
from codex_tmux.errors import Problem

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

THREAD_ID = "thread-id"
"""Since Codex 0.137."""
SESSION_ID = "session-id"
"""Since Codex 0.130; the same id, and later versions still know it."""
DEFAULT_ITEMS = ["activity", "project-name"]
"""What Codex shows where `terminal_title` is not set."""

Made = Literal["item", "list", "table"]
"""The largest thing a change put in: an item of a list, the list with its key, or the `[tui]` header too."""

BOM = "\ufeff"


@dataclass(frozen=True)
class Change:
    """A changed config and what was put in."""

    text: str
    made: Made


def _load(text: str) -> dict[str, Any]:
    """`text` parsed; floats stay text, so that nan equals nan when two documents are compared."""
    try:
        data: dict[str, Any] = tomllib.loads(text, parse_float=str)
    except ValueError as e:
        raise Problem(f"not valid TOML: {e}; mend it first") from e
    return data


def _items(data: dict[str, Any]) -> list[str] | None:
    """The items of `tui.terminal_title`, None where it is not set."""
    tui = data.get("tui", {})
    if not isinstance(tui, dict):
        raise Problem("`tui` is not a table; mend it first")
    items = tui.get("terminal_title")
    if items is not None and not (isinstance(items, list) and all(isinstance(i, str) for i in items)):
        raise Problem(
            "`tui.terminal_title` is not a list of item names; Codex does not start so; mend it first"
        )
    return items


def _shows(items: list[str] | None, item: str) -> bool:
    return items is not None and (item in items or SESSION_ID in items)


def title_items(text: str) -> list[str] | None:
    """The title's items as the config names them, None where it does not; Problem where it cannot be read."""
    return _items(_load(text.removeprefix(BOM)))


def title_has_id(text: str, item: str = THREAD_ID) -> bool:
    """Whether this config makes a Codex that knows `item` put the session id into the title.

    >>> title_has_id('[tui]\\nterminal_title = ["activity", "thread-id"]')
    True
    >>> title_has_id('model = "gpt-5"')
    False
    """
    return _shows(title_items(text), item)


@dataclass(frozen=True)
class _Title:
    """Where the list is written: its span, its statement, and its inline table if it stands in one."""

    start: int
    end: int
    statement: Statement
    inline: int | None


def _find(text: str) -> _Title | None:
    for found in toml_text.statements(text):
        if found.header:
            continue
        if found.path == ("tui", "terminal_title"):
            return _Title(found.value, found.end, found, None)
        if found.path == ("tui",):
            for n, element in enumerate(toml_text.elements(text, found.value, found.end)):
                key, value = toml_text.entry(text, element)
                if key == ("terminal_title",):
                    return _Title(value, element.end, found, n)
    return None


def _array(items: list[str]) -> str:
    return "[" + ", ".join(f'"{i}"' for i in items) + "]"


def _insert_lines(text: str, at: int, lines: list[str]) -> str:
    """Put whole lines in at `at`, a line's begin or the end of the text; a missing final newline stays so."""
    newline = toml_text.newline_of(text)
    block = newline.join(lines)
    if at == len(text) and text and not text.endswith("\n"):
        return text + newline + block
    return text[:at] + block + newline + text[at:]


def _add_list(text: str, items: list[str]) -> Change:
    """Write the list where there is none, at the one place that does not define `tui` a second time."""
    found = list(toml_text.statements(text))
    line = f"terminal_title = {_array(items)}"

    def behind(last: Statement, line: str) -> Change:
        indent = text[last.start :][: len(text[last.start :]) - len(text[last.start :].lstrip(" \t"))]
        return Change(_insert_lines(text, last.line_end, [indent + line]), "list")

    in_tui = [s for s in found if s.table == ("tui",) and (s.header or s.path[0] == "tui")]
    if in_tui:
        return behind(in_tui[-1], line)
    for s in found:
        if not s.header and s.path == ("tui",):
            return Change(toml_text.append_element(text, s.value, s.end, line), "list")
    dotted = [s for s in found if not s.header and not s.table and s.path[0] == "tui"]
    if dotted:
        return behind(dotted[-1], "tui." + line)
    for s in found:
        if s.header and s.path[0] == "tui":  # [tui.something] only: in front of it and of the comment on it
            at = s.start
            while at and text[: at - 1].rpartition("\n")[2].lstrip().startswith("#"):
                at = toml_text.line_start(text, at - 1)
            return Change(_insert_lines(text, at, ["[tui]", line, ""]), "table")
    gap = [""] if text.strip() and not text.endswith(("\n\n", "\n\r\n")) else []
    return Change(_insert_lines(text, len(text), [*gap, "[tui]", line]), "table")


def _checked(new: str, want: dict[str, Any]) -> str:
    """`new`, which must say what is wanted and no more: a wrong guess about the text must not get out."""
    try:
        right = tomllib.loads(new, parse_float=str) == want
    except ValueError:
        right = False
    if not right:
        raise Problem("cannot be changed safely; change `terminal_title` under `[tui]` by hand")
    return new


def change_adding(text: str, item: str = THREAD_ID) -> Change | None:
    """The config with `item` last in its title, None where the title has the id already.

    An unset title gets Codex's default items in front. A title the user emptied gets the id alone.
    Problem where the text is not TOML, or `tui.terminal_title` is no list of names.
    """
    bom = BOM if text.startswith(BOM) else ""
    text = text.removeprefix(BOM)
    data = _load(text)
    items = _items(data)
    if _shows(items, item):
        return None
    want = copy.deepcopy(data)
    want.setdefault("tui", {})["terminal_title"] = [*(DEFAULT_ITEMS if items is None else items), item]
    if items is None:
        change = _add_list(text, [*DEFAULT_ITEMS, item])
    else:
        title = _find(text)
        if title is None:
            raise Problem("cannot be changed safely; change `terminal_title` under `[tui]` by hand")
        change = Change(toml_text.append_element(text, title.start, title.end, f'"{item}"'), "item")
    return Change(bom + _checked(change.text, want), change.made)


def add_item(text: str, item: str = THREAD_ID) -> str:
    """The config with `item` in its title; the same text where the title has the id already.

    >>> add_item('[tui]\\nterminal_title = ["git-branch"] # mine')
    '[tui]\\nterminal_title = ["git-branch", "thread-id"] # mine'
    """
    change = change_adding(text, item)
    return text if change is None else change.text


def _drop_list(text: str, title: _Title, made: Made) -> str:
    s = title.statement
    if title.inline is not None:
        return toml_text.drop_element(text, s.value, s.end, title.inline)
    if text[s.end : s.line_end].strip():  # somebody's comment behind it stays
        return text[: s.start] + text[s.end : s.line_end].lstrip() + text[s.line_end :]
    start, end = s.start, s.line_end
    section = [o for o in toml_text.statements(text) if o.table == ("tui",)]
    if made == "table" and len(section) == 2 and section[0].header:
        header = section[0]
        # A comment in the table is somebody's: then the empty table stays around it.
        if not text[header.end : start].strip() and not text[end:].lstrip(" \t").startswith("#"):
            start = header.start
            blank = toml_text.rest_of_line(text, end) == "" and end < len(text)
            if blank:
                end = text.index("\n", end) + 1
            elif text[:start].endswith(("\n\n", "\n\r\n")):
                start = toml_text.line_start(text, start - 1)
    if end == len(text) and not text.endswith("\n"):
        return text[:start].removesuffix("\n").removesuffix("\r")
    return text[:start] + text[end:]


def remove_item(text: str, item: str = THREAD_ID, made: Made = "item") -> str:
    """The config without `item` (its last mention in the title); the same text where it is not there.

    `made` is what the change that added it had put in: a list or a table goes too, where nothing but the
    defaults is left in it.

    >>> remove_item('[tui]\\nterminal_title = ["git-branch", "thread-id"] # mine')
    '[tui]\\nterminal_title = ["git-branch"] # mine'
    """
    bom = BOM if text.startswith(BOM) else ""
    text = text.removeprefix(BOM)
    data = _load(text)
    items = _items(data)
    title = _find(text)
    if items is None or item not in items or title is None:
        return bom + text
    index = len(items) - 1 - items[::-1].index(item)
    left = items[:index] + items[index + 1 :]
    want = copy.deepcopy(data)
    if made != "item" and left == DEFAULT_ITEMS:
        del want["tui"]["terminal_title"]
        new = _drop_list(text, title, made)
        if not want["tui"] and "tui" not in _load(new):
            del want["tui"]
    else:
        want["tui"]["terminal_title"] = left
        new = toml_text.drop_element(text, title.start, title.end, index)
    return bom + _checked(new, want)
