"""A small stand-in for Codex, for machines that have none: the self-test and the fast tests talk to it.

It keeps its sessions in the layout of Codex 0.169 (rollout, state database, writer lock), names its session
in the terminal title where Codex's config asks for it, and always runs embedded, without a shared daemon.
Flags are accepted and ignored, but for `-C`.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import re
import secrets
import sqlite3
import sys
import termios
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from codex_tmux.model_server import reply_to, user_messages

VERSION = "0.169.0"
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LINGER = "STANDIN_LINGER"
"""Environment: seconds between the cleared title and the end."""
FOCUS_EVENTS_ON, FOCUS_EVENTS_OFF = "\x1b[?1004h", "\x1b[?1004l"
FOCUS_REPORT = re.compile(r"\x1b\[[IO]")
PROMPT_DELAY = 1.0
"""Seconds after its start at which Codex sends the prompt of its command line."""
ID_IN_TITLE = 29
"""Codex cuts the id in the title to this many characters."""
VALUED_FLAGS = frozenset(
    [
        "-c",
        "--config",
        "--enable",
        "--disable",
        "--remote",
        "--remote-auth-token-env",
        "-i",
        "--image",
        "-m",
        "--model",
        "--local-provider",
        "-p",
        "--profile",
        "-s",
        "--sandbox",
        "-C",
        "--cd",
        "--add-dir",
        "-a",
        "--ask-for-approval",
        "--color",
        "-o",
        "--output-last-message",
        "--output-schema",
    ]
)
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


class Session:
    """One conversation and its files; nothing is written before the first message."""

    def __init__(self, session_id: str | None = None, source: str = "cli") -> None:
        self.id = session_id or new_id()
        self.source = source
        self.items: list[dict[str, Any]] = []
        self.rollout: Path | None = None
        if session_id:
            found = list(codex_home().glob(f"sessions/*/*/*/rollout-*-{session_id}.jsonl"))
            if not found:
                raise Refused(f"No saved session found with ID {session_id}.")
            self.rollout = found[0]
            for line in self.rollout.read_text().splitlines():
                with contextlib.suppress(ValueError):
                    entry = json.loads(line)
                    if entry["type"] == "response_item":
                        self.items.append(entry["payload"])
        locks = codex_home() / "thread-writer-locks"
        locks.mkdir(parents=True, exist_ok=True)
        # Open for as long as the session is: who holds this file writes the session.
        self._lock = open(locks / f"{self.id}.lock", "a")  # noqa: SIM115
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            self._lock.close()
            raise Refused("This conversation is open in another app") from e

    def close(self) -> None:
        self._lock.close()

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
        meta = {"id": self.id, "session_id": self.id, "cwd": os.getcwd(), "cli_version": VERSION}
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
        cwd = os.fsencode(os.getcwd()).decode("utf-8", "replace")
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


def set_title(session: Session | None) -> None:
    title = ""
    if session is not None:
        title = os.path.basename(os.fsencode(os.getcwd()).decode("utf-8", "replace"))
        if re.search(r"^terminal_title\s*=.*thread-id", config(), re.MULTILINE):
            title += f" | {session.id[:ID_IN_TITLE]}..."
    sys.stdout.write(f"\x1b]0;{title}\x07")
    sys.stdout.flush()


def say(text: str) -> None:
    # Over the composer's line, which is drawn again below.
    sys.stdout.write(f"\r\x1b[2K{text}\n› ")
    sys.stdout.flush()


def tui(session: Session, prompt: str | None) -> int:
    """Talk until `/quit`, Ctrl-C twice or the end of input."""
    if sys.stdin.isatty():
        # What was typed before the composer is there is lost, as with Codex.
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
    sys.stdout.write(FOCUS_EVENTS_ON)
    set_title(session)
    lines = [f">_ Codex stand-in (v{VERSION})", f"   {os.getcwd()}", ""]
    lines += [
        ("› " if item["role"] == "user" else "• ") + item["content"][0]["text"] for item in session.items
    ]
    # In one piece: a transcript on the screen means that the composer is there.
    say("\n".join([*lines, ""]))
    interrupted = 0.0
    while True:
        try:
            if prompt is not None:
                time.sleep(PROMPT_DELAY)
            text, prompt = (prompt if prompt is not None else sys.stdin.readline()), None
            text = FOCUS_REPORT.sub("", text)
            if not text or text.strip() == "/quit":
                break
            if text.strip() == "/new":
                session.close()
                session = Session()
                set_title(session)
                say("• a new conversation")
            elif text.strip():
                say("◦ Working (esc to interrupt)")
                say(f"• {session.ask(text.strip())}")
        except KeyboardInterrupt:
            if time.monotonic() - interrupted < 2:
                break
            interrupted = time.monotonic()
            say("  ctrl + c again to quit")
    set_title(None)
    sys.stdout.write(FOCUS_EVENTS_OFF)
    sys.stdout.flush()
    # On a busy machine the real one takes its time to end, with the title cleared.
    time.sleep(float(os.environ.get(LINGER, "0")))
    # What was typed goes, as Codex's composer does: no line is left that looks ready for input.
    print(f"\x1b[A\r\x1b[2KTo continue this session, run:\n  codex resume {session.id}")
    return 0


def run_exec(session: Session, prompt: str | None, as_json: bool) -> int:
    text = sys.stdin.read() if prompt in (None, "-") else str(prompt)
    if not as_json:
        print(f"session id: {session.id}", file=sys.stderr)
        print(session.ask(text.strip()))
        return 0
    print(json.dumps({"type": "thread.started", "thread_id": session.id}), flush=True)
    print(json.dumps({"type": "turn.started"}), flush=True)
    reply = session.ask(text.strip())
    item = {"id": "item_0", "type": "agent_message", "text": reply}
    print(json.dumps({"type": "item.completed", "item": item}), flush=True)
    print(
        json.dumps({"type": "turn.completed", "usage": {"input_tokens": 1, "output_tokens": 1}}), flush=True
    )
    return 0


def split(args: list[str]) -> tuple[list[str], list[str]]:
    """The words and the flags of a command line; a flag that takes a value keeps it in the next place."""
    words: list[str] = []
    flags: list[str] = []
    rest = list(args)
    while rest:
        arg = rest.pop(0)
        if arg == "--":
            return words + rest, flags
        if not arg.startswith("-") or arg == "-":
            words.append(arg)
            continue
        flags.append(arg)
        if arg in VALUED_FLAGS and rest:
            flags.append(rest.pop(0))
    return words, flags


def main(args: list[str] | None = None) -> int:
    """Run as `codex` would with `args`; returns the exit code."""
    words, flags = split(sys.argv[1:] if args is None else args)
    if "--version" in flags or "-V" in flags:
        print(f"codex-cli {VERSION} (codex-tmux stand-in)")
        return 0
    for flag, value in itertools.pairwise(flags):
        if flag in ("-C", "--cd"):
            os.chdir(value)
    in_exec = words[:1] == ["exec"]
    words = words[1:] if in_exec else words
    wanted = None
    if words[:1] == ["resume"]:
        if len(words) < 2 or not ID.fullmatch(words[1]):
            print(f"ERROR: No saved session found with ID {' '.join(words[1:2])}.", file=sys.stderr)
            return 1
        wanted, words = words[1], words[2:]
    prompt = words[0] if words else None
    try:
        session = Session(wanted, "exec" if in_exec else "cli")
    except Refused as e:
        print(f"ERROR: {e}", file=sys.stderr)
        return 1
    return run_exec(session, prompt, "--json" in flags) if in_exec else tui(session, prompt)


if __name__ == "__main__":
    sys.exit(main())
