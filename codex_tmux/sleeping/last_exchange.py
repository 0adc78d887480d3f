"""The end of a conversation, laid out for a pane that sleeps: what was asked last, and what was answered."""

import re
from collections.abc import Callable

from codex_tmux.plain_text import plain

YOU, CODEX, NOBODY = "you", "Codex", ""
MARKS = {YOU: "› ", CODEX: "• ", NOBODY: ""}
"""What stands before the words of each, as in Codex's own screen."""
INDENTED = 8
"""Columns from which there is room for a mark."""
ROOMY = 6
"""Rows from which an empty one stands between the two."""
NARROW = re.compile("[\n -~\u00a0-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u2190-\u21ff\u2500-\u257f]*")
"""Text whose characters all take one cell: for most no table of widths is needed."""


def laid_out(messages: list[tuple[str, str]], width: int, height: int) -> list[str]:
    """The rows that show one or two messages: at most `height`, each at most `width` cells, no control character.

    Where not all fits, the answer loses its beginning, and what the user said keeps a third at least.
    """
    if min(width, height) < 1:
        return []
    blocks = [(who, rows) for who, text in messages if (rows := block(who, text, width, height))][-height:]
    if len(blocks) < 2:
        return [row for who, rows in blocks for row in part(who, rows, height, width)]
    gap = [""] if height >= ROOMY else []
    left = height - len(gap)
    needed = dict(blocks)
    of_user = min(len(needed[YOU]), max(1, left // 3, left - len(needed[CODEX])))
    share = {YOU: of_user, CODEX: left - of_user}
    first, second = (part(who, rows, share[who], width) for who, rows in blocks)
    return [*first, *gap, *second]


def block(who: str, text: str, width: int, height: int) -> list[str]:
    """The rows of one message: of a long one no more than `height` can show, the user's from its beginning."""
    mark = MARKS[who] if width >= INDENTED else MARKS[who][: min(1, width - 1)]
    room = width - len(mark)
    most = (width + 1) * height
    text = text.strip()
    clean = fitting(text[:most] if who == YOU else text[-most:], room)
    size_of = sizes_of(clean)
    rows = [row.rstrip() for line in clean.splitlines() for row in wrapped(line, room, size_of)]
    return [(" " * len(mark) if at else mark) + row if row else "" for at, row in enumerate(rows)]


def fitting(text: str, room: int) -> str:
    """`text` without what a terminal obeys, and without what is wider than `room` cells."""
    # U+FE0F asks for the wide form of a sign, which not every tmux knows.
    clean = plain(text).replace("\ufe0f", "").expandtabs(4).strip()
    size_of = sizes_of(clean)
    return clean if room > 1 else "".join(c for c in clean if size_of(c) <= room)


def part(who: str, rows: list[str], number: int, width: int) -> list[str]:
    """As many rows of a message as there is room for: the user's first ones, the last ones of an answer."""
    return cut(rows, number, width) if who == YOU else rows[-number:]


def cut(rows: list[str], number: int, width: int) -> list[str]:
    """The first rows, with an ellipsis where there are more."""
    if len(rows) <= number:
        return rows
    last = rows[number - 1]
    size_of = sizes_of(last)
    while sum(map(size_of, last)) >= width:
        last = last[:-1]
    return [*rows[: number - 1], last + "…"]


def sizes_of(text: str) -> Callable[[str], int]:
    """What tells how many cells of a terminal a character of `text` takes."""
    if NARROW.fullmatch(text):
        return len
    from rich.cells import cell_len

    return cell_len


def wrapped(line: str, width: int, size_of: Callable[[str], int]) -> list[str]:
    """A line in rows of at most `width` cells, broken at a space or behind a wide character, else where it must be."""
    rows: list[str] = []
    begin = at = used = 0
    end = resume = 0  # the last place to break: where the row ends, and where the next one begins
    while at < len(line):
        size = size_of(line[at])
        space = line[at] == " "
        if used + size > width:
            if space:
                end, resume = at, at + 1
            elif resume <= begin:
                end = resume = at
            rows.append(line[begin:end])
            begin, used = resume, sum(map(size_of, line[resume:at]))
            at = max(at, begin)
            continue
        used += size
        if space and line[begin:at].strip():
            end, resume = at, at + 1
        elif size == 2:
            end = resume = at + 1
        at += 1
    return [*rows, line[begin:]]
