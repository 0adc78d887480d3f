"""Codex's own store, read only: the truth about which session can be resumed.

`$CODEX_HOME` holds a rollout per session in `sessions/YYYY/MM/DD/`, archived ones flat in
`archived_sessions/`, a database `state_<n>.sqlite` (from 0.117 on), and a lock per open session in
`thread-writer-locks/` (from 0.154 on). All of them are Codex's and change with it, so every reading takes a
missing, cut, locked or newer file for no answer.

A session id is a UUIDv7: it begins with its creation time in milliseconds, and so names the day's folder and,
but for a second or the time zone, the very file. Nothing here walks the tree to find a session.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from codex_tmux.codex import processes
from codex_tmux.codex.commandline import is_session_id

TITLE_ID_LENGTH = 29
"""What Codex leaves of an id in a terminal title."""

NAMED_BY = 8
"""Characters of an id by which a person may name it."""

COMPRESSED = ".zst"

_HEAD = 256 * 1024
"""Bytes read of a rollout: its first line holds all base instructions, the first message comes soon after."""


class Session(NamedTuple):
    """A session as the store knows it. `rollout` is "" when its file is gone; `updated` its mtime, else 0."""

    id: str
    rollout: str
    cwd: str
    title: str
    """The name a person gave it, else Codex's title, else the first message; unsafe to print as it is."""
    first_message: str
    source: str
    """Codex's word: "cli", "vscode" for the daemon's, "exec", "subagent", …"""
    subagent: bool
    exec_session: bool
    archived: bool
    created_ms: int
    updated: float


class Holder(NamedTuple):
    """The process that has a session open."""

    pid: int
    name: str
    daemon: bool
    """It is the shared app-server: another TUI may join the session there."""
    argv: tuple[str, ...]


SQLITE_HOME = "CODEX_SQLITE_HOME"
"""The variable that names another place for Codex's databases than its home."""


class Store:
    """The store below `codex_home`; its databases below `sqlite_home` (`$CODEX_SQLITE_HOME`), if given."""

    def __init__(self, codex_home: str, sqlite_home: str | None = None) -> None:
        # "" for a Codex that runs elsewhere: its store is not here, and this directory is none.
        codex_home = codex_home or os.devnull
        self.codex_home = codex_home
        self.sqlite_home = sqlite_home or codex_home
        self.sessions = os.path.join(codex_home, "sessions")
        self.archived_sessions = os.path.join(codex_home, "archived_sessions")
        self.locks = os.path.join(codex_home, "thread-writer-locks")

    def complete(self, prefix: str) -> str | None:
        """The whole id that begins with `prefix` (at least 29 characters), or None if none or several do.

        A session without a message yet is in no rollout and no database, but its lock has its name.
        """
        prefix = prefix.lower()
        if is_session_id(prefix):
            return prefix
        if len(prefix) < TITLE_ID_LENGTH or not is_session_id(prefix + _ZEROS[len(prefix) :]):
            return None
        # Listing four folders is cheaper than asking a database.
        sources: tuple[Callable[[], list[str]], ...] = (
            lambda: [
                *_ids_in(self.locks, prefix),
                *(found for folder in self._day_folders(prefix) for found in _ids_in(folder, prefix)),
            ],
            lambda: self._database_ids(prefix),
            lambda: list(_ids_in(self.archived_sessions, prefix)),
        )
        for source in sources:
            ids = set(source())
            if ids:
                return ids.pop() if len(ids) == 1 else None
        return None

    def named(self, word: str) -> list[str]:
        """The ids that `word` may mean: by a name that a person gave, or an id's first characters (8 at least).

        Sub-agents are among them; the caller tells why one of those will not do.
        """
        prefix = word.lower()
        found: dict[str, None] = {}
        if len(prefix) >= NAMED_BY and is_session_id(prefix + _ZEROS[len(prefix) :]):
            # Eight digits are a minute of an id's time: they lead to its day's folder.
            around = (prefix + _ZEROS[len(prefix) :])[:14] + "7"
            for folder in (self.locks, *self._day_folders(around), self.archived_sessions):
                found.update(dict.fromkeys(_ids_in(folder, prefix)))
            found.update(dict.fromkeys(self._database_ids(prefix)))

        def by_name(columns: set[str]) -> str | None:
            return "SELECT id FROM threads WHERE name = ? LIMIT 9" if "name" in columns else None

        found.update(dict.fromkeys(_text(row.get("id")) for row in self._ask(by_name, word)))
        return [session_id for session_id in found if is_session_id(session_id)]

    def rollout(self, session_id: str) -> str | None:
        """The path of the session's rollout on disk, archived or not, or None."""
        if not is_session_id(session_id):
            return None
        session_id = session_id.lower()
        return (
            self._current_rollout(session_id)
            or self._database_rollout(session_id)
            or self._archived_rollout(session_id)
        )

    def resumable(self, session_id: str) -> tuple[bool, str]:
        """(True, "") or (False, why not).

        Why not is "subagent", "archived", "deleted" (the database knows it, its rollout is gone),
        "no-message" (it has a lock or an empty rollout, so nothing to resume yet), "no-store" or "unknown".
        """
        if not is_session_id(session_id):
            return False, "unknown"
        session_id = session_id.lower()
        path = self._current_rollout(session_id)
        row: dict[str, object] = {}
        if path is None:
            row = self._row(session_id)
            path = _file(row.get("rollout_path")) or self._archived_rollout(session_id)
        if path is not None:
            if self._is_archived(path):
                return False, "archived"
            if _is_compressed(path):
                row = row or self._row(session_id)
                return (False, "subagent") if _is_subagent_row(row) else (True, "")
            line, cut = _first_line(path)
            if not line:
                return False, "no-message" if not cut else "unknown"
            return (False, "subagent") if _says_subagent(line) else (True, "")
        if row:
            return False, "subagent" if _is_subagent_row(row) else "deleted"
        if os.path.exists(self.lock_path(session_id)):
            return False, "no-message"
        if not os.path.isdir(self.sessions) and not self._databases():
            return False, "no-store"
        return False, "unknown"

    def is_subagent(self, session_id: str) -> bool:
        """Whether Codex opened this session for itself, below another one. False where nothing is known."""
        if not is_session_id(session_id):
            return False
        session_id = session_id.lower()
        path = self._current_rollout(session_id)
        if path is not None and not _is_compressed(path):
            return _says_subagent(_first_line(path)[0])
        row = self._row(session_id)
        if row:
            return _is_subagent_row(row)
        path = self._archived_rollout(session_id)
        return path is not None and _says_subagent(_first_line(path)[0])

    def find(self, session_id: str) -> Session | None:
        """The session, from its database row and, where that lacks something, its rollout's first lines."""
        if not is_session_id(session_id):
            return None
        session_id = session_id.lower()
        return self._session(session_id, self._row(session_id))

    def recent(self, limit: int) -> list[Session]:
        """The newest sessions, newest first, without sub-agents' and archived ones."""
        found: list[Session] = []
        for row in self._recent_rows(limit):
            session_id = _text(row.get("id"))
            session = self._session(session_id, row) if is_session_id(session_id) else None
            if session is not None and session.rollout and not session.subagent and not session.archived:
                found.append(session)
        if found:
            return found[:limit]
        for path in self._newest_rollouts():
            if len(found) >= limit:
                break
            session_id = _id_of(os.path.basename(path))
            session = self._session(session_id, {}, path) if session_id and _file(path) else None
            if session is not None and not session.subagent:
                found.append(session)
        return found

    def lock_path(self, session_id: str) -> str:
        """Where the lock of `session_id` is while a Codex has it open; that it exists means nothing."""
        return os.path.join(self.locks, f"{session_id}.lock")

    def lock_holder(self, session_id: str) -> Holder | None:
        """Who has the session open (Codex 0.169 holds `flock(LOCK_EX)` on its lock), or None.

        Never takes the lock to find out: a Codex that starts at that moment would be turned away.
        """
        pid = processes.lock_owner(self.lock_path(session_id))
        if pid is None:
            return None
        argv = processes.Processes().argv(pid)
        name = os.path.basename(argv[0]) if argv else ""
        return Holder(pid, name, processes.is_app_server(argv), tuple(argv))

    # The folders

    def _day_folders(self, session_id: str) -> list[str]:
        """The folder of the id's day, then its neighbours: the time zone may have changed since."""
        created = created_ms(session_id)
        if not created:
            return []
        folders: list[str] = []
        for day in (0, -1, 1):
            try:
                at = time.localtime(created / 1000 + day * 86400)
            except (OverflowError, ValueError, OSError):
                continue
            folder = os.path.join(self.sessions, f"{at[0]:04}", f"{at[1]:02}", f"{at[2]:02}")
            if folder not in folders:  # 23 and 25 hours a day
                folders.append(folder)
        return folders

    def _current_rollout(self, session_id: str) -> str | None:
        folders = self._day_folders(session_id)
        if folders and (path := _expected(folders[0], session_id)):
            return path
        return next((path for folder in folders if (path := _listed(folder, session_id))), None)

    def _archived_rollout(self, session_id: str) -> str | None:
        return _expected(self.archived_sessions, session_id) or _listed(self.archived_sessions, session_id)

    def _is_archived(self, path: str) -> bool:
        return os.path.basename(os.path.dirname(path)) == "archived_sessions"

    def _newest_rollouts(self) -> Iterator[str]:
        for year in _numbered(self.sessions, 4):
            for month in _numbered(year, 2):
                for day in _numbered(month, 2):
                    names = [name for name in _names(day) if _id_of(name)]
                    yield from (os.path.join(day, name) for name in sorted(names, reverse=True))

    # The database

    def _databases(self) -> list[str]:
        """Codex counts up when it changes the form; the newest that can be read is asked."""
        numbered = []
        for name in _names(self.sqlite_home):
            if name.startswith("state_") and name.endswith(".sqlite"):
                number = name[len("state_") : -len(".sqlite")]
                if number.isascii() and number.isdigit():
                    numbered.append((int(number), os.path.join(self.sqlite_home, name)))
        return [path for _, path in sorted(numbered, reverse=True)]

    def _ask(self, sql: Callable[[set[str]], str | None], *values: object) -> list[dict[str, object]]:
        """The rows of the first database that answers; `sql` is made for the columns its `threads` has."""
        databases = self._databases()
        if not databases:
            return []
        for path in databases:
            # Read-only, a database in WAL mode that nobody has open gets a -wal and a -shm, which then stay.
            in_use = os.path.exists(f"{path}-wal") or os.path.exists(f"{path}-journal")
            # Immutable alone would make a database that is not there (any more).
            ways = ("mode=ro", "mode=ro&immutable=1")
            for how in ways if in_use else reversed(ways):
                try:
                    connection = sqlite3.connect(_uri(path, how), uri=True, timeout=0.2)
                except sqlite3.Error:
                    continue
                try:
                    return _rows(connection, sql, values)
                except (sqlite3.Error, OverflowError, UnicodeError, ValueError):
                    continue
                finally:
                    connection.close()
        return []

    def _database_ids(self, prefix: str) -> list[str]:
        rows = self._ask(
            lambda columns: "SELECT id FROM threads WHERE id >= ? AND id < ? LIMIT 2", prefix, prefix + "g"
        )
        return [found for row in rows if is_session_id(found := _text(row.get("id")))]

    def _row(self, session_id: str) -> dict[str, object]:
        rows = self._ask(lambda columns: f"SELECT {_wanted(columns)} FROM threads WHERE id = ?", session_id)
        return rows[0] if rows else {}

    def _recent_rows(self, limit: int) -> list[dict[str, object]]:
        def sql(columns: set[str]) -> str | None:
            order = next((name for name in _AGES if name in columns), "id")
            where = "WHERE archived = 0" if "archived" in columns else ""
            return f"SELECT {_wanted(columns)} FROM threads {where} ORDER BY {order} DESC LIMIT ?"

        # Sub-agents and sessions whose file is gone are taken out afterwards.
        return self._ask(sql, limit * 4 + 50) if limit > 0 else []

    def _database_rollout(self, session_id: str) -> str | None:
        return _file(self._row(session_id).get("rollout_path"))

    # Both together

    def _session(self, session_id: str, row: dict[str, object], path: str | None = None) -> Session | None:
        path = path or _file(row.get("rollout_path"))
        path = path or self._current_rollout(session_id) or self._archived_rollout(session_id)
        if not row and path is None:
            return None
        cwd = _text(row.get("cwd"))
        first_message = _text(row.get("first_user_message"))
        source = _source(row.get("source"))
        subagent = _is_subagent_row(row)
        if path is not None and not (cwd and first_message and source):
            meta, message = read_rollout(path)
            cwd = cwd or _text(meta.get("cwd"))
            first_message = first_message or message
            source = source or _source(meta.get("source"))
            subagent = subagent or _is_subagent_row(meta)
        return Session(
            id=session_id,
            rollout=path or "",
            cwd=cwd,
            title=_text(row.get("name")) or _text(row.get("title")) or first_message,
            first_message=first_message,
            source=source,
            subagent=subagent,
            exec_session=source == "exec",
            archived=bool(row.get("archived")) or (path is not None and self._is_archived(path)),
            created_ms=_number(row.get("created_at_ms"))
            or _number(row.get("created_at")) * 1000
            or created_ms(session_id),
            updated=_mtime(path),
        )


_ZEROS = "00000000-0000-0000-0000-000000000000"
_COLUMNS = (
    "id rollout_path cwd title name first_user_message source thread_source archived created_at created_at_ms"
)
_AGES = ("recency_at_ms", "updated_at_ms", "updated_at", "created_at_ms", "created_at")


def _is_compressed(path: str) -> bool:
    """Whether a rollout is one that Codex has compressed since: the database then tells what is in it."""
    return path.endswith(COMPRESSED)


def created_ms(session_id: str) -> int:
    """Milliseconds since the epoch that a UUIDv7, whole or cut, begins with; 0 for any other id."""
    if len(session_id) < 15 or session_id[14] != "7":
        return 0
    try:
        return int(session_id[:8] + session_id[9:13], 16)
    except ValueError:
        return 0


def read_rollout(path: str) -> tuple[dict[str, object], str]:
    """(payload of the `session_meta`, first message of the person), each empty where it is not found.

    Reads the first 256 KB at most.
    """
    head = _read_head(path)
    meta: dict[str, object] = {}
    message = fallback = ""
    for line in head.split(b"\n")[:200]:
        entry = _json_object(json.loads, line)
        if not entry and not meta:
            # A first line longer than the head: what is of interest stands before the instructions.
            entry = _json_object(json.loads, line.partition(b',"base_instructions":')[0] + b"}}")
        payload = entry.get("payload")
        if not isinstance(payload, dict):
            continue
        if entry.get("type") == "session_meta" and not meta:
            meta = payload
        kind = payload.get("type")
        item = payload.get("item")
        if kind == "user_message":
            message = _text(payload.get("message"))
        elif kind == "item_completed" and isinstance(item, dict) and item.get("type") == "UserMessage":
            message = _content_text(item.get("content"))
        elif kind == "message" and payload.get("role") == "user" and not fallback:
            text = _content_text(payload.get("content"))
            fallback = (
                "" if text.startswith(("<", "# AGENTS.md")) else text
            )  # what Codex says in the user's name
        if message:
            break
    return meta, message or fallback


def _json_object(loads: Callable[[bytes], object], line: bytes) -> dict[str, object]:
    try:
        found = loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _content_text(content: object) -> str:
    parts = content if isinstance(content, list) else []
    return "\n".join(text for part in parts if isinstance(part, dict) and (text := _text(part.get("text"))))


def _read_head(path: str, size: int = _HEAD) -> bytes:
    try:
        # O_NONBLOCK: a FIFO in the place of a rollout must not stop a pane from starting.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        return b""
    try:
        with os.fdopen(fd, "rb", closefd=True) as file:
            return file.read(size) or b""
    except OSError:
        return b""


def _first_line(path: str) -> tuple[bytes, bool]:
    """(the first line, or as much of it as is read; whether the file has more than nothing)."""
    head = _read_head(path, 32 * 1024)
    if b"\n" not in head:
        head = _read_head(path)
    return head.partition(b"\n")[0], bool(head)


def _says_subagent(line: bytes) -> bool:
    """Whether a `session_meta` line is a sub-agent's.

    Inside a JSON string a quote is escaped, so the bytes `"subagent"` are a key or a whole value: an ordinary
    session is known without importing json.
    """
    if b'"subagent"' not in line:
        return False
    entry = _json_object(json.loads, line) or _json_object(
        json.loads, line.partition(b',"base_instructions":')[0] + b"}}"
    )
    payload = entry.get("payload")
    return isinstance(payload, dict) and _is_subagent_row(payload)


def _is_subagent_row(row: dict[str, object]) -> bool:
    """Of a database row or of a `session_meta`, which use the same two words."""
    return row.get("thread_source") == "subagent" or _source(row.get("source")) == "subagent"


def _source(value: object) -> str:
    """`cli`, or the key of `{"subagent": …}`, which the database holds as text."""
    if isinstance(value, str) and value.startswith("{"):
        value = _json_object(json.loads, value.encode("utf-8", "replace"))
    if isinstance(value, dict):
        value = next(iter(value), "")
    return _text(value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _file(value: object) -> str | None:
    """`value` if it is the path of a file that is there."""
    try:
        return value if isinstance(value, str) and os.path.isfile(value) else None
    except ValueError:  # an embedded null byte
        return None


def _mtime(path: str | None) -> float:
    try:
        return os.stat(path).st_mtime if path else 0.0
    except (OSError, ValueError):
        return 0.0


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except (OSError, ValueError):
        return []


def _numbered(folder: str, digits: int) -> list[str]:
    names = [name for name in _names(folder) if len(name) == digits and name.isascii() and name.isdigit()]
    return [os.path.join(folder, name) for name in sorted(names, reverse=True)]


def _id_of(name: str) -> str:
    """The id in `rollout-2026-11-23T05-25-23-<id>.jsonl` or `<id>.lock`, or ""."""
    stem = name.partition(".")[0]
    return stem[-36:].lower() if is_session_id(stem[-36:]) else ""


def _ids_in(folder: str, prefix: str) -> Iterator[str]:
    return (found for name in _names(folder) if prefix in name and (found := _id_of(name)).startswith(prefix))


def _listed(folder: str, session_id: str) -> str | None:
    for name in _names(folder):
        if session_id in name and name.startswith("rollout-") and _id_of(name) == session_id:
            return _file(os.path.join(folder, name))
    return None


def _expected(folder: str, session_id: str) -> str | None:
    """The rollout by its exact name, without listing a folder that may hold thousands."""
    seconds = created_ms(session_id) // 1000
    for second in (seconds, seconds + 1) if seconds else ():
        try:
            at = time.strftime("%Y-%m-%dT%H-%M-%S", time.localtime(second))
        except (OverflowError, ValueError, OSError):
            return None
        name = os.path.join(folder, f"rollout-{at}-{session_id}.jsonl")
        if path := _file(name) or _file(name + COMPRESSED):
            return path
    return None


def _uri(path: str, how: str) -> str:
    for character, quoted in (("%", "%25"), ("?", "%3f"), ("#", "%23")):
        path = path.replace(character, quoted)
    return f"file:{os.path.abspath(path)}?{how}"


def _wanted(columns: set[str]) -> str:
    return ", ".join(name for name in _COLUMNS.split() if name in columns)


def _rows(
    connection: sqlite3.Connection, sql: Callable[[set[str]], str | None], values: tuple[object, ...]
) -> list[dict[str, object]]:
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    columns = {str(row[1]) for row in connection.execute("PRAGMA table_info(threads)")}
    if "id" not in columns:
        raise sqlite3.DatabaseError("no table threads with an id")
    cursor = connection.execute(sql(columns) or "", values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
