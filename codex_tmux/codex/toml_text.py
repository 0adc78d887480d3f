"""Where things stand in the text of a TOML document.

For changes that must leave every other byte alone. A parser that can write again is not enough: tomlkit 0.15
puts a new last key behind the comment that belongs to the next table, adds a missing final newline, closes
up inline tables, and loses the comma of an array whose last item has a comment. So: offsets, and splices.

Everything here takes text that a TOML parser has accepted; on other text the answers mean nothing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TOKEN = re.compile(
    r'(?P<string>"""(?:\\[\s\S]|[^\\])*?"""(?:"{0,2})'
    r"|'''[\s\S]*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*')"
    r"|(?P<comment>#[^\r\n]*)"
    r"|(?P<newline>\r?\n)"
    r"|(?P<space>[ \t]+)"
    r"|(?P<open>[\[{])"
    r"|(?P<close>[\]}])"
    r"|(?P<comma>,)"
    r"|(?P<equals>=)"
    r"|(?P<dot>\.)"
    r"|(?P<bare>[^\s\[\]{},=\"'#.]+)"
)

Key = tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    """A table header, or a key with its value."""

    header: bool
    path: Key
    """The key from the root of the document; the table's own for a header."""
    table: Key
    """The table (by header) it stands in; for a header, its own path."""
    start: int
    """Where its line begins, indentation included."""
    value: int
    """Where the value begins; for a header, where the header does."""
    end: int
    """Behind the value or the header; a comment may follow."""
    line_end: int
    """Behind the newline of its last line, or the end of the text."""


@dataclass(frozen=True)
class Element:
    """One item of an array, or one entry of an inline table."""

    start: int
    end: int
    comma: int | None
    """Behind the comma that follows, None where none does."""


def _key(text: str, pos: int) -> tuple[Key, int]:
    """The (dotted) key at `pos`, and where the token behind it begins."""
    path: list[str] = []
    for token in TOKEN.finditer(text, pos):
        if token.lastgroup == "bare":
            path.append(token[0])
        elif token.lastgroup == "string":
            path.append(tomllib.loads(f"k = {token[0]}")["k"])
        elif token.lastgroup not in ("space", "dot"):
            return tuple(path), token.start()
    return tuple(path), len(text)


def statements(text: str) -> Iterator[Statement]:
    """Every statement of the document, in the order it is written."""
    table: Key = ()
    pos = line = 0
    while token := TOKEN.match(text, pos):
        if token.lastgroup == "newline":
            pos = line = token.end()
        elif token.lastgroup in ("space", "comment"):
            pos = token.end()
        else:
            header = token.lastgroup == "open"
            value = token.start()
            if header:
                path, end = _key(text, re.compile(r"\[+").match(text, value).end())  # type: ignore[union-attr]
                table = path
            else:
                key, equals = _key(text, value)
                path = table + key
                value = TOKEN.match(text, equals).end()  # type: ignore[union-attr]
            end = value
            depth = 0
            line_end = len(text)
            for token in TOKEN.finditer(text, value):
                if token.lastgroup == "newline" and not depth:
                    line_end = token.end()
                    break
                if token.lastgroup not in ("newline", "space", "comment"):
                    end = token.end()
                    depth += {"open": 1, "close": -1}.get(token.lastgroup or "", 0)
            value += len(text[value:end]) - len(text[value:end].lstrip())
            yield Statement(header, path, table, line, value, end, line_end)
            pos = line = line_end


def elements(text: str, start: int, end: int) -> list[Element]:
    """What the array or inline table written in `text[start:end]` (brackets included) holds."""
    found: list[Element] = []
    first = last = None
    depth = 0
    for token in TOKEN.finditer(text, start + 1, end - 1):
        if token.lastgroup in ("newline", "space", "comment"):
            continue
        if token.lastgroup == "comma" and not depth:
            assert first is not None
            assert last is not None
            found.append(Element(first, last, token.end()))
            first = last = None
            continue
        depth += {"open": 1, "close": -1}.get(token.lastgroup or "", 0)
        first = token.start() if first is None else first
        last = token.end()
    if first is not None and last is not None:
        found.append(Element(first, last, None))
    return found


def entry(text: str, element: Element) -> tuple[Key, int]:
    """The key of an inline table's entry, and where its value begins."""
    key, equals = _key(text, element.start)
    value = equals + 1
    return key, value + len(text[value:]) - len(text[value:].lstrip())


def newline_of(text: str) -> str:
    """The newline most lines of `text` end with."""
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"


def line_start(text: str, pos: int) -> int:
    """Where the line with offset `pos` begins."""
    return text.rfind("\n", 0, pos) + 1


def rest_of_line(text: str, pos: int) -> str:
    """From `pos` to the end of its line, without the newline."""
    end = text.find("\n", pos)
    return text[pos : len(text) if end < 0 else end].removesuffix("\r")


def splice(text: str, changes: list[tuple[int, int, str]]) -> str:
    """`text` with every `(start, end, new)` put in; the spans do not overlap."""
    for start, end, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def append_element(text: str, start: int, end: int, new: str) -> str:
    """Put `new` last into the array or inline table `text[start:end]`, written as its last element is."""
    old = elements(text, start, end)
    newline = newline_of(text)
    if not old:
        inside = text[start + 1 : end - 1]
        if "\n" in inside:
            last = line_start(text, end - 1)
            indent = re.search(r"^[ \t]*(?=#)", inside, re.M)
            return splice(text, [(last, last, (indent[0] if indent else "  ") + new + newline)])
        pad = inside or (" " if text[start] == "{" else "")
        return splice(text, [(start + 1, end - 1, pad + new + pad)])
    last_one = old[-1]
    behind = last_one.comma or last_one.end
    indent_start = line_start(text, last_one.start)
    own_line = indent_start > start and not text[indent_start : last_one.start].strip()
    rest = rest_of_line(text, behind)
    if own_line and (not rest.strip() or rest.lstrip().startswith("#")):
        at = behind + len(rest)
        line = newline + text[indent_start : last_one.start] + new
        if last_one.comma:
            return splice(text, [(at, at, line + ",")])
        if at == behind:
            return splice(text, [(at, at, "," + line)])
        return splice(text, [(behind, behind, ","), (at, at, line)])
    if last_one.comma:
        return splice(text, [(behind, behind, f" {new},")])
    return splice(text, [(behind, behind, f", {new}")])


def drop_element(text: str, start: int, end: int, index: int) -> str:
    """Take element `index` out of the array or inline table `text[start:end]`: undoes `append_element`."""
    old = elements(text, start, end)
    gone = old[index]
    behind = gone.comma or gone.end
    rest = rest_of_line(text, behind)
    changes: list[tuple[int, int, str]] = []
    before = line_start(text, gone.start)
    if before > start and not text[before : gone.start].strip():  # it begins a line
        if rest.strip():
            changes.append((gone.start, behind + len(rest) - len(rest.lstrip()), ""))
        elif len(old) == 1:
            changes.append((before, behind + len(rest) + len(newline_of(text)), ""))
        else:
            previous = before - (2 if text[before - 2 : before] == "\r\n" else 1)
            changes.append((previous, behind, ""))
    elif index:
        space = gone.start - len(text[: gone.start]) + len(text[: gone.start].rstrip(" \t"))
        changes.append((space, behind, ""))
    elif len(old) > 1:
        changes.append((gone.start, behind + len(rest) - len(rest.lstrip()), ""))
    elif text[start] == "{":
        changes.append((start + 1, end - 1, ""))
    else:
        inside = text[start + 1 : gone.start]
        same = inside and text[behind : end - 1] == inside and not inside.strip()
        changes.append((gone.start, behind + (len(inside) if same else 0), ""))
    if index and gone.comma is None:  # the comma in front would be left over
        comma = old[index - 1].comma
        assert comma is not None
        changes.append((comma - 1, comma, ""))
    return splice(text, changes)
