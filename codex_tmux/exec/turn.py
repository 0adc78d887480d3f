"""One turn: a `codex exec --json` process, from its message to its end."""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from typing import IO, cast

from codex_tmux.codex.json_value import object_in
from codex_tmux.exec.events import Event, message_of, tokens_of

PATIENCE = 5.0
"""Seconds a turn has to end after a signal, before the next harsher one."""

# Log lines of Codex's own (`2026-11-23T05:27:23.128123Z ERROR codex_core::…`) are for its developers.
NOISE = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+Z +[A-Z]+ |(reading prompt from stdin|warning|tip|note|usage)\b", re.IGNORECASE
)
PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def end_with_parent() -> None:
    """Let Linux end this process with its parent, by kill -9 too; elsewhere the next turn waits for one left behind."""
    if PRCTL:
        PRCTL(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Turn:
    """One run of Codex. Raises OSError where it cannot be started."""

    def __init__(self, argv: list[str], cwd: str, message: str) -> None:
        self.completed = False
        self.failure = ""  # what Codex says is wrong
        self.tokens = 0
        self._message = message
        self._other_lines: deque[str] = deque(maxlen=40)
        self._signals = iter((signal.SIGINT, signal.SIGTERM, signal.SIGKILL))
        self._timer = threading.Timer(0, self.stop)
        # A session of its own: no Ctrl-C but ours reaches it, and nothing it starts can write to the pane's
        # terminal past what we let through.
        self.process = subprocess.Popen(
            argv,
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            preexec_fn=end_with_parent,
        )

    def close(self) -> None:
        while self.process.poll() is None:
            self.stop()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE)
        self._timer.cancel()

    def events(self) -> Iterator[tuple[Event, str]]:
        """Send the message; then each event and its line, as soon as Codex prints it."""
        pipes = (self.process.stdin, self.process.stdout, self.process.stderr)
        stdin, stdout, stderr = (cast("IO[str]", pipe) for pipe in pipes)
        reader = threading.Thread(target=self._other_lines.extend, args=(stderr,), daemon=True)
        reader.start()
        # A Codex that has gone is no error here: its exit says more.
        with contextlib.suppress(BrokenPipeError), stdin:
            stdin.write(self._message)
        for line in stdout:
            event = object_in(line)
            if not event:
                self._other_lines.append(line)
                continue
            kind = event.get("type")
            if kind in ("error", "turn.failed"):
                # An `error` may pass: then the turn completes.
                self.failure = message_of(event.get("error") or event) or "an error without a message"
            self.completed |= kind == "turn.completed"
            self.tokens = tokens_of(event) or self.tokens
            yield event, line.rstrip("\n")
            if kind in ("turn.completed", "turn.failed"):
                # What Codex leaves running may hold its output open for ever.
                self._stop_in(PATIENCE)
        self.process.wait()
        reader.join(PATIENCE)
        self.failure = self.failure or error_in(list(self._other_lines))

    def stop(self) -> None:
        """End the turn: SIGINT, then harsher signals, each after its patience; asked again, the next one at once."""
        number = next(self._signals, None)
        # Not after its end was seen: the number may be another process group's by then.
        if number is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)
            self._stop_in(PATIENCE)

    def _stop_in(self, seconds: float) -> None:
        self._timer.cancel()
        self._timer = threading.Timer(seconds, self.stop)
        self._timer.daemon = True
        self._timer.start()


def error_in(lines: list[str]) -> str:
    """The line that says why Codex failed, of those that are no events; "" where none does."""
    said = []
    for line in filter(None, map(str.strip, lines)):
        if line.lower().startswith("error"):
            return line
        if line.lower().startswith("stack backtrace"):
            break
        said.append(line)
    return ([line for line in said if not NOISE.match(line)] or said or [""])[-1]
