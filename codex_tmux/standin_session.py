"""A conversation of the stand-in and its files, in the layout of Codex 0.169: rollout, state database, writer lock."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import sqlite3
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from codex_tmux.model_server import reply_to, user_messages

VERSION = "0.169.0"
THREADS = """CREATE TABLE IF NOT EXISTS threads (
    id TEXT PRIMARY KEY, rollout_path TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    source TEXT NOT NULL, cwd TEXT NOT NULL, title TEXT NOT NULL, archived INTEGER NOT NULL DEFAULT 0,
    cli_version TEXT NOT NULL DEFAULT '', first_user_message TEXT NOT NULL DEFAULT '', created_at_ms INTEGER,
    updated_at_ms INTEGER, thread_source TEXT, name TEXT)"""


def codex_home() -> Path:
    return Path(os.environ.get("CODEX_HOME") or Path.home() / ".codex")


def config() -> str:
    try:
        return (codex_home() / "config.toml").read_text()
    except OSError:
        return ""


def new_id() -> str:
    """A UUIDv7: it begins with the time in milliseconds."""
    value = time.time_ns() // 1_000_000 << 80 | 7 << 76 | secrets.randbits(76)
    value = value & ~(3 << 62) | 2 << 62
    text = f"{value:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


class Refused(Exception):
    """The session cannot be had; the text says why, as Codex would."""


class OpenElsewhere(Refused):
    """Another process writes the session."""


OPEN_ELSEWHERE = "This conversation is open in another app"


class Session:
    """One conversation and its files; nothing is written before the first message."""

    def __init__(
        self,
        session_id: str | None = None,
        source: str = "cli",
        cwd: str | None = None,
    ) -> None:
        self.id = session_id or new_id()
        self.source = source
        self.cwd = cwd or os.getcwd()
        self.items: list[dict[str, Any]] = []
        self.rollout: Path | None = None
        if session_id:
            found = list(codex_home().glob(f"sessions/*/*/*/rollout-*-{session_id}.jsonl"))
            if not found:
                raise Refused(f"No saved session found with ID {session_id}.")
            self.rollout = found[0]
            self.items = items_of(found[0])
        locks = codex_home() / "thread-writer-locks"
        locks.mkdir(parents=True, exist_ok=True)
        # Open for as long as the session is: who holds this file writes the session.
        self._lock = open(locks / f"{self.id}.lock", "a")  # noqa: SIM115
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            self._lock.close()
            raise OpenElsewhere(OPEN_ELSEWHERE) from e

    def close(self) -> None:
        """Let go of the session, as the end of the process would."""
        self._lock.close()

    def quit(self) -> None:
        """Let go of the session, and take its lock file away: only a killed Codex leaves one behind."""
        with contextlib.suppress(OSError):
            os.unlink(self._lock.name)
        self.close()

    def ask(self, text: str) -> str:
        """Send a message to the model and keep both it and the answer; returns the answer."""
        self._write("user", "input_text", text)
        reply = ask_model(self.id, self.items)
        self._write("assistant", "output_text", reply)
        return reply

    def _write(self, role: str, kind: str, text: str) -> None:
        item = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
        self.items.append(item)
        if self.rollout is None:
            self.rollout = self._create(text)
        self._append("response_item", item)

    def _create(self, first_message: str) -> Path:
        now = datetime.now()
        name = f"rollout-{now:%Y-%m-%dT%H-%M-%S}-{self.id}.jsonl"
        rollout = self.rollout = codex_home() / f"sessions/{now:%Y/%m/%d}" / name
        rollout.parent.mkdir(parents=True, exist_ok=True)
        meta = {"id": self.id, "session_id": self.id, "cwd": self.cwd, "cli_version": VERSION}
        meta |= {"source": self.source, "thread_source": "user", "originator": "codex-tmux-standin"}
        self._append("session_meta", {**meta, "timestamp": datetime.now(timezone.utc).isoformat()})
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

    def _append(self, kind: str, payload: dict[str, Any]) -> None:
        assert self.rollout is not None
        entry = {"timestamp": datetime.now(timezone.utc).isoformat(), "type": kind, "payload": payload}
        with open(self.rollout, "a") as rollout:
            rollout.write(json.dumps(entry) + "\n")


def items_of(rollout: Path) -> list[dict[str, Any]]:
    """What was said, from a rollout; half a line at its end, of a killed Codex, counts for nothing."""
    items = []
    for line in rollout.read_text().splitlines():
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if entry["type"] == "response_item":
                items.append(entry["payload"])
    return items


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


def ask_model(session_id: str, items: list[dict[str, Any]]) -> str:
    """The answer of the model that Codex's config names; where it names none, the same answer made here."""
    base_url = re.search(r'^base_url\s*=\s*"([^"]+)"', config(), re.MULTILINE)
    if base_url is None:
        return reply_to(user_messages({"input": items}))
    body = {"model": "stand-in", "stream": True, "input": items, "prompt_cache_key": session_id}
    request = urllib.request.Request(
        f"{base_url[1]}/responses", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    reply = ""
    # No proxy, whatever the environment says: the address is on the loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request) as answer:
            for line in answer:
                if line.startswith(b"data: "):
                    event = json.loads(line[6:])
                    if event["type"] == "response.output_item.done":
                        reply = event["item"]["content"][0]["text"]
    except urllib.error.HTTPError as e:
        return f"■ unexpected status {e.code}"
    except OSError as e:
        return f"■ the model cannot be reached: {e}"
    return str(reply)
