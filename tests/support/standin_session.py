"""A conversation of the tests' stand-in: also in the state database, as Codex 0.169 has it."""

import contextlib
import json
import os
import re
import sqlite3
import time
import urllib.error
from pathlib import Path
from typing import Any

from codex_tmux.selftest.model import reply_to, user_messages
from codex_tmux.selftest.standin import VERSION, Session, codex_home, config

THREADS = """CREATE TABLE IF NOT EXISTS threads (
    id TEXT PRIMARY KEY, rollout_path TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    source TEXT NOT NULL, cwd TEXT NOT NULL, title TEXT NOT NULL, archived INTEGER NOT NULL DEFAULT 0,
    cli_version TEXT NOT NULL DEFAULT '', first_user_message TEXT NOT NULL DEFAULT '', created_at_ms INTEGER,
    updated_at_ms INTEGER, thread_source TEXT, name TEXT)"""


class Refused(Exception):
    """The session cannot be had; the text says why, as Codex would."""


class OpenElsewhere(Refused):
    """Another process writes the session."""


class StoredSession(Session):
    """A session with its row in the state database."""

    def __init__(self, session_id: str | None = None, source: str = "cli") -> None:
        try:
            super().__init__(session_id)
        except StopIteration:
            raise Refused(f"No saved session found with ID {session_id}.") from None
        except BlockingIOError:
            raise OpenElsewhere("This conversation is open in another app") from None
        self.source = source

    forked_from = ""

    @classmethod
    def fork(cls, parent: str) -> "StoredSession":
        """A session of its own with all that `parent` has said; on the disk at once, as Codex has it."""
        rollout = next(codex_home().glob(f"sessions/*/*/*/rollout-*-{parent}.jsonl"), None)
        if rollout is None:
            raise Refused(f"No saved session found with ID {parent}.")
        made = cls()
        made.forked_from = parent
        made.items = made.read(rollout)
        made.begin(str(made.items[0]["content"][0]["text"]))
        for item in made.items:
            made.append("response_item", item)
        return made

    def append(self, kind: str, payload: dict[str, Any]) -> None:
        if kind == "session_meta" and self.forked_from:
            payload = {**payload, "forked_from_id": self.forked_from}
        super().append(kind, payload)

    def quit(self) -> None:
        """Let go of the session, and take its lock file away: only a killed Codex leaves one behind."""
        with contextlib.suppress(OSError):
            os.unlink(self.lock.name)
        self.lock.close()

    def read(self, rollout: Path) -> list[dict[str, Any]]:
        """What was said; half a line at its end, of a killed Codex, counts for nothing."""
        items = []
        for line in rollout.read_text().splitlines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if entry["type"] == "response_item":
                    items.append(entry["payload"])
        return items

    def begin(self, first_message: str) -> Path:
        rollout = super().begin(first_message)
        ms = int(time.time() * 1000)
        row = {
            "id": self.id,
            "rollout_path": str(rollout),
            "created_at": ms // 1000,
            "updated_at": ms // 1000,
        }
        # Codex writes a path that is no UTF-8 with replacement characters.
        cwd = os.fsencode(self.cwd).decode("utf-8", "replace")
        row |= {"source": self.source, "cwd": cwd, "title": first_message, "cli_version": VERSION}
        row |= {"first_user_message": first_message, "created_at_ms": ms, "updated_at_ms": ms}
        row |= {"thread_source": "user"}
        with (
            contextlib.closing(sqlite3.connect(codex_home() / "state_5.sqlite", timeout=10)) as database,
            database,
        ):
            make_wal(database)
            database.execute(THREADS)
            marks = ", ".join(f":{name}" for name in row)
            database.execute(f"INSERT OR REPLACE INTO threads ({', '.join(row)}) VALUES ({marks})", row)
        return rollout

    def reply(self) -> str:
        """The answer of the model that Codex's config names; where it names none, the same answer made here."""
        if not re.search(r"^base_url", config(), re.MULTILINE):
            return reply_to(user_messages({"input": self.items}))
        try:
            return super().reply()
        except urllib.error.HTTPError as e:
            return f"■ unexpected status {e.code}"
        except OSError as e:
            return f"■ the model cannot be reached: {e}"


def make_wal(database: sqlite3.Connection) -> None:
    """Write-ahead logging, as Codex has it. The busy timeout does not hold for this change: of several that make it
    at the same moment one succeeds, and the others find it done."""
    end = time.monotonic() + 10
    while True:
        try:
            database.execute("PRAGMA journal_mode = wal")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
