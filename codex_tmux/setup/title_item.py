"""The session's items in the title: put into the text of a `config.toml`, and taken out again.

Two layouts are edited: `terminal_title = […]` on one line, and a config without a `terminal_title`. An edit is a guess
where to put the text, which a TOML parser then confirms: the title is the one wanted, and nothing else has changed.
What no guess fits is left to the user. So no byte that the user wrote is touched.
"""

import json
import re
from collections.abc import Iterator, Sequence

from codex_tmux.codex.title_config import (
    BOM,
    DEFAULT_ITEMS,
    SESSION_ID,
    THREAD_ID,
    THREAD_TITLE,
    Config,
    missing_items,
    split_config,
)
from codex_tmux.errors import Problem

ITEMS = (THREAD_ID, THREAD_TITLE)
HEADER = re.compile(r"^[ \t]*\[[ \t]*tui[ \t]*\][ \t]*(?:#[^\r\n]*)?(\r?\n|\Z)", re.MULTILINE)
TITLE = re.compile(r"^[ \t]*terminal_title[ \t]*=[ \t]*\[[ \t]*(.*)\]", re.MULTILINE)


def with_items(text: str, items: tuple[str, ...] = ITEMS) -> tuple[str, str]:
    """The config with `items` in its title, and what was put in; the same text and "" where it has them.

    They come early, behind `activity`: Codex cuts a title at 240 characters. An unset title gets Codex's default items
    too. Raises Problem where the text is not TOML, or has a layout that is not edited.

    >>> with_items('[tui]\\nterminal_title = ["activity", "git-branch"]', ("thread-id",))
    ('[tui]\\nterminal_title = ["activity", "thread-id", "git-branch"]', ', "thread-id"')
    """
    rest, has = split_config(text)
    missing = missing_items(has, items)
    if not missing:
        return text, ""
    items_now = list(DEFAULT_ITEMS if has is None else has)
    before = next((i for i in (THREAD_ID, SESSION_ID, "activity") if i in items_now), "")
    at = items_now.index(before) + 1 if before else 0
    wanted = [*items_now[:at], *missing, *items_now[at:]]
    bom = BOM * text.startswith(BOM)
    body = text.removeprefix(BOM)
    places = _for_a_line(body, wanted) if has is None else _for_items(body, has, missing, before)
    for at, inserted in places:
        new = bom + body[:at] + inserted + body[at:]
        if _says(new, rest, [wanted]):
            return new, inserted
    if missing == [THREAD_TITLE]:
        return text, ""  # the id is what counts, and it is there
    raise Problem(
        "setup cannot safely edit this layout; set it by hand, under `tui`: "
        f"terminal_title = {json.dumps(wanted, ensure_ascii=False)}"
    )


def without_items(text: str, items: Sequence[str] = ITEMS, inserted: str = "") -> str:
    """The config without `items` in its title; the same text where they are not there.

    `inserted` is what setup put in: if it was the whole list, that goes too, unless other items than the default ones
    are in it now. Raises Problem as `with_items` does.

    >>> without_items('[tui]\\nterminal_title = ["activity", "thread-id"] # mine')
    '[tui]\\nterminal_title = ["activity"] # mine'
    """
    has = split_config(text)[1] or []
    there = [i for i in items if i in has]
    if not there:
        return text
    new = _cut(text, [i for i in has if i not in there], json.dumps(there)[1:-1], inserted)
    if new is not None:
        return new
    if there[1:]:  # apart from each other by now
        return without_items(without_items(text, there[:1], inserted), there[1:], inserted)
    raise Problem(f'setup cannot safely edit this layout; take "{there[0]}" out of `terminal_title` by hand')


def _cut(text: str, left: list[str], quoted: str, inserted: str) -> str | None:
    """The text without the quoted items, so that these are left in the title; None where no cut does that."""
    rest = split_config(text)[0]
    wanted: list[list[str] | None] = [left]
    if "terminal_title" in inserted and left == DEFAULT_ITEMS:
        wanted.append(None)
    for found in _occurrences(text, inserted, quoted):
        new = text[: found.start()] + text[found.end() :]
        if _says(new, rest, wanted):
            return new
    return None


def _occurrences(text: str, inserted: str, quoted: str) -> Iterator[re.Match[str]]:
    """Where the items stand, with what may have come with them, the most of it first."""
    line = [line for line in inserted.splitlines(keepends=True) if "terminal_title" in line]
    for piece in (inserted, *line, f", {quoted}", f"{quoted}, ", f"{quoted},", quoted):
        if piece:
            yield from re.finditer(re.escape(piece), text)


def _for_a_line(text: str, items: list[str]) -> Iterator[tuple[int, str]]:
    newline = "\r\n" if "\r\n" in text else "\n"
    line = f"terminal_title = {json.dumps(items)}"
    for header in HEADER.finditer(text):
        yield header.end(), line + newline if header[1] else newline + line
    gap = "" if text.endswith(("\n\n", "\n\r\n")) or not text.strip() else newline
    gap = gap if text.endswith("\n") or not text else newline + gap
    yield len(text), f"{gap}[tui]{newline}{line}{newline}"


def _for_items(text: str, has: list[str], missing: list[str], before: str) -> Iterator[tuple[int, str]]:
    """Where the missing items may stand in a list on one line, behind `before`, and what to put there."""
    quoted = json.dumps(missing)[1:-1]
    for title in TITLE.finditer(text):
        found = re.compile(rf"""(["']){re.escape(before)}\1""").search(text, *title.span(1))
        if before and found:
            yield found.end(), f", {quoted}"
        else:
            yield title.start(1), quoted + (", " if has else "")


def _says(text: str, rest: Config, titles: list[list[str] | None]) -> bool:
    try:
        new_rest, title = split_config(text)
    except Problem:
        return False
    return new_rest == rest and title in titles
