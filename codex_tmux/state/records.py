"""A record, what is known of one pane and its session, and its form in the state file."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, NamedTuple

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
# The last line tells damage. To change this file by hand, take out that line and these.

"""
END = "# end "
"""Begins the last line of a state file that codex-tmux wrote; the checksum of all before it follows."""


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


def same_session(one: str, other: str) -> bool:
    """Whether two ids name one session; either may be cut to its first 29 characters."""
    return len(one) >= 29 and len(other) >= 29 and (one.startswith(other) or other.startswith(one))


class RecordError(ValueError):
    """An entry of the state file that is no record: the message names what is wrong with it."""


def now() -> datetime:
    """The time as records hold it: UTC, whole seconds."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def to_toml(records: tuple[Record, ...]) -> dict[str, Any]:
    """The state file's content as TOML values."""
    return {"version": VERSION, "panes": [entry_of(r) for r in records]}


def entry_of(record: Record) -> dict[str, Any]:
    """One record as a `[[panes]]` entry; what is empty by default is left out."""
    entry: dict[str, Any] = record._asdict()
    for name in TEXT_FIELDS:
        entry[name] = to_text(entry[name])
    entry["flags"] = [to_text(flag) for flag in record.flags]
    entry["transport"] = [to_text(word) for word in record.transport]
    entry["wrapper"] = [to_text(word) for word in record.wrapper]
    entry["env"] = {to_text(name): to_text(value) for name, value in record.env}
    entry["revivals"] = list(record.revivals)
    entry["neighbours"] = [
        {"pane_index": i, "cwd": to_text(cwd), "shell": shell} for i, cwd, shell in record.neighbours
    ]
    entry["links"] = [
        {"tmux_session": to_text(name), "window": window, "group": group}
        for name, window, group in record.links
    ]
    for name, default in Record._field_defaults.items():
        if getattr(record, name) == default:
            del entry[name]
    return entry


TEXT_FIELDS = (
    "session_id evidence mode status server epoch pane tmux_session window_name window_layout cwd codex codex_home"
).split()
WORDS = {"evidence": EVIDENCE, "mode": MODES, "status": STATUSES}


def record_of(entry: object) -> Record:
    """The record that a `[[panes]]` entry holds. Raises RecordError where a field is missing or of a wrong type."""
    if not isinstance(entry, dict):
        raise RecordError("it is not a table")
    values: dict[str, Any] = {}
    for name in TEXT_FIELDS:
        value = entry.get(name)
        if not isinstance(value, str):
            raise RecordError(f"{name} is {type_name(value)}, not text")
        if name in WORDS and value not in WORDS[name]:
            raise RecordError(f"{name} is {value!r}, not one of {', '.join(WORDS[name])}")
        values[name] = from_text(value)
    if not is_session_id(values["session_id"]):
        raise RecordError(f"session_id is {values['session_id']!r}, not a session's id")
    for name in ("window", "pane_index"):
        value = entry.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise RecordError(f"{name} is {type_name(value)}, not a number")
        values[name] = value
    values["flags"] = texts(entry.get("flags", []), "flags")
    values["transport"] = texts(entry.get("transport", []), "transport")
    values["wrapper"] = texts(entry.get("wrapper", []), "wrapper")
    values["updated_at"] = moment(entry.get("updated_at"), "updated_at")
    shell = entry.get("shell", False)
    if not isinstance(shell, bool):
        raise RecordError(f"shell is {type_name(shell)}, not true or false")
    values["shell"] = shell
    env = entry.get("env", {})
    if not isinstance(env, dict) or not all(isinstance(v, str) for v in env.values()):
        raise RecordError("env is not a table of texts")
    values["env"] = tuple((from_text(name), from_text(value)) for name, value in env.items())
    revivals = entry.get("revivals", [])
    if not isinstance(revivals, list):
        raise RecordError("revivals is not a list")
    values["revivals"] = tuple(moment(v, "revivals") for v in revivals)
    neighbours = entry.get("neighbours", [])
    if not isinstance(neighbours, list):
        raise RecordError("neighbours is not a list")
    values["neighbours"] = tuple(neighbour(v) for v in neighbours)
    links = entry.get("links", [])
    if not isinstance(links, list):
        raise RecordError("links is not a list")
    values["links"] = tuple(link(v) for v in links)
    return Record(**values)


def neighbour(value: Any) -> tuple[int, str, bool]:
    """Another pane of a record's window: its index, directory and whether a shell runs there."""
    if not isinstance(value, dict):
        raise RecordError("neighbours holds something else than tables")
    index, cwd, shell = value.get("pane_index"), value.get("cwd"), value.get("shell")
    if not isinstance(index, int) or not isinstance(cwd, str) or not isinstance(shell, bool):
        raise RecordError("an entry of neighbours lacks pane_index, cwd or shell")
    return index, from_text(cwd), shell


def link(value: Any) -> tuple[str, int, bool]:
    """Another place of a record's window: tmux session, index, and whether both tmux sessions are of one group."""
    if not isinstance(value, dict):
        raise RecordError("links holds something else than tables")
    name, window, group = value.get("tmux_session"), value.get("window"), value.get("group")
    if not isinstance(name, str) or not isinstance(window, int) or not isinstance(group, bool):
        raise RecordError("an entry of links lacks tmux_session, window or group")
    return from_text(name), window, group


def texts(value: Any, name: str) -> tuple[str, ...]:
    """A TOML list of texts as a tuple."""
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise RecordError(f"{name} is not a list of texts")
    return tuple(from_text(v) for v in value)


def moment(value: Any, name: str) -> datetime:
    """A TOML time as records hold it; one without an offset is taken as UTC."""
    if not isinstance(value, datetime):
        raise RecordError(f"{name} is {type_name(value)}, not a time")
    if value.tzinfo is None:
        value = value.replace(tzinfo=timezone.utc)
    utc: datetime = value.astimezone(timezone.utc)
    return utc


ESCAPE = "\ufffd"
"""Stands in the state file before the four hexadecimal digits of what UTF-8 has no form for."""


def to_text(value: str) -> str:
    """`value` as TOML can hold it. Bytes of a path that are no UTF-8 are lone surrogates in Python, and in no file."""
    if value.isascii():
        return value
    return "".join(
        ESCAPE * 2 if c == ESCAPE else f"{ESCAPE}{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c
        for c in value
    )


def from_text(text: str) -> str:
    """What `to_text` was given; text that a person wrote otherwise stays as it is."""
    if ESCAPE not in text:
        return text
    out, at = [], 0
    while at < len(text):
        digits = text[at + 1 : at + 5]
        if text[at] == ESCAPE and text[at + 1 : at + 2] == ESCAPE:
            out.append(ESCAPE)
            at += 2
        elif text[at] == ESCAPE and len(digits) == 4 and all(c in "0123456789abcdef" for c in digits):
            out.append(chr(int(digits, 16)))
            at += 5
        else:
            out.append(text[at])
            at += 1
    return "".join(out)


def is_session_id(text: str) -> bool:
    """Whether `text` is a UUID in lower case, or its first 29 characters."""
    if len(text) not in (29, 36):
        return False
    return all(c == "-" if i in (8, 13, 18, 23) else c in "0123456789abcdef" for i, c in enumerate(text))


def type_name(value: Any) -> str:
    """What `value` is, in words for a person."""
    return "missing" if value is None else type(value).__name__
