"""A small stand-in for Codex, for a machine that has none.

It keeps its sessions in the layout of Codex 0.169 (rollout and writer lock) and names its session in the terminal
title where Codex's config asks for it. Flags are ignored.
"""

import fcntl
import json
import os
import re
import secrets
import sys
import time
import urllib.request
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

VERSION = "0.169.0"
ID_IN_TITLE = 29
"""Codex cuts the id in the title to this many characters."""


def codex_home() -> Path:
    return Path(os.environ.get("CODEX_HOME") or Path.home() / ".codex")


def config() -> str:
    file = codex_home() / "config.toml"
    return file.read_text() if file.exists() else ""


def new_id() -> str:
    """A UUIDv7: it begins with the time in milliseconds."""
    value = time.time_ns() // 1_000_000 << 80 | 7 << 76 | secrets.randbits(76)
    return str(uuid.UUID(int=value & ~(3 << 62) | 2 << 62))


class Session:
    """One conversation and its files; nothing is written before the first message."""

    source = "cli"

    def __init__(self, session_id: str | None = None) -> None:
        self.id = session_id or new_id()
        self.cwd = os.getcwd()
        self.items: list[dict[str, Any]] = []
        self.rollout: Path | None = None
        if session_id:
            self.rollout = next(codex_home().glob(f"sessions/*/*/*/rollout-*-{session_id}.jsonl"))
            self.items = self.read(self.rollout)
        locks = codex_home() / "thread-writer-locks"
        locks.mkdir(parents=True, exist_ok=True)
        # Open for as long as the session is: who holds this file writes the session.
        self.lock = open(locks / f"{self.id}.lock", "a")  # noqa: SIM115
        fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def read(self, rollout: Path) -> list[dict[str, Any]]:
        entries = map(json.loads, rollout.read_text().splitlines())
        return [entry["payload"] for entry in entries if entry["type"] == "response_item"]

    def ask(self, text: str) -> str:
        self.write("user", "input_text", text)
        reply = self.reply()
        self.write("assistant", "output_text", reply)
        return reply

    def write(self, role: str, kind: str, text: str) -> None:
        item = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
        self.items.append(item)
        if self.rollout is None:
            self.rollout = self.begin(text)
        self.append("response_item", item)

    def begin(self, first_message: str) -> Path:
        now = datetime.now()
        name = f"rollout-{now:%Y-%m-%dT%H-%M-%S}-{self.id}.jsonl"
        self.rollout = codex_home() / f"sessions/{now:%Y/%m/%d}" / name
        self.rollout.parent.mkdir(parents=True, exist_ok=True)
        meta = {"id": self.id, "session_id": self.id, "cwd": self.cwd, "cli_version": VERSION}
        meta |= {"source": self.source, "thread_source": "user", "originator": "codex-tmux-standin"}
        self.append("session_meta", {**meta, "timestamp": datetime.now(timezone.utc).isoformat()})
        return self.rollout

    def append(self, kind: str, payload: dict[str, Any]) -> None:
        assert self.rollout is not None
        entry = {"timestamp": datetime.now(timezone.utc).isoformat(), "type": kind, "payload": payload}
        with open(self.rollout, "a") as rollout:
            rollout.write(json.dumps(entry) + "\n")

    def reply(self) -> str:
        base_url = re.search(r'^base_url\s*=\s*"([^"]+)"', config(), re.MULTILINE)
        assert base_url
        body = {"model": "stand-in", "stream": True, "input": self.items, "prompt_cache_key": self.id}
        # No proxy, whatever the environment says: the address is on the loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{base_url[1]}/responses", json.dumps(body).encode()) as answer:
            events = [json.loads(line[6:]) for line in answer if line.startswith(b"data: ")]
        texts = [e["item"]["content"][0]["text"] for e in events if e["type"] == "response.output_item.done"]
        return str(texts[0])


def set_title(session_id: str) -> None:
    """Name the session in the title; "": Codex ends, and clears it."""
    title = ""
    if session_id:
        title = os.path.basename(os.fsencode(os.getcwd()).decode("utf-8", "replace"))
        if re.search(r"^terminal_title\s*=.*thread-id", config(), re.MULTILINE):
            title += f" | {session_id[:ID_IN_TITLE]}..."
    sys.stdout.write(f"\x1b]0;{title}\x07")
    sys.stdout.flush()


def say(text: str) -> None:
    # Over the composer's line, which is drawn again below.
    sys.stdout.write(f"\r\x1b[2K{text}\n› ")
    sys.stdout.flush()


def banner(items: list[dict[str, Any]]) -> str:
    """What Codex draws at its start: itself, and what has been said so far."""
    marks = {"user": "›", "assistant": "•"}
    said = [f"{marks[item['role']]} {item['content'][0]['text']}" for item in items]
    return "\n".join([f">_ Codex stand-in (v{VERSION})", f"   {os.getcwd()}", "", *said, ""])


def main() -> int:
    args = sys.argv[1:]
    if "--version" in args:
        print(f"codex-cli {VERSION} (codex-tmux stand-in)")
        return 0
    session = Session(args[args.index("resume") + 1] if "resume" in args else None)
    set_title(session.id)
    say(banner(session.items))
    for line in sys.stdin:
        say(f"• {session.ask(line.strip())}")
    set_title("")
    return 0
