"""How `list` looks: a table that fits the terminal, plain aligned columns for a pipe."""

import shutil
import sys
import time
from collections.abc import Iterable
from typing import Any

import click
from rich.cells import cell_len

from codex_tmux.codex.session_id import is_whole
from codex_tmux.commands.conversations import Conversation
from codex_tmux.elsewhere.run_again import paste
from codex_tmux.elsewhere.transport import of_argv
from codex_tmux.plain_text import age, in_cells, plain_line, tilde
from codex_tmux.state.launch import launch_of
from codex_tmux.state.records import CLOSED, DEAD, ENDED, LIVE, LOST, Record

ON_SCREEN = ("WHERE", "PANE", "SESSION", "TITLE", "STATUS", "KNOWN BY", "DIRECTORY", "AGE")
NARROW = tuple(name for name in ON_SCREEN if name != "SESSION")
PIPED = ("WHERE", "PANE", "SESSION", "STATUS", "KNOWN BY", "AGE", "DIRECTORY", "TITLE")
WIDE = 150
"""Columns from which the session's id has room too, and the evidence in full."""
LEAST = {"WHERE": 8, "TITLE": 12, "DIRECTORY": 10}
"""Columns that a narrow terminal cuts, and what each keeps at least; the others are short and stay whole."""
LEFT_OUT = ("KNOWN BY", "AGE", "DIRECTORY")
"""Columns that a very narrow terminal leaves out, in this order."""
GAP = 2

BOLD, DIM = {"bold": True}, {"dim": True}
STYLES: dict[str, dict[str, Any]] = {
    LIVE: {"fg": "green"},
    DEAD: {"fg": "red"},
    LOST: {"fg": "yellow"},
    ENDED: DIM,
    CLOSED: DIM,
}
NEEDS_YOU, UNREAD = {"fg": "magenta", "bold": True}, {"fg": "cyan", "bold": True}


def show(found: list[Conversation]) -> None:
    cells = [cells_of(c) for c in found]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    if width < WIDE:
        cells = [{**cell, "KNOWN BY": cell["KNOWN BY"].partition(" ")[0]} for cell in cells]
    columns = PIPED if width == sys.maxsize else ON_SCREEN if width >= WIDE else NARROW
    widths = fitted(natural(cells, columns), width)
    click.echo(line(dict(zip(widths, widths)), widths, None))
    for c, cell in zip(found, cells):
        click.echo(line(cell, widths, c))


def line(cell: dict[str, str], widths: dict[str, int], c: Conversation | None) -> str:
    """The cells of a conversation, or of the table's head, in these widths."""
    words = []
    for name, width in widths.items():
        text = in_cells(right_part(cell[name], width) if name == "DIRECTORY" else cell[name], width)
        text = text.rstrip() if name == [*widths][-1] else text
        style = style_of(name, c) if c else BOLD
        words.append(click.style(text, **style) if style else text)
    return (" " * GAP).join(words)


def style_of(column: str, c: Conversation) -> dict[str, Any]:
    if column == "STATUS":
        return (NEEDS_YOU, UNREAD, STYLES.get(c.status, DIM))[c.rank]
    if column == "KNOWN BY" and not (c.record.evidence and c.record.exact):
        return {"fg": "yellow"}
    return DIM if c.status in (ENDED, CLOSED) or column in ("AGE", "SESSION") else {}


def cells_of(c: Conversation) -> dict[str, str]:
    """What each column shows of a conversation; nothing in it that a terminal would act on."""
    record = c.record
    known = f"exact ({record.evidence})" if record.exact else "inferred"
    cut = "" if is_whole(record.session_id) else "…"
    return {
        "WHERE": plain_line(record.where + c.at) if c.status else "-",
        "PANE": plain_line(record.pane),
        "SESSION": record.session_id + cut if record.session_id else "-",
        "TITLE": plain_line(c.name) if record.session_id else "-",
        "STATUS": c.state,
        "KNOWN BY": known if record.evidence else "unknown",
        "DIRECTORY": plain_line(far_end(record) or tilde(record.cwd)),
        "AGE": age(time.time() - c.updated) if record.session_id else "-",
    }


def far_end(record: Record) -> str:
    """Where a Codex of another machine or box runs, as `ssh host`; "" for one of this machine."""
    transport = of_argv(record.transport) if record.transport else None
    return f"{transport.kind} {transport.target}".rstrip() if transport else ""


def paste_of(record: Record) -> str:
    """What to type at a far end to have a session back that codex-tmux cannot resume there; "" where it can."""
    far = far_end(record) and record.session_id and launch_of(record).typed
    return paste(record.session_id) if far else ""


def natural(cells: list[dict[str, str]], columns: Iterable[str]) -> dict[str, int]:
    """The width of each of these columns in which nothing is cut."""
    return {name: max(cell_len(text) for text in (name, *(cell[name] for cell in cells))) for name in columns}


def fitted(natural: dict[str, int], width: int) -> dict[str, int]:
    """The width of each column such that all fit into `width`: the widest of those that may be cut give first.

    >>> fitted({"WHERE": 8, "PANE": 4, "TITLE": 90, "DIRECTORY": 30}, 60)
    {'WHERE': 8, 'PANE': 4, 'TITLE': 21, 'DIRECTORY': 21}
    >>> fitted({"WHERE": 9, "TITLE": 90, "KNOWN BY": 8, "AGE": 3}, 30)
    {'WHERE': 9, 'TITLE': 14, 'AGE': 3}
    """

    def excess(widths: dict[str, int]) -> int:
        return sum(widths.values()) + GAP * (len(widths) - 1) - width

    widths = dict(natural)
    for name in LEFT_OUT:
        if excess({n: min(w, LEAST.get(n, w)) for n, w in widths.items()}) > 0:
            widths.pop(name, None)
    while excess(widths) > 0:
        cuttable = [name for name in LEAST if widths.get(name, 0) > LEAST[name]]
        if not cuttable:
            break
        widths[max(cuttable, key=lambda name: widths[name])] -= 1
    return widths


def right_part(text: str, width: int) -> str:
    """`text`, or its end behind an ellipsis: of a path the end says most."""
    if cell_len(text) <= width:
        return text
    while text and cell_len(text) > width - 1:
        text = text[1:]
    return "…" + text
