"""The end of a conversation, laid out for a pane that sleeps: what was asked last, and what was answered."""

from __future__ import annotations

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
    if width < 1 or height < 1:
        return []
    blocks = [(who, block(who, text, width, height)) for who, text in messages]
    blocks = [(who, lines) for who, lines in blocks if lines][-height:]
    gap = [""] if height >= ROOMY and len(blocks) > 1 else []
    left = height - len(gap)
    answered = sum(len(lines) for who, lines in blocks if who != YOU)
    of_user = min(
        sum(len(lines) for who, lines in blocks if who == YOU),
        max(1, left // 3, left - answered) if answered else left,
    )
    shown = [cut(lines, of_user, width) if who == YOU else lines[of_user - left :] for who, lines in blocks]
    return [row for at, rows in enumerate(shown) for row in (gap if at else []) + rows]


def block(who: str, text: str, width: int, height: int) -> list[str]:
    """The rows of one message: of a long one no more than `height` can show, the user's from its beginning."""
    most = (width + 1) * height
    text = text.strip()
    # A text or emoji form is asked for by a sign that not every tmux knows.
    clean = plain(text[:most] if who == YOU else text[-most:]).replace("\ufe0f", "").expandtabs(4).strip()
    mark = MARKS[who] if width >= INDENTED else MARKS[who][: min(1, width - 1)]
    room = width - len(mark)
    size_of = sizes_of(clean)
    if room == 1:
        clean = "".join(c for c in clean if size_of(c) < 2)
    rows = [row.rstrip() for line in clean.split("\n") for row in wrapped(line, room, size_of)]
    return (
        [(" " * len(mark) if at else mark) + row if row else "" for at, row in enumerate(rows)]
        if clean
        else []
    )


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
