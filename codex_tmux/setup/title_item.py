"""The session id's item in the title: put into the text of a `config.toml`, and taken out again.

Two layouts are edited: `terminal_title = […]` on one line, and a config without a `terminal_title`. An edit is a guess
where to put the text, which a TOML parser then confirms: the title is the one wanted, and nothing else has changed.
What no guess fits is left to the user. So no byte that the user wrote is touched.
"""

import json
import re
from collections.abc import Iterator

from codex_tmux.codex.title_config import BOM, DEFAULT_ITEMS, THREAD_ID, Config, shows_id, split_config
from codex_tmux.errors import Problem

HEADER = re.compile(r"^[ \t]*\[[ \t]*tui[ \t]*\][ \t]*(?:#[^\r\n]*)?(\r?\n|\Z)", re.MULTILINE)
TITLE = re.compile(r"^[ \t]*terminal_title[ \t]*=[ \t]*\[[ \t]*(.*)\]", re.MULTILINE)
ACTIVITY = re.compile(r"""(["'])activity\1""")


def with_item(text: str, item: str = THREAD_ID) -> tuple[str, str]:
    """The config with `item` in its title, and what was put in; the same text and "" where the title has the id.

    The item comes early, behind `activity`: Codex cuts a title at 240 characters. An unset title gets Codex's default
    items too. Raises Problem where the text is not TOML, or has a layout that is not edited.

    >>> with_item('[tui]\\nterminal_title = ["activity", "git-branch"]')
    ('[tui]\\nterminal_title = ["activity", "thread-id", "git-branch"]', ', "thread-id"')
    """
    rest, items = split_config(text)
    if shows_id(items, item):
        return text, ""
    wanted = list(DEFAULT_ITEMS if items is None else items)
    wanted.insert(wanted.index("activity") + 1 if "activity" in wanted else 0, item)
    bom = BOM * text.startswith(BOM)
    body = text.removeprefix(BOM)
    places = _for_a_line(body, wanted) if items is None else _for_an_item(body, items, item)
    for at, inserted in places:
        new = bom + body[:at] + inserted + body[at:]
        if _says(new, rest, [wanted]):
            return new, inserted
    raise Problem(
        "setup cannot safely edit this layout; set it by hand, under `tui`: "
        f"terminal_title = {json.dumps(wanted, ensure_ascii=False)}"
    )


def without_item(text: str, item: str = THREAD_ID, inserted: str = "") -> str:
    """The config without `item` in its title; the same text where it is not there.

    `inserted` is what setup put in: if it was the whole list, that goes too, unless other items than the default ones
    are in it now. Raises Problem as `with_item` does.

    >>> without_item('[tui]\\nterminal_title = ["activity", "thread-id"] # mine')
    '[tui]\\nterminal_title = ["activity"] # mine'
    """
    rest, items = split_config(text)
    if items is None or item not in items:
        return text
    left = [i for i in items if i != item]
    wanted: list[list[str] | None] = [left]
    if "terminal_title" in inserted and left == DEFAULT_ITEMS:
        wanted.append(None)
    for found in _occurrences(text, inserted, item):
        new = text[: found.start()] + text[found.end() :]
        if _says(new, rest, wanted):
            return new
    raise Problem(f'setup cannot safely edit this layout; take "{item}" out of `terminal_title` by hand')


def _occurrences(text: str, inserted: str, item: str) -> Iterator[re.Match[str]]:
    """Where the item stands, with what may have come with it, the most of it first."""
    line = [line for line in inserted.splitlines(keepends=True) if "terminal_title" in line]
    for piece in (inserted, *line, f', "{item}"', f'"{item}", ', f'"{item}",', f'"{item}"'):
        if piece:
            yield from re.finditer(re.escape(piece), text)


def _for_a_line(text: str, items: list[str]) -> Iterator[tuple[int, str]]:
    """Where a new `terminal_title` may stand, and what to put there."""
    newline = "\r\n" if "\r\n" in text else "\n"
    line = f"terminal_title = {json.dumps(items)}"
    for header in HEADER.finditer(text):
        yield header.end(), line + newline if header[1] else newline + line
    gap = "" if text.endswith(("\n\n", "\n\r\n")) or not text.strip() else newline
    gap = gap if text.endswith("\n") or not text else newline + gap
    yield len(text), f"{gap}[tui]{newline}{line}{newline}"


def _for_an_item(text: str, items: list[str], item: str) -> Iterator[tuple[int, str]]:
    """Where the item may stand in a list on one line, and what to put there."""
    for title in TITLE.finditer(text):
        activity = ACTIVITY.search(text, *title.span(1))
        if activity:
            yield activity.end(), f', "{item}"'
        else:
            yield title.start(1), f'"{item}"' + (", " if items else "")


def _says(text: str, rest: Config, titles: list[list[str] | None]) -> bool:
    try:
        new_rest, title = split_config(text)
    except Problem:
        return False
    return new_rest == rest and title in titles
