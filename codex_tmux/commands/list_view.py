"""How `list` looks: a table that fits the terminal, plain aligned columns for a pipe."""

import os
import shutil
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import click
from rich.cells import cell_len

from codex_tmux.codex.daemon.activity import WAITING
from codex_tmux.plain_text import age, in_cells, plain_line, tilde
from codex_tmux.state.records import CLOSED, DEAD, ENDED, LIVE, LOST, now
from codex_tmux.state.words import state_words
from codex_tmux.tmux.epoch import ALIVE, ELSEWHERE

ON_SCREEN = ("WHERE", "PANE", "SESSION", "TITLE", "STATUS", "KNOWN BY", "DIRECTORY", "AGE")
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


def show(rows: list[dict[str, Any]], socket: str | None) -> None:
    """Print the rows; `socket` is that of the tmux server whose panes need no server's name."""
    cells = [cells_of(row, socket) for row in rows]
    coloured = False
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        columns = [name for name in ON_SCREEN if name != "SESSION" or width >= WIDE]
        if width < WIDE:
            for cell in cells:
                cell["KNOWN BY"] = cell["KNOWN BY"].partition(" ")[0]
        widths = fitted(natural(cells, columns), width)
        coloured = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    else:
        widths = natural(cells, PIPED)
    click.echo(line({name: name for name in widths}, widths, dict.fromkeys(widths, BOLD) if coloured else {}))
    for row, cell in zip(rows, cells):
        click.echo(line(cell, widths, {name: style_of(name, row) for name in widths} if coloured else {}))
    for text in paste_lines(rows):
        click.echo(text)


def line(cell: dict[str, str], widths: dict[str, int], styles: dict[str, dict[str, Any]]) -> str:
    words = []
    for name, width in widths.items():
        text = in_cells(right_part(cell[name], width) if name == "DIRECTORY" else cell[name], width)
        words.append(click.style(text, **styles[name]) if styles.get(name) else text)
    return (" " * GAP).join(words).rstrip()


def style_of(column: str, row: dict[str, Any]) -> dict[str, Any]:
    """The style of one cell, as `click.style` takes it."""
    if column == "STATUS":
        return (
            NEEDS_YOU
            if row["activity"] in WAITING
            else UNREAD
            if row["unread_since"]
            else STYLES[row["status"]]
        )
    if column == "KNOWN BY" and not row["exact"]:
        return {"fg": "yellow"}
    return DIM if row["status"] in (ENDED, CLOSED) or column in ("AGE", "SESSION") else {}


def cells_of(row: dict[str, Any], socket: str | None) -> dict[str, str]:
    """What each column shows of a row; nothing in it that a terminal would act on."""
    where = f"{row['tmux_session']}:{row['window']}.{row['pane_index']}"
    if row.get("server_is") == ELSEWHERE:
        where += " @another host"
    elif socket and os.path.realpath(row["server"]) != os.path.realpath(socket):
        where += f" @{os.path.basename(row['server'])}"
    elif row.get("server_is") == ALIVE:
        where += f" @process {row['server_pid']}"  # its socket is another one's by now
    known = "unknown" if not row["evidence"] else f"exact ({row['evidence']})" if row["exact"] else "inferred"
    cells = {
        "WHERE": where,
        "PANE": row["pane"],
        "SESSION": row["session_id"] or (f"{row['session_prefix']}…" if row.get("session_prefix") else "-"),
        "TITLE": row["title"] or "-",
        "STATUS": state_words(row["status"], row["activity"], bool(row["unread_since"])),
        "KNOWN BY": known,
        "DIRECTORY": far_end(row) or tilde(row["cwd"]),
        "AGE": age_of(row["updated_at"]),
    }
    return {name: plain_line(text) for name, text in cells.items()}


def far_end(row: dict[str, Any]) -> str:
    """Where a Codex of another machine or box runs, as `ssh host`; "" for one of this machine."""
    transport = row.get("transport")
    return f"{transport['kind']} {transport['target']}".rstrip() if transport else ""


def paste_lines(rows: list[dict[str, Any]]) -> list[str]:
    """What to type at far ends to have sessions back that codex-tmux cannot resume there."""
    return [
        plain_line(f"{row['pane']}: to resume in {far_end(row)}, paste there: {row['paste']}")
        for row in rows
        if row.get("paste") and row["status"] != LIVE
    ]


def age_of(updated_at: str | None) -> str:
    return "-" if updated_at is None else age((now() - datetime.fromisoformat(updated_at)).total_seconds())


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
