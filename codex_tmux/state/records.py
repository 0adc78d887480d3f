"""A record, what is known of one pane and its session, and its form in the state file."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, NamedTuple

from codex_tmux.codex.session_id import is_session_id

VERSION = 1
"""The version of the state file that this code writes."""

LIVE, DEAD, ENDED, CLOSED, LOST = "live", "dead", "ended", "closed", "lost"
STATUSES = (LIVE, DEAD, ENDED, CLOSED, LOST)
CURRENT = (LIVE, DEAD)
"""The statuses of a record that still has its pane."""
STATUS_WORDS = {LIVE: "running", DEAD: "asleep", ENDED: "ended", CLOSED: "closed", LOST: "lost"}
"""What people read for them."""

TITLE, LOCK, ARGV, SCREEN, INFERRED, ADOPTED = "title", "lock", "argv", "screen", "inferred", "adopted"
EVIDENCE = (TITLE, LOCK, ARGV, SCREEN, ADOPTED, INFERRED)

TUI, EXEC = "tui", "exec"
MODES = (TUI, EXEC)

HEAD = """\
# codex-tmux: which Codex session belongs to which tmux pane.
# Written by codex-tmux whenever that changes; `codex-tmux list --all` shows it. It holds no prompt and no answer.
# A pane id means something only within its epoch: host and boot, the tmux server's pid and start.
# What you change here by hand is read; comments of your own are lost.

"""


class Record(NamedTuple):
    """One pane and its session; one `[[panes]]` entry of the state file.

    `session_id` is whole, or its first 29 characters where Codex's store did not know the rest yet. `epoch` is
    the tmux server's, as `epoch` has it. `revivals` are the times of automatic respawns within the last minute.
    """

    session_id: str
    evidence: str
    mode: str
    status: str
    server: str
    epoch: str
    pane: str
    tmux_session: str
    window: int
    window_name: str
    window_layout: str
    pane_index: int
    cwd: str
    codex: str
    codex_home: str
    flags: tuple[str, ...]
    updated_at: datetime
    shell: bool = False
    env: tuple[tuple[str, str], ...] = ()
    revivals: tuple[datetime, ...] = ()
    neighbours: tuple[tuple[int, str, bool], ...] = ()
    transport: tuple[str, ...] = ()
    wrapper: tuple[str, ...] = ()
    links: tuple[tuple[str, int, bool], ...] = ()

    @property
    def exact(self) -> bool:
        """Whether the evidence names the session, not only fits it."""
        return self.evidence != INFERRED

    @property
    def current(self) -> bool:
        """Whether the record still has its pane."""
        return self.status in CURRENT

    @property
    def place(self) -> tuple[str, str, str]:
        """The pane, unmistakably: server, epoch and pane id."""
        return self.server, self.epoch, self.pane


class RecordError(ValueError):
    """An entry of the state file that is no record: the message names what is wrong with it."""


def now() -> datetime:
    """The time as records hold it: UTC, whole seconds."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def to_toml(records: tuple[Record, ...]) -> dict[str, Any]:
    """The state file's content as TOML values."""
    return {"version": VERSION, "panes": [entry_of(r) for r in records]}


ROWS: dict[str, dict[str, type]] = {
    "neighbours": {"pane_index": int, "cwd": str, "shell": bool},
    "links": {"tmux_session": str, "window": int, "group": bool},
}
"""Fields that hold a table for each row: the other panes of a record's window, and the window's other places."""
WORDS = {"evidence": EVIDENCE, "mode": MODES, "status": STATUSES}
KINDS = {
    str: "text",
    int: "a number",
    bool: "true or false",
    dict: "a table",
    list: "a list",
    datetime: "a time",
}


def entry_of(record: Record) -> dict[str, Any]:
    """One record as a `[[panes]]` entry; what is empty by default is left out."""
    defaults = Record._field_defaults
    return {
        name: written(name, value)
        for name, value in record._asdict().items()
        if name not in defaults or value != defaults[name]
    }


def written(name: str, value: Any) -> Any:
    """The value of a record's field as TOML has it."""
    if isinstance(value, str):
        return to_text(value)
    if name == "env":
        return {to_text(variable): to_text(text) for variable, text in value}
    if name in ROWS:
        return [{key: written(key, one) for key, one in zip(ROWS[name], row)} for row in value]
    if isinstance(value, tuple):
        return [written("", one) for one in value]
    return value


def record_of(entry: object) -> Record:
    """The record that a `[[panes]]` entry holds. Raises RecordError where a field is missing or of a wrong type."""
    table = {"flags": [], **checked(entry, dict, "it")}
    values = {name: read(table[name], name) for name, read in READERS.items() if name in table}
    for name in Record._fields:
        if name not in values and name not in Record._field_defaults:
            raise RecordError(f"{name} is missing")
    return Record(**values)


def checked(value: Any, kind: type, name: str) -> Any:
    """`value`, which must be of that kind. Raises RecordError."""
    if type(value) is not kind:
        raise RecordError(f"{name} is {type(value).__name__}, not {KINDS[kind]}")
    return from_text(value) if isinstance(value, str) else value


def text(value: Any, name: str) -> Any:
    return checked(value, str, name)


def number(value: Any, name: str) -> Any:
    return checked(value, int, name)


def yes_or_no(value: Any, name: str) -> Any:
    return checked(value, bool, name)


def word(value: Any, name: str) -> Any:
    if checked(value, str, name) not in WORDS[name]:
        raise RecordError(f"{name} is {value!r}, not one of {', '.join(WORDS[name])}")
    return value


def session(value: Any, name: str) -> Any:
    if not is_session_id(checked(value, str, name)):
        raise RecordError(f"{name} is {value!r}, not a session's id")
    return value


def texts(value: Any, name: str) -> tuple[str, ...]:
    return tuple(text(one, name) for one in checked(value, list, name))


def pairs(value: Any, name: str) -> tuple[tuple[str, str], ...]:
    return tuple((from_text(key), text(one, name)) for key, one in checked(value, dict, name).items())


def rows(value: Any, name: str) -> tuple[tuple[Any, ...], ...]:
    tables = [checked(row, dict, f"an entry of {name}") for row in checked(value, list, name)]
    kinds = ROWS[name].items()
    return tuple(
        tuple(checked(row.get(key), kind, f"{key} of {name}") for key, kind in kinds) for row in tables
    )


def moment(value: Any, name: str) -> datetime:
    """A TOML time as records hold it; one without an offset is taken as UTC."""
    time: datetime = checked(value, datetime, name)
    return (time if time.tzinfo else time.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)


def moments(value: Any, name: str) -> tuple[datetime, ...]:
    return tuple(moment(one, name) for one in checked(value, list, name))


READERS: dict[str, Callable[[Any, str], Any]] = {
    "session_id": session,
    **dict.fromkeys(WORDS, word),
    **dict.fromkeys(
        "server epoch pane tmux_session window_name window_layout cwd codex codex_home".split(), text
    ),
    **dict.fromkeys(("window", "pane_index"), number),
    **dict.fromkeys(("flags", "transport", "wrapper"), texts),
    **dict.fromkeys(ROWS, rows),
    "updated_at": moment,
    "shell": yes_or_no,
    "env": pairs,
    "revivals": moments,
}

ESCAPE = "\ufffd"
"""Stands in the state file before the four hexadecimal digits of what UTF-8 has no form for."""
WITHOUT_FORM = re.compile(f"[\ud800-\udfff{ESCAPE}]")
ESCAPED = re.compile(f"{ESCAPE}(?:{ESCAPE}|([0-9a-f]{{4}}))")


def to_text(value: str) -> str:
    """`value` as TOML can hold it. Bytes of a path that are no UTF-8 are lone surrogates in Python, and in no file."""
    return WITHOUT_FORM.sub(lambda m: ESCAPE * 2 if m[0] == ESCAPE else f"{ESCAPE}{ord(m[0]):04x}", value)


def from_text(text: str) -> str:
    """What `to_text` was given; text that a person wrote otherwise stays as it is."""
    return ESCAPED.sub(lambda m: chr(int(m[1], 16)) if m[1] else ESCAPE, text)
