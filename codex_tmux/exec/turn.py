"""One turn: a `codex exec --json` process, from its message to its end."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, cast

from codex_tmux.codex.json_value import object_in
from codex_tmux.exec.events import Event, message_of, tokens_of

PATIENCE = 5.0
"""Seconds a turn has to end after a signal, before the next harsher one."""
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
        self._stderr = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._signals = iter((signal.SIGINT, signal.SIGTERM, signal.SIGKILL))
        # A session of its own: no Ctrl-C but ours reaches it, and nothing it starts can write to the pane's
        # terminal past what we let through.
        self.process = subprocess.Popen(
            argv,
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
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
        self._stderr.close()

    def events(self) -> Iterator[tuple[Event, str]]:
        """Send the message; then each event and its line, as soon as Codex prints it."""
        stdin, stdout = (cast("IO[str]", pipe) for pipe in (self.process.stdin, self.process.stdout))
        # A Codex that has gone is no error here: its exit says more.
        with contextlib.suppress(BrokenPipeError), stdin:
            stdin.write(self._message)
        for line in stdout:
            event = object_in(line)
            kind = event.get("type")
            if kind in ("error", "turn.failed"):
                # An `error` may pass: then the turn completes.
                self.failure = message_of(event.get("error") or event) or "an error without a message"
            self.completed |= kind == "turn.completed"
            self.tokens = tokens_of(event) or self.tokens
            if event:
                yield event, line.rstrip("\n")
            if kind in ("turn.completed", "turn.failed"):
                break  # what Codex leaves running may hold its output open for ever
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)
        self._stderr.seek(0)
        self.failure = self.failure or error_in(self._stderr)

    def stop(self) -> None:
        """End the turn by SIGINT; asked again, by a harsher signal."""
        number = next(self._signals, None)
        # Not after its end was seen: the number may be another process group's by then.
        if number is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)


def error_in(lines: Iterable[str]) -> str:
    """The line that says why Codex failed: the first that begins with "error", else the last one."""
    said = [line.strip() for line in lines if line.strip()]
    return next((line for line in said if line.lower().startswith("error")), (said or [""])[-1])
