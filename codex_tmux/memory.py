"""What a pane's own program knows of its session: the pane's options first, the state file behind them."""

from __future__ import annotations

import os
from typing import NamedTuple

from codex_tmux import epoch, store
from codex_tmux.log import log
from codex_tmux.options import decode_launch
from codex_tmux.records import ARGV, EXEC
from codex_tmux.sync import sync
from codex_tmux.tmux import Server


class Remembered(NamedTuple):
    """What is known of a pane's session; `source` is "memory" (the pane's options) or "file" (the state file)."""

    session_id: str
    flags: tuple[str, ...]
    cwd: str
    source: str
    codex: str = ""
    codex_home: str = ""


class PaneMemory:
    """The memory of one pane; of none outside tmux, where nothing is kept."""

    def __init__(self, server: Server | None, pane: str) -> None:
        self.server = server
        self.pane = pane

    @classmethod
    def from_environment(cls) -> PaneMemory:
        """The memory of the pane that this process runs in."""
        pane = os.environ.get("TMUX_PANE", "")
        return cls(Server() if pane and os.environ.get("TMUX") else None, pane)

    def recall(self) -> Remembered | None:
        """The session this pane had, and where that is known from; None where it had none. Raises TmuxError."""
        if self.server is None:
            return None
        form = "#{pane_id}\t#{@codex_session}\t#{@codex_launch}\t#{pid}\t#{start_time}\t#{socket_path}"
        pane, session, launch_text, pid, started, socket = self.server.run(
            "display-message", "-p", "-t", self.pane, form
        ).split("\t", 5)
        launch = decode_launch(launch_text)
        if pane == self.pane and session and launch:
            return Remembered(session, launch.flags, launch.cwd, "memory", launch.codex, launch.codex_home)
        try:
            records = store.peek()
        except store.StateError as e:
            log("state.unusable", why=e)
            return None
        epochs = (epoch.of_server(pid), f"{pid}:{started}")
        for r in records:
            mine = r.pane == self.pane and r.server == socket and r.epoch in epochs
            if mine and r.current and r.mode == EXEC:
                return Remembered(r.session_id, r.flags, r.cwd, "file", r.codex, r.codex_home)
        return None

    def remember(self, session_id: str) -> None:
        """Bind the session to this pane: in its options and on the disk before this returns. Raises Problem."""
        if self.server is None:
            return
        self.server.run(
            *("set-option", "-p", "-t", self.pane, "@codex_session", session_id, ";"),
            *("set-option", "-p", "-t", self.pane, "@codex_evidence", ARGV),
        )
        sync(self.server)

    def forget(self) -> None:
        """Take the binding out of the pane; the record stays, ended."""
        if self.server is None:
            return
        self.server.try_run(
            *("set-option", "-pu", "-t", self.pane, "@codex_session", ";"),
            *("set-option", "-pu", "-t", self.pane, "@codex_evidence"),
        )
        sync(self.server)
