"""A conversation held through `codex exec`: one session, one turn at a time, whatever happens to either."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from codex_tmux.codex import commandline
from codex_tmux.codex.accepted import USAGE_ERROR, accepted
from codex_tmux.errors import Problem
from codex_tmux.exec_events import Event, Notice, NotJson, Usage
from codex_tmux.exec_turn import Outcome, Turn
from codex_tmux.exec_view import View, tokens_of
from codex_tmux.log import log
from codex_tmux.memory import Remembered
from codex_tmux.plain_text import plain_line, shortened

NOTHING = "new pane"
WRITER_WAIT = 10.0
"""Seconds to wait for another process to let go of the session: one killed with its pane needs a moment."""
WRITER_PAUSE = 0.5


class Memory(Protocol):
    """Where a pane's session is kept while no program runs in it."""

    def recall(self) -> Remembered | None:
        """What this pane had, nearest first: the pane option, then the state file, then None."""

    def remember(self, session_id: str) -> None:
        """Bind the session to this pane. On disk, and in the pane option, before it returns."""

    def forget(self) -> None:
        """Take the binding back."""


class Codex(NamedTuple):
    """How Codex is run here: its words (usually one absolute path), and the options the user chose."""

    words: tuple[str, ...]
    flags: tuple[str, ...]
    cwd: str

    def argv(self, session_id: str | None, flags: Sequence[str]) -> list[str]:
        """The command of one turn: of a new session for None."""
        if session_id is None:
            return [*self.words, *commandline.exec_fresh(flags, self.cwd)]
        return [*self.words, *commandline.exec_resume(flags, session_id)]


class Conversation:
    """The session of a pane and its turns.

    `resumable` asks Codex's store whether a session can be resumed, and why not. `session_id` is None until
    Codex names one. Everything that goes wrong is said in `view`; `take` does not raise for it.
    """

    def __init__(
        self, codex: Codex, memory: Memory, resumable: Callable[[str], tuple[bool, str]], view: View
    ) -> None:
        self.codex = codex
        self.session_id: str | None = None
        self._memory = memory
        self._resumable = resumable
        self._view = view
        self._flags = codex.flags
        self._usage: Usage | None = Usage()
        self._turn: Turn | None = None
        self._not_json = 0
        self._notices: set[str] = set()
        self._stopped = False

    async def restore(self, remembered: Remembered | None, why: str = NOTHING) -> None:
        """Take up the remembered session, or begin without one, because `why`; says which, and why."""
        if remembered is None:
            log("exec-fresh", why=why, cwd=self.codex.cwd)
            await self._view.note(f"{why}: the first message starts a new session")
            return
        session_id = remembered.session_id
        able, reason = await asyncio.to_thread(self._resumable, session_id)
        if not able:
            await self._fresh_instead(session_id, reason)
            return
        self.session_id = session_id
        self._usage = None
        log("exec-restored", session=session_id, source=remembered.source, cwd=self.codex.cwd)
        where = "tmux" if remembered.source == "memory" else "the state file"
        await self._view.note(f"session {session_id} resumed, from {where}")
        await self._bind(session_id)

    async def take(self, message: str) -> Outcome | None:
        """Send one message and see its turn through; None where no turn came about."""
        self._stopped = False
        asked = self.session_id
        if asked is not None:
            able, reason = await asyncio.to_thread(self._resumable, asked)
            if not able:
                await self._fresh_instead(asked, reason)
                self.session_id = asked = None
        if self._stopped:
            await self._view.note("stopped before Codex was started")
            return None
        try:
            outcome = await self._turn_of(message, asked)
        except OSError as e:
            await self._view.note(cannot_start(self.codex, e), bad=True)
            log("exec-turn", session=self.session_id, outcome="not-started", error=e)
            return None
        for line in told(outcome, asked):
            await self._view.note(line, bad=not outcome.interrupted)
        if self._not_json > 1:
            await self._view.note(f"Codex printed {self._not_json} lines that are no events", bad=True)
        tokens = tokens_of(outcome.usage, self._usage)
        self._usage = outcome.usage or (self._usage if outcome.well else None)
        await self._view.ended(outcome, tokens)
        ending = "done" if outcome.well else "stopped" if outcome.interrupted else "failed"
        log("exec-turn", session=self.session_id, outcome=ending, exit=outcome.exit_code, other=outcome.other)
        return outcome

    def stop(self, first: signal.Signals = signal.SIGINT) -> None:
        """Stop the turn that runs; the session stays. Asked again, harder."""
        self._stopped = True
        if self._turn is not None:
            self._turn.stop(first)

    async def _turn_of(self, message: str, asked: str | None) -> Outcome:
        waited = 0.0
        while True:
            outcome = await self._run(message, asked)
            if outcome.sent or outcome.interrupted or outcome.exit_code == 0:
                return outcome
            if asked is not None and has_writer(outcome.error) and waited < WRITER_WAIT:
                if not waited:
                    await self._view.note("the session is still open in another process: waiting for it")
                waited += WRITER_PAUSE
                await asyncio.sleep(WRITER_PAUSE)
                if self._stopped:
                    return outcome._replace(interrupted=True)
                continue
            if outcome.exit_code != USAGE_ERROR or not await self._drop_unknown_flags():
                return outcome

    async def _run(self, message: str, asked: str | None) -> Outcome:
        self._not_json = 0
        self._turn = Turn(
            self.codex.argv(asked, self._flags),
            cwd=self.codex.cwd,
            message=message,
            asked=asked,
            on_session=self._named,
            on_event=self._event,
        )
        try:
            return await self._turn.run()
        finally:
            self._turn = None

    async def _drop_unknown_flags(self) -> bool:
        """Codex refused its command line: leave out what this version does not accept. True if that is any."""
        kept = tuple(await asyncio.to_thread(accepted, self.codex.words, self._flags, "exec"))
        if kept == self._flags:
            return False
        gone = [flag for flag in commandline.redact(self._flags) if flag not in commandline.redact(kept)]
        await self._view.note(f"this Codex has no {' '.join(gone)}: left out")
        self._flags = kept
        return True

    async def _event(self, event: Event, line: str) -> None:
        if isinstance(event, NotJson):
            self._not_json += 1
            if self._not_json > 1:
                return
        if isinstance(event, Notice):
            # Codex says the same at each turn: once a pane is enough.
            if event.text in self._notices:
                return
            self._notices.add(event.text)
        await self._view.event(event, line)

    async def _named(self, session_id: str) -> None:
        if session_id != self.session_id:
            self.session_id = session_id
            self._usage = Usage()
            await self._bind(session_id)

    async def _bind(self, session_id: str) -> None:
        try:
            await asyncio.to_thread(self._memory.remember, session_id)
        except (OSError, Problem) as e:
            log("exec-not-saved", session=session_id, error=e)
            await self._view.note(
                f"session {session_id} cannot be saved, a kill would lose it: {e}", bad=True
            )
        else:
            log("exec-saved", session=session_id, cwd=self.codex.cwd)

    async def _fresh_instead(self, session_id: str, reason: str) -> None:
        log("exec-fresh", why=reason, session=session_id, cwd=self.codex.cwd)
        why = plain_line(reason) or f"Codex no longer has session {session_id}"
        await self._view.note(f"{why}: it cannot be resumed, the next message starts a new session", bad=True)


def cannot_start(codex: Codex, error: OSError) -> str:
    """Why Codex did not start, and what to do."""
    if not os.path.isdir(codex.cwd):
        return f"the directory {codex.cwd} is gone: make it again, then send the message again"
    program = codex.words[0]
    if isinstance(error, FileNotFoundError):
        return f"Codex is missing ({program} is not found): install it or set @codex-command, then send again"
    return f"Codex cannot be started ({program}: {error.strerror}): send the message again once it can"


def has_writer(error: str) -> bool:
    """Whether Codex refused because the session is open in another process."""
    return "already has an active writer" in error


CAUSES = (
    (
        re.compile(r"not inside a trusted directory|skip-git-repo-check", re.IGNORECASE),
        "Codex works in a git repository only: run `git init` here, or start this pane as "
        "`codex-tmux exec -- --skip-git-repo-check`",
    ),
    (
        re.compile(r"\b401\b|not logged in|missing bearer|unauthorized|codex login", re.IGNORECASE),
        "Codex is not logged in: run `codex login` in another pane, then send the message again",
    ),
    (
        re.compile(r"\b429\b|rate.limit|usage limit|quota|too many requests", re.IGNORECASE),
        "rate limited: send the message again later",
    ),
    (
        re.compile("already has an active writer"),
        "the session is open in another process: close it there, then send the message again",
    ),
    (re.compile("unexpected argument"), "Codex refuses its options: start this pane with others"),
)
"""What Codex says → what happened and what to do, in our words."""


def told(outcome: Outcome, asked: str | None) -> list[str]:
    """The lines that say how a turn ended where it did not end well; none where it did."""
    if outcome.other:
        return [
            f"Codex opened a new session ({outcome.other}) instead of {asked}: stopped; "
            f"this pane stays with {asked}, and what {outcome.other} answers is not shown"
        ]
    kept = "the session is kept" if outcome.session_id or asked else "no session was started"
    if outcome.interrupted:
        return [f"stopped; {kept}"]
    if outcome.well:
        return []
    error = shortened(plain_line(outcome.error), 300)
    for pattern, words in CAUSES:
        if pattern.search(outcome.error):
            return [f"{words} ({kept}; Codex said: {error})"]
    if outcome.exit_code < 0:
        what = f"Codex was ended by {signal_name(-outcome.exit_code)}"
    elif outcome.exit_code > 0:
        what = f"Codex failed with exit {outcome.exit_code}"
    elif outcome.error:
        what = "Codex failed"
    else:
        what = "Codex ended without an answer"
    if outcome.broken:
        what += f", in the middle of a line ({shortened(plain_line(outcome.broken[:400]), 60)})"
    return [f"{what}{f': {error}' if error else ''} ({kept})"]


def signal_name(number: int) -> str:
    """`SIGKILL` for 9."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
