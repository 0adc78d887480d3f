"""How `list` looks: a table that fits the terminal, plain aligned columns for a pipe."""

import sys
import time
from typing import Any

import click

from codex_tmux.codex.session_id import is_whole
from codex_tmux.commands.conversations import Conversation
from codex_tmux.elsewhere.run_again import paste
from codex_tmux.elsewhere.transport import of_argv
from codex_tmux.plain_text import age, plain_line, tilde
from codex_tmux.state.launch import launch_of
from codex_tmux.state.records import CLOSED, DEAD, ENDED, LIVE, LOST, Record

ON_SCREEN = ("WHERE", "PANE", "SESSION", "TITLE", "STATUS", "KNOWN BY", "DIRECTORY", "AGE")
NARROW = tuple(name for name in ON_SCREEN if name != "SESSION")
PIPED = ("WHERE", "PANE", "SESSION", "STATUS", "KNOWN BY", "AGE", "DIRECTORY", "TITLE")
WIDE = 150
"""Columns from which the session's id has room too, and the evidence in full."""
LEAST = {"WHERE": 8, "TITLE": 12, "DIRECTORY": 10}
"""Columns that a narrow terminal cuts, and what each keeps at least; the others are short and stay whole."""
UNCUT = 10_000

DIM = {"dim": True}
STYLES: dict[str, dict[str, Any]] = {
    LIVE: {"fg": "green"},
    DEAD: {"fg": "red"},
    LOST: {"fg": "yellow"},
    ENDED: DIM,
    CLOSED: DIM,
}
NEEDS_YOU, UNREAD = {"fg": "magenta", "bold": True}, {"fg": "cyan", "bold": True}


def show(found: list[Conversation]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    screen = sys.stdout.isatty()
    console = Console(width=None if screen else UNCUT)
    wide = console.width >= WIDE
    columns = (ON_SCREEN if wide else NARROW) if screen else PIPED
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        table.add_column(name, no_wrap=name not in LEAST, min_width=LEAST.get(name))
    for c in found:
        cells = cells_of(c)
        if not wide:
            cells["KNOWN BY"] = cells["KNOWN BY"].partition(" ")[0]
        styled = (click.style(cells[name], **style_of(name, c)) for name in columns)
        table.add_row(*(Text.from_ansi(cell, no_wrap=True, overflow="ellipsis") for cell in styled))
    with console.capture() as printed:
        console.print(table)
    for line in printed.get().splitlines():
        click.echo(line.rstrip())


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
