"""A record, what is known of one pane and its session, and its form in the state file."""

import re
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
    `window_automatic`: tmux itself named the window.
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
    window_automatic: bool = False

    @property
    def exact(self) -> bool:
        """Whether the evidence names the session, not only fits it."""
        return self.evidence != INFERRED

    @property
    def current(self) -> bool:
        return self.status in CURRENT

    @property
    def where(self) -> str:
        """The place in tmux's own notation."""
        return f"{self.tmux_session}:{self.window}.{self.pane_index}"

    @property
    def position(self) -> tuple[str, int, int]:
        """Tmux session, window and pane, to sort by."""
        return self.tmux_session, self.window, self.pane_index

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
    return {"version": VERSION, "panes": [entry_of(r) for r in records]}


TEXTS = "session_id evidence mode status server epoch pane tmux_session window_name window_layout cwd codex codex_home"
FIELDS: dict[str, Any] = {
    **dict.fromkeys(TEXTS.split(), str),
    "window": int,
    "pane_index": int,
    "flags": [str],
    "transport": [str],
    "wrapper": [str],
    "updated_at": datetime,
    "shell": bool,
    "window_automatic": bool,
    "env": dict,
    "revivals": [datetime],
    "neighbours": [{"pane_index": int, "cwd": str, "shell": bool}],
}
"""What each field holds: `[kind]` is a list; a row with names is a table in the file, and a tuple in a record."""
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
        name: written(value, FIELDS[name])
        for name, value in record._asdict().items()
        if name not in defaults or value != defaults[name]
    }


def written(value: Any, kind: Any) -> Any:
    """A value of a record as TOML has it."""
    if isinstance(kind, list):
        return [written(one, kind[0]) for one in value]
    if isinstance(kind, dict):
        return {name: written(one, kind[name]) for name, one in zip(kind, value)}
    if kind is dict:
        return {to_text(name): to_text(text) for name, text in value}
    return to_text(value) if kind is str else value


def record_of(entry: object) -> Record:
    """The record that a `[[panes]]` entry holds. Raises RecordError where a field is missing or of a wrong type."""
    table = {"flags": [], **checked(entry, dict, "it")}
    values = {name: read(table[name], kind, name) for name, kind in FIELDS.items() if name in table}
    for name in Record._fields:
        if name not in values and name not in Record._field_defaults:
            raise RecordError(f"{name} is missing")
    for name, words in WORDS.items():
        if values[name] not in words:
            raise RecordError(f"{name} is {values[name]!r}, not one of {', '.join(words)}")
    if not is_session_id(values["session_id"]):
        raise RecordError(f"session_id is {values['session_id']!r}, not a session's id")
    return Record(**values)


def read(value: Any, kind: Any, name: str) -> Any:
    """A value of TOML as a record has it. Raises RecordError."""
    if isinstance(kind, list):
        return tuple(read(one, kind[0], name) for one in checked(value, list, name))
    if isinstance(kind, dict):
        table = checked(value, dict, f"an entry of {name}")
        return tuple(read(table.get(key), one, f"{key} of {name}") for key, one in kind.items())
    value = checked(value, kind, name)
    if kind is dict:
        return tuple((from_text(variable), read(text, str, name)) for variable, text in value.items())
    if kind is datetime:  # without an offset it is taken as UTC
        return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    return from_text(value) if kind is str else value


def checked(value: Any, kind: type, name: str) -> Any:
    """`value`, which must be of that kind. Raises RecordError."""
    if type(value) is not kind:
        raise RecordError(f"{name} is {type(value).__name__}, not {KINDS[kind]}")
    return value


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
