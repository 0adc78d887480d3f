"""One turn: a `codex exec --json` process, its message, its events, its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import IO, Any, NamedTuple

from codex_tmux.exec_events import (
    SESSION_ON_STDERR,
    Done,
    Event,
    Failed,
    Lines,
    Message,
    NotJson,
    Session,
    Started,
    Usage,
    parse,
)

PATIENCE = {signal.SIGINT: 5.0, signal.SIGTERM: 3.0}
"""Seconds a turn has to end after a signal, before the next harsher one."""
DRAIN_SECONDS = 2.0
"""Seconds without output until it counts as over, once Codex is gone: a child may hold the pipe open."""
STDERR_LINES = 40
CHUNK = 1 << 16

# Runs beside a turn, in a session of its own, and sees by the end of its stdin that the pane's program has
# gone, by kill -9 too: else Codex would go on unseen and hold the session's writer lock against its pane. It is there
# before Codex is, whose process group it then reads.
GUARD = (
    'trap "" HUP INT TERM; read -r group || exit; read -r _; '
    'kill -s TERM -- "-$group"; sleep 2; kill -s KILL -- "-$group"'
)

# Log lines of Codex's own (`2026-11-23T05:27:23.128123Z ERROR codex_core::…`) are for its developers.
LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z +(ERROR|WARN|INFO|DEBUG|TRACE) ")
HARMLESS = re.compile(
    r"^(warning|tip|note|usage)\b|^reading prompt from stdin|^stack backtrace", re.IGNORECASE
)


class Outcome(NamedTuple):
    """How a turn ended.

    `session_id`: the session it ran in, None where Codex named none. `other`: the session Codex opened
    instead of the one that was asked for. `sent`: whether the model may have seen the message. `error`: what
    Codex says is wrong, "" if nothing. `broken`: half a line, printed last. `usage`: None without
    `turn.completed`.
    """

    session_id: str | None
    other: str | None
    sent: bool
    answered: bool
    interrupted: bool
    exit_code: int
    error: str
    broken: str
    usage: Usage | None
    seconds: float

    @property
    def well(self) -> bool:
        """Whether the turn came to its end and Codex found nothing wrong with it."""
        return (
            self.exit_code == 0
            and not self.error
            and not self.other
            and not self.interrupted
            and (self.usage is not None or self.answered)
        )


class Turn:
    """One run of Codex.

    `asked` is the session to resume, None for a new one. `on_session` is awaited, before anything later is
    looked at, with the id that Codex names; `on_event` with every event and its line. Run it once.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        message: str,
        asked: str | None,
        on_session: Callable[[str], Awaitable[None]],
        on_event: Callable[[Event, str], Awaitable[None]],
    ) -> None:
        self.argv = list(argv)
        self.cwd = cwd
        self.message = message
        self.asked = asked
        self._on_session = on_session
        self._on_event = on_event
        self._process: subprocess.Popen[bytes] | None = None
        self._session_id: str | None = None
        self._other: str | None = None
        self._sent = False
        self._answered = False
        self._interrupted = False
        self._final_error = ""
        self._last_error = ""
        self._usage: Usage | None = None
        self._stderr: deque[str] = deque(maxlen=STDERR_LINES)
        self._lines_read = 0
        self._taking = 0
        self._naming = asyncio.Lock()
        self._stopping: asyncio.Task[None] | None = None
        self._signals = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]

    async def run(self) -> Outcome:
        """Run the turn to its end. Raises OSError where Codex cannot be started."""
        begun = time.monotonic()
        # A session of its own: no Ctrl-C but ours reaches it, and nothing it starts can write to the pane's
        # terminal past what we let through.
        guard = start_guard()
        assert guard.stdin
        told = guard.stdin.fileno()
        broken = ""
        try:
            process = self._process = subprocess.Popen(
                self.argv,
                cwd=self.cwd,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
                # By Codex's own process before it becomes Codex: it never runs without its guard.
                preexec_fn=lambda: tell_guard(told),
            )
            assert process.stdin
            assert process.stdout
            assert process.stderr
            writing = asyncio.ensure_future(
                asyncio.to_thread(write_all, process.stdin, self.message.encode("utf-8", "replace"))
            )
            reading = asyncio.ensure_future(self._output(process.stdout, process.stderr))
            ending = asyncio.ensure_future(asyncio.to_thread(process.wait))
            either: set[asyncio.Future[Any]] = {ending, reading}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                await self._drain(reading)
            broken = "" if reading.cancelled() else reading.result()
            code = await ending
            await writing
        except BaseException:
            self._send(signal.SIGKILL)
            raise
        finally:
            if self._stopping:
                self._stopping.cancel()
            guard.kill()
            guard.wait()
            guard.stdin.close()
        return Outcome(
            session_id=self._session_id,
            other=self._other,
            sent=self._sent,
            answered=self._answered,
            interrupted=self._interrupted,
            exit_code=code,
            error=self._final_error or (self._last_error or stderr_error(self._stderr) if code else ""),
            broken=broken,
            usage=self._usage,
            seconds=time.monotonic() - begun,
        )

    def stop(self, first: signal.Signals = signal.SIGINT) -> None:
        """End the turn: `first`, then harsher ones, each after its patience; again: the next at once."""
        self._interrupted = True
        self._stop(first)

    def _stop(self, first: signal.Signals) -> None:
        if self._stopping:
            self._stopping.cancel()
        while self._signals and first in self._signals and self._signals[0] != first:
            self._signals.pop(0)
        self._stopping = asyncio.ensure_future(self._escalate())

    async def _escalate(self) -> None:
        while self._signals:
            number = self._signals.pop(0)
            self._send(number)
            await asyncio.sleep(PATIENCE.get(number, 0))

    def _send(self, number: signal.Signals) -> None:
        process = self._process
        # Not after its end was seen: the number may be another process group's by then.
        if process and process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)

    async def _output(self, out: IO[bytes], err: IO[bytes]) -> str:
        """Read both to their ends; returns the half line that stdout ended with."""
        rest, _ = await asyncio.gather(self._read(out, self._stdout_line), self._read(err, self._stderr_line))
        return rest

    async def _drain(self, reading: asyncio.Future[str]) -> None:
        """Codex is gone: read what it printed, and do not wait for ever on what it left running."""
        seen = -1
        while not reading.done() and (self._taking or seen != self._lines_read):
            seen = self._lines_read
            await asyncio.wait({reading}, timeout=DRAIN_SECONDS)
        if not reading.done():
            reading.cancel()
            await asyncio.wait({reading})

    async def _read(self, pipe: IO[bytes], take: Callable[[str], Awaitable[None]]) -> str:
        """Give `take` every line as soon as it is there; returns what followed the last newline."""
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        lines = Lines()
        try:
            while data := await reader.read(CHUNK):
                for line in lines.feed(data):
                    self._taking += 1
                    await take(line)
                    self._taking -= 1
                    self._lines_read += 1
            rest = lines.rest()
            if rest.strip() and (take == self._stderr_line or not isinstance(parse(rest), NotJson)):
                await take(rest)
                return ""
            return rest
        finally:
            transport.close()

    async def _stdout_line(self, line: str) -> None:
        if not line.strip():
            return
        event = parse(line)
        if isinstance(event, Session):
            await self._named(event.session_id)
        elif isinstance(event, Started):
            self._sent = True
        elif isinstance(event, Message):
            self._sent = self._answered = True
        elif isinstance(event, Failed):
            self._last_error = event.text or "an error without a message"
            if event.final:
                self._final_error = self._last_error
        elif isinstance(event, Done):
            self._usage = event.usage
        if self._other is None:
            await self._on_event(event, line)

    async def _stderr_line(self, line: str) -> None:
        if found := SESSION_ON_STDERR.match(line):
            await self._named(found[1].lower())
        else:
            self._stderr.append(line)

    async def _named(self, session_id: str) -> None:
        async with self._naming:
            if self._session_id is not None or self._other is not None:
                return
            if self.asked is not None and session_id != self.asked:
                # Codex up to 0.98 opens a new session where it does not know the one it was asked for.
                self._other = session_id
                self._stop(signal.SIGTERM)
                return
            self._session_id = session_id
            await self._on_session(session_id)


def start_guard() -> subprocess.Popen[bytes]:
    """Start the process that ends the process group whose number it is told once this program is gone."""
    return subprocess.Popen(
        ["/bin/sh", "-c", GUARD, "codex-tmux-guard"],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def tell_guard(pipe: int) -> None:
    """Tell the guard this process's group."""
    os.write(pipe, b"%d\n" % os.getpid())


def write_all(pipe: IO[bytes], data: bytes) -> None:
    """Write and close; a reader that has gone is no error here, its exit says more."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        try:
            view = memoryview(data)
            while view:
                view = view[pipe.write(view) :]
        finally:
            pipe.close()


def stderr_error(lines: Sequence[str]) -> str:
    """The line of Codex's stderr that says why it failed, "" where none does."""
    said = [line.strip() for line in lines]
    for i, line in enumerate(said):
        if line.lower().startswith("stack backtrace"):
            said = said[:i]
            break
    said = [line for line in said if line and not HARMLESS.match(line)]
    for line in said:
        if line.lower().startswith("error"):
            return line
    plain_words = [line for line in said if not LOG_LINE.match(line)]
    return (plain_words or said or [""])[-1]
