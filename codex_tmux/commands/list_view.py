"""How `list` looks: a table that fits the terminal, plain aligned columns for a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from codex_tmux.activity import WAITING
from codex_tmux.epoch import ALIVE, ELSEWHERE
from codex_tmux.plain_text import plain_line
from codex_tmux.records import CLOSED, DEAD, ENDED, LIVE, LOST, now
from codex_tmux.state_words import state_words

STYLES = {LIVE: "green", DEAD: "red", LOST: "yellow", ENDED: "dim", CLOSED: "dim"}
STYLE_OF_WAITING = "bold magenta"
WIDE = 150
"""Columns from which the session's id has room too."""
LEAST = {"WHERE": 8, "TITLE": 12, "DIRECTORY": 10}
"""Columns that a narrow terminal cuts, and what each keeps at least; the others are short and stay whole."""
GAP = 2


def show(rows: list[dict[str, Any]], socket: str | None) -> None:
    """Print the rows; `socket` is that of the tmux server whose panes need no server's name."""
    cells = [cells_of(row, socket) for row in rows]
    if not sys.stdout.isatty():
        for line in aligned(cells):
            click.echo(line)
        for line in paste_lines(rows):
            click.echo(line)
        return
    console = terminal()
    columns = ["WHERE", "PANE", "TITLE", "STATUS", "KNOWN BY", "DIRECTORY", "AGE"]
    if console.width >= WIDE:
        columns.insert(2, "SESSION")
    else:
        for cell in cells:
            cell["KNOWN BY"] = cell["KNOWN BY"].partition(" ")[0]
    widths = fitted(
        {c: max(cell_len(x) for x in (c, *(r[c] for r in cells))) for c in columns}, console.width
    )
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style=style("bold"))
    for name in columns:
        table.add_column(name, no_wrap=True, overflow="ellipsis", width=widths[name])
    for row, cell in zip(rows, cells):
        texts = []
        for name in columns:
            text = cell[name]
            if name == "DIRECTORY":
                text = right_part(text, widths[name])
            texts.append(Text(text, style=style(style_of(name, row))))
        table.add_row(*texts)
    console.print(table)
    for line in paste_lines(rows):
        console.print(line)


def terminal() -> Console:
    """The terminal that stdout is, in its own width."""
    return Console(highlight=False, emoji=False, markup=False, soft_wrap=False)


def style(name: str) -> str:
    """A style, none where the user wants no colours: what is bold or dim is left out too."""
    return "" if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else name


def style_of(column: str, row: dict[str, Any]) -> str:
    """The style of one cell."""
    if column == "STATUS" and row["activity"] in WAITING:
        return STYLE_OF_WAITING
    if column == "STATUS":
        return STYLES[row["status"]]
    if column == "KNOWN BY" and not row["exact"]:
        return "yellow"
    return "dim" if row["status"] in (ENDED, CLOSED) or column in ("AGE", "SESSION") else ""


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
        "STATUS": state_words(row["status"], row["activity"]),
        "KNOWN BY": known,
        "DIRECTORY": far_end(row) or with_tilde(row["cwd"]),
        "AGE": age(row["updated_at"]),
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


def with_tilde(path: str) -> str:
    """A path as people write it.

    >>> with_tilde("/")
    '/'
    """
    home = os.path.expanduser("~").rstrip("/")
    return "~" + path[len(home) :] if home and (path + "/").startswith(home + "/") else path


def age(updated_at: str | None) -> str:
    """How long ago that was, in its largest unit."""
    if updated_at is None:
        return "-"
    seconds = max(0, int((now() - datetime.fromisoformat(updated_at)).total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def fitted(natural: dict[str, int], width: int) -> dict[str, int]:
    """The width of each column such that all fit into `width`: the widest of those that may be cut give first.

    >>> fitted({"WHERE": 8, "PANE": 4, "TITLE": 90, "DIRECTORY": 30}, 60)
    {'WHERE': 8, 'PANE': 4, 'TITLE': 21, 'DIRECTORY': 21}
    """
    widths = dict(natural)
    while sum(widths.values()) + GAP * (len(widths) - 1) > width:
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


def aligned(cells: list[dict[str, str]]) -> Iterable[str]:
    """Every column in full, for a pipe."""
    head = {
        name: name for name in ("WHERE", "PANE", "SESSION", "STATUS", "KNOWN BY", "AGE", "DIRECTORY", "TITLE")
    }
    lines = [head, *cells]
    widths = {name: max(cell_len(line[name]) for line in lines) for name in head}
    for line in lines:
        padded = (line[name] + " " * (widths[name] - cell_len(line[name])) for name in head)
        yield (" " * GAP).join(padded).rstrip()
