"""The session's items in the title: put into the text of a `config.toml`, and taken out again.

Two layouts are edited: `terminal_title = […]` on one line, and a config without a `terminal_title`. An edit is one
guess where to put the text, which a TOML parser then confirms: the title is the one wanted, and nothing else has
changed. Where it is not, the user is told what to write. So no byte that the user wrote is touched.
"""

import json
import re

from codex_tmux.codex.title_config import (
    DEFAULT_ITEMS,
    SESSION_ID,
    THREAD_ID,
    THREAD_TITLE,
    missing_items,
    split_config,
)
from codex_tmux.errors import Problem

ITEMS = (THREAD_ID, THREAD_TITLE)
HEADER = re.compile(r"^[ \t]*\[[ \t]*tui[ \t]*\][ \t]*(?:#[^\r\n]*)?\r?\n", re.MULTILINE)
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
    place, inserted = line_for(text, wanted) if has is None else items_in_line(text, missing, before)
    new = text[:place] + inserted + text[place:]
    if says(new, rest, wanted):
        return new, inserted
    if missing == [THREAD_TITLE]:
        return text, ""  # the id is what counts, and it is there
    raise Problem(
        "setup cannot safely edit this layout; set it by hand, under `tui`: "
        f"terminal_title = {json.dumps(wanted, ensure_ascii=False)}"
    )


def without_items(text: str, before: str) -> str:
    """The config without what setup put in when it read `before`; the same text where that is not there.

    Where the table has got other keys since, it stays, and the line goes. Raises Problem where what was put in has
    itself been changed since.

    >>> without_items('[tui]\\nterminal_title = ["thread-id", "a"] # x', '[tui]\\nterminal_title = ["a"]')
    '[tui]\\nterminal_title = ["a"] # x'
    """
    rest, title = split_config(text)
    has, had = title or [], split_config(before)[1]
    put_in = tuple(i for i in missing_items(had, (SESSION_ID, *ITEMS)) if i in has)
    if not put_in:
        return text
    # Codex, which writes the file too, writes every line end anew.
    before = before.replace("\r\n", "\n").replace("\n", newline_of(text))
    inserted = with_items(before, put_in)[1]
    left = None if had is None else [i for i in has if i not in put_in]
    for piece in (inserted, re.sub(r"^\s*\[tui\]\s*", "", inserted)):
        new = text.replace(piece, "", 1)
        if says(new, rest, left):
            return new
    raise Problem(f'it was changed since setup wrote it; take "{put_in[0]}" out of `terminal_title` by hand')


def newline_of(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def line_for(text: str, items: list[str]) -> tuple[int, str]:
    """Where the line that sets the title goes, and that line: below the table's header, else with one at the end."""
    newline = newline_of(text)
    line = f"terminal_title = {json.dumps(items)}{newline}"
    if header := HEADER.search(text):
        return header.end(), line
    gap = newline * (2 - text.endswith("\n")) if text else ""
    return len(text), f"{gap}[tui]{newline}{line}"


def items_in_line(text: str, missing: list[str], before: str) -> tuple[int, str]:
    """Where the missing items go in a title on one line, behind `before`, and what to put there."""
    quoted = json.dumps(missing)[1:-1]
    title = TITLE.search(text)
    if title is None:
        return 0, ""
    found = re.compile(rf"""(["']){re.escape(before)}\1""").search(text, *title.span(1))
    if before and found:
        return found.end(), f", {quoted}"
    return title.start(1), quoted + (", " if title[1] else "")


def says(text: str, rest: dict[str, object], title: list[str] | None) -> bool:
    """Whether this text is a config with this title, and this beside it."""
    try:
        return split_config(text) == (rest, title)
    except Problem:
        return False
