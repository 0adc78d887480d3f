"""Codex's own store, read only: the truth about which session can be resumed.

`$CODEX_HOME` holds a rollout per session in `sessions/YYYY/MM/DD/`, archived ones flat in
`archived_sessions/`, a database `state_<n>.sqlite` (from 0.117 on), and a lock per open session in
`thread-writer-locks/` (from 0.154 on). All of them are Codex's and change with it, so every reading takes a
missing, cut, locked or newer file for no answer.

A session id is a UUIDv7: it begins with its creation time in milliseconds, and so names the day's folder and,
but for a second or the time zone, the very file. Nothing here walks the tree to find a session.
"""

import itertools
import os
import stat
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from codex_tmux.codex import processes
from codex_tmux.codex.commandline import is_app_server
from codex_tmux.codex.database import Database
from codex_tmux.codex.json_value import Object, a_text
from codex_tmux.codex.rollout import (
    COMPRESSED,
    first_line,
    is_subagent,
    read_rollout,
    says_subagent,
    source_of,
)
from codex_tmux.codex.session_id import CUT, is_whole, same_session
from codex_tmux.paths import names_in

AT_ONCE = 0.3
"""Seconds in which a process that is ending lets go of its session."""
NAMED_BY = 8
"""Characters of an id by which a person may name it."""


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

    @property
    def listed(self) -> bool:
        """Whether lists show it: a sub-agent's and an archived one they do not."""
        return bool(self.rollout) and not self.subagent and not self.archived


class Holder(NamedTuple):
    pid: int
    name: str
    daemon: bool
    """It is the shared app-server: another TUI may join the session there."""


SQLITE_HOME = "CODEX_SQLITE_HOME"
"""The variable that names another place for Codex's databases than its home."""


class Store:
    """The store below `codex_home`; its databases below `sqlite_home` (`$CODEX_SQLITE_HOME`), if given."""

    def __init__(self, codex_home: str, sqlite_home: str | None = None) -> None:
        # "" for a Codex that runs elsewhere: its store is not here, and this directory is none.
        codex_home = codex_home or os.devnull
        self.codex_home = codex_home
        self.database = Database(sqlite_home or codex_home)
        self.sessions = os.path.join(codex_home, "sessions")
        self.archived_sessions = os.path.join(codex_home, "archived_sessions")
        self.locks = os.path.join(codex_home, "thread-writer-locks")

    def complete(self, prefix: str) -> str | None:
        """The whole id that begins with `prefix` (at least 29 characters), or None if none or several do.

        A session without a message yet is in no rollout and no database, but its lock has its name.
        """
        prefix = prefix.lower()
        if is_whole(prefix):
            return prefix
        if len(prefix) < CUT or not is_whole(prefix + _ZEROS[len(prefix) :]):
            return None
        # Listing four folders is cheaper than asking a database.
        ids = {
            found for folder in (self.locks, *self._day_folders(prefix)) for found in _ids_in(folder, prefix)
        }
        ids = ids or set(self._ids("id >= ? AND id < ? LIMIT 2", prefix, prefix + "g"))
        ids = ids or set(_ids_in(self.archived_sessions, prefix))
        return ids.pop() if len(ids) == 1 else None

    def named(self, word: str) -> list[str]:
        """The ids that `word` may mean: by a name that a person gave, or an id's first characters (8 at least).

        Sub-agents are among them; the caller tells why one of those will not do.
        """
        prefix = word.lower()
        found: list[str] = []
        if len(prefix) >= NAMED_BY and is_whole(prefix + _ZEROS[len(prefix) :]):
            # Eight digits are a minute of an id's time: they lead to its day's folder.
            around = (prefix + _ZEROS[len(prefix) :])[:14] + "7"
            for folder in (self.locks, *self._day_folders(around), self.archived_sessions):
                found += _ids_in(folder, prefix)
            found += self._ids("id >= ? AND id < ? LIMIT 2", prefix, prefix + "g")
        return list(dict.fromkeys([*found, *self._ids("name = ? LIMIT 9", word)]))

    def names(self, session_ids: list[str]) -> dict[str, str]:
        """What Codex, or a person in it, has named these sessions, those that have a name; unsafe to print."""
        marks = ", ".join("?" * len(session_ids))
        sql = f"SELECT id, name FROM threads WHERE name <> '' AND id IN ({marks})"
        rows = self.database.rows(sql, *session_ids)
        return {a_text(row.get("id")): a_text(row.get("name")) for row in rows}

    def is_in_a_name(self, session_id: str) -> bool:
        """Whether an id, whole or cut, stands in what Codex may show as the name of another session."""

        def sql(columns: set[str]) -> str:
            shown = [f"{name} LIKE ?1" for name in _NAMES if name in columns]
            return f"SELECT id FROM threads WHERE {' OR '.join(shown) or '?1 IS NULL'}"

        rows = self.database.rows(sql, f"%{session_id}%")
        return any(not same_session(a_text(row.get("id")), session_id) for row in rows)

    def rollout(self, session_id: str) -> str | None:
        session_id = _whole(session_id)
        return self._located(session_id)[0] if session_id else None

    def resumable(self, session_id: str) -> tuple[bool, str]:
        """(True, "") or (False, why not).

        Why not is "subagent", "archived", "deleted" (the database knows it, its rollout is gone),
        "no-message" (it has a lock or an empty rollout, so nothing to resume yet), "no-store" or "unknown".
        """
        if not (session_id := _whole(session_id)):
            return False, "unknown"
        path, row = self._located(session_id)
        why_not = self._why_not_from(path, session_id) if path else self._why_missing(session_id, row)
        return not why_not, why_not

    def _why_not_from(self, path: str, session_id: str) -> str:
        """Why the rollout that is there cannot be resumed, "" where it can."""
        if _is_archived(path):
            return "archived"
        if path.endswith(COMPRESSED):
            return "subagent" if is_subagent(self._row(session_id)) else ""
        line, cut = first_line(path)
        if not line:
            return "unknown" if cut else "no-message"
        return "subagent" if says_subagent(line) else ""

    def _why_missing(self, session_id: str, row: Object) -> str:
        if row:
            return "subagent" if is_subagent(row) else "deleted"
        if os.path.exists(self.lock_path(session_id)):
            return "no-message"
        return "unknown" if os.path.isdir(self.sessions) or self.database.files() else "no-store"

    def is_subagent(self, session_id: str) -> bool:
        """Whether Codex opened this session for itself, below another one. False where nothing is known."""
        if not (session_id := _whole(session_id)):
            return False
        path, row = self._located(session_id)
        if path and not path.endswith(COMPRESSED):
            return says_subagent(first_line(path)[0])
        return is_subagent(row or self._row(session_id))

    def find(self, session_id: str) -> Session | None:
        if not (session_id := _whole(session_id)):
            return None
        return self._session(session_id, self._row(session_id))

    def recent(self, limit: int, word: str = "") -> list[Session]:
        """The newest sessions; with a `word` those that have it, in any case, in their id, title or directory."""
        rows = ((a_text(row.get("id")), row) for row in self._recent_rows(limit, word))
        known = (self._session(session_id, row) for session_id, row in rows if is_whole(session_id))
        found = list(itertools.islice((s for s in known if s and s.listed), max(0, limit)))
        if found or (word and self.database.files()):
            return found
        return list(itertools.islice(self._newest_on_disk(), max(0, limit)))

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
        return Holder(pid, name, is_app_server(argv))

    # The folders

    def _day_folders(self, session_id: str) -> list[str]:
        """The folder of the id's day, then its neighbours: the time zone may have changed since."""
        seconds = created_ms(session_id) // 1000
        days = (time.localtime(seconds + day * 86400) for day in (0, -1, 1) if seconds)
        folders = (os.path.join(self.sessions, time.strftime("%Y/%m/%d", day)) for day in days)
        return list(dict.fromkeys(folders))  # 23 and 25 hours a day

    def _current_rollout(self, session_id: str) -> str | None:
        folders = self._day_folders(session_id)
        if folders and (path := _expected(folders[0], session_id)):
            return path
        return next((path for folder in folders if (path := _listed(folder, session_id))), None)

    def _located(self, session_id: str, row: Object | None = None) -> tuple[str | None, Object]:
        """The session's rollout, and its row in the database where that was asked."""
        if path := self._current_rollout(session_id):
            return path, {}
        row = row or self._row(session_id)
        path = _file(row.get("rollout_path")) or _expected(self.archived_sessions, session_id)
        return path or _listed(self.archived_sessions, session_id), row

    def _newest_on_disk(self) -> Iterator[Session]:
        for folder, folders, names in os.walk(self.sessions):
            folders.sort(reverse=True)
            for name in sorted(names, reverse=True):
                path = _file(os.path.join(folder, name)) if _id_of(name) else None
                session = self._session(_id_of(name), {}, path) if path else None
                if session and not session.subagent:
                    yield session

    # The database

    def _ids(self, where: str, *values: str) -> list[str]:
        rows = self.database.rows(f"SELECT id FROM threads WHERE {where}", *values)
        return [found for row in rows if is_whole(found := a_text(row.get("id")))]

    def _row(self, session_id: str) -> Object:
        rows = self.database.rows("SELECT * FROM threads WHERE id = ?", session_id)
        return rows[0] if rows else {}

    def _recent_rows(self, limit: int, word: str) -> list[Object]:
        def sql(columns: set[str]) -> str:
            order = next((name for name in _AGES if name in columns), "id")
            wanted = ["archived = 0"] if "archived" in columns else []
            if word:
                searched = "||' '||".join(f"ifnull({name},'')" for name in _SEARCHED if name in columns)
                wanted.append(f"has_word(CAST({searched} AS BLOB))")
            where = f"WHERE {' AND '.join(wanted)}" if wanted else ""
            read = ", ".join(name for name in _READ if name in columns)
            return f"SELECT {read} FROM threads {where} ORDER BY {order} DESC LIMIT ?"

        # Sub-agents and sessions whose file is gone are taken out afterwards.
        return self.database.rows(sql, limit * 4 + 50, word=word) if limit > 0 else []

    # Both together

    def _session(self, session_id: str, row: Object, path: str | None = None) -> Session | None:
        path = path or a_text(row.get("rollout_path"))
        if not (updated := _mtime(path)):
            path = self._located(session_id, row)[0]
            updated = _mtime(path)
        if not row and path is None:
            return None
        told, meta = _told(row, path)
        first_message = a_text(told.get("first_user_message"))
        source = source_of(told)
        return Session(
            id=session_id,
            rollout=path or "",
            cwd=a_text(told.get("cwd")),
            title=_first_text(row.get("name"), row.get("title"), first_message),
            first_message=first_message,
            source=source,
            subagent=is_subagent(row) or is_subagent(meta),
            exec_session=source == "exec",
            archived=bool(row.get("archived")) or _is_archived(path),
            created_ms=_created(session_id, row),
            updated=updated,
        )


def holder_after(
    store: Store, session_id: str, seconds: float, tell: Callable[[Holder], None], stopped: Callable[[], bool]
) -> Holder | None:
    """Wait while a process has the session open; the one that has it after so many seconds, or when `stopped`.

    `tell` hears of one that does not let go at once.
    """
    told, begun = False, time.monotonic()
    while (holder := store.lock_holder(session_id)) and not stopped():
        waited = time.monotonic() - begun
        if waited > seconds:
            break
        if waited > AT_ONCE and not told:
            told = True
            tell(holder)
        time.sleep(0.02)
    return holder


_ZEROS = "00000000-0000-0000-0000-000000000000"
_NAMES = ("name", "title", "preview", "first_user_message")
_SEARCHED = ("id", "name", "title", "first_user_message", "cwd")
_READ = (*_SEARCHED, "rollout_path", "source", "thread_source", "archived", "created_at_ms", "created_at")
_TOLD_BY_BOTH = ("source", "cwd", "first_user_message")
"""What the rollout tells too, where the row does not."""
_AGES = ("recency_at_ms", "updated_at_ms", "updated_at", "created_at_ms", "created_at")


def _told(row: Object, path: str | None) -> tuple[Object, Object]:
    """What the row tells, and what it lacks the rollout; that one's `session_meta` if it was read."""
    told: Object = {name: text for name in _TOLD_BY_BOTH if (text := a_text(row.get(name)))}
    if not path or len(told) == len(_TOLD_BY_BOTH):
        return told, {}
    meta, message = read_rollout(path)
    return {"first_user_message": message, **meta, **told}, meta


def _whole(session_id: str) -> str:
    """A session's id as Codex writes it; "" for anything else."""
    return session_id.lower() if is_whole(session_id) else ""


def created_ms(session_id: str) -> int:
    """Milliseconds since the epoch that a UUIDv7, whole or cut, begins with; 0 for any other id."""
    if len(session_id) < 15 or session_id[14] != "7":
        return 0
    try:
        return int(session_id[:8] + session_id[9:13], 16)
    except ValueError:
        return 0


def _is_archived(path: str | None) -> bool:
    return os.path.basename(os.path.dirname(path or "")) == "archived_sessions"


def _first_text(*values: object) -> str:
    return next(filter(None, map(a_text, values)), "")


def _created(session_id: str, row: Object) -> int:
    """In milliseconds; 0 where neither the row nor the id says."""
    ms, seconds = row.get("created_at_ms"), row.get("created_at")
    if isinstance(ms, int) and ms:
        return ms
    return seconds * 1000 if isinstance(seconds, int) and seconds else created_ms(session_id)


def _file(value: object) -> str | None:
    return value if isinstance(value, str) and os.path.isfile(value) else None


def _mtime(path: str | None) -> float:
    """When a file was changed last; 0 where there is none."""
    try:
        found = os.stat(path or "")
    except (OSError, ValueError):
        return 0.0
    return found.st_mtime if stat.S_ISREG(found.st_mode) else 0.0


def _id_of(name: str) -> str:
    """The id in `rollout-2026-11-23T05-25-23-<id>.jsonl` or `<id>.lock`, or ""."""
    stem = name.partition(".")[0]
    return stem[-36:].lower() if is_whole(stem[-36:]) else ""


def _ids_in(folder: str, prefix: str) -> Iterator[str]:
    return (
        found for name in names_in(folder) if prefix in name and (found := _id_of(name)).startswith(prefix)
    )


def _listed(folder: str, session_id: str) -> str | None:
    for name in names_in(folder):
        if session_id in name and name.startswith("rollout-") and _id_of(name) == session_id:
            return _file(os.path.join(folder, name))
    return None


def _expected(folder: str, session_id: str) -> str | None:
    """The rollout by its exact name, without listing a folder that may hold thousands."""
    seconds = created_ms(session_id) // 1000
    for second in (seconds, seconds + 1) if seconds else ():
        at = time.strftime("%Y-%m-%dT%H-%M-%S", time.localtime(second))
        name = os.path.join(folder, f"rollout-{at}-{session_id}.jsonl")
        if path := _file(name) or _file(name + COMPRESSED):
            return path
    return None
