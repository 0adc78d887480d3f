"""A conversation held through `codex exec`: one session, one turn at a time, whatever happens to either."""

import contextlib
import signal
import time
from collections.abc import Callable

from codex_tmux.codex import commandline
from codex_tmux.codex.store import Holder, Store, holder_after
from codex_tmux.errors import Problem
from codex_tmux.exec.events import session_of
from codex_tmux.exec.turn import Turn
from codex_tmux.exec.view import View
from codex_tmux.log import log
from codex_tmux.pane.run import REASONS
from codex_tmux.plain_text import plain_line, shortened
from codex_tmux.state.launch import Launch

WRITER_WAIT = 75.0
"""Seconds to wait for another process to let go of the session; Codex's daemon keeps one for about a minute."""


class Conversation:
    """The session of a pane, "" until Codex names one, and its turns. What goes wrong is said in `view`.

    `remember` binds it to the pane, on the disk before it returns; outside tmux it does nothing.
    """

    def __init__(self, codex: list[str], launch: Launch, remember: Callable[[str], None], view: View) -> None:
        self.launch = launch
        self.session_id = ""
        self.view = view
        self._codex = codex
        self._remember = remember
        self._store = Store(launch.codex_home)
        self._turn: Turn | None = None
        self._stopped = False

    def begin(self, why: str) -> None:
        log("exec.fresh", why=why, cwd=self.launch.cwd)
        self.view.note(f"{why}: the first message starts a new session")

    def resume(self, session_id: str) -> None:
        """Take up a session that this pane had."""
        if self._can_resume(session_id):
            self.session_id = session_id
            log("exec.resumed", session=session_id, cwd=self.launch.cwd)
            self.view.note(f"session {session_id} resumed")
            self._bind()

    def take(self, message: str) -> bool:
        """Send one message and see its turn through; returns whether Ctrl-C stopped it. The session stays."""
        self._stopped = False
        former = signal.signal(signal.SIGINT, lambda *_: self._stop())
        self.view.working(True)
        try:
            self._take(message)
        finally:
            self.view.working(False)
            signal.signal(signal.SIGINT, former)
        return self._stopped

    def _stop(self) -> None:
        self._stopped = True
        if self._turn is not None:
            self._turn.stop()

    def _take(self, message: str) -> None:
        if self.session_id and not self._can_resume(self.session_id):
            self.session_id = ""
        if self.session_id:
            # A turn of a pane that was killed, or Codex's daemon. One that does not let go is Codex's to refuse.
            holder_after(self._store, self.session_id, WRITER_WAIT, self._tell_holder, lambda: self._stopped)
        if self._stopped:
            self.view.note("stopped before Codex was started")
            return
        flags, cwd, asked = self.launch.flags, self.launch.cwd, self.session_id
        words = commandline.exec_resume(flags, asked) if asked else commandline.exec_fresh(flags, cwd)
        began = time.monotonic()
        try:
            self._turn = Turn([*self._codex, *words], cwd, message)
        except OSError as e:
            self.view.note(f"Codex cannot be started: {e.filename}: {e.strerror}", bad=True)
            log("exec.turn", session=asked or None, outcome="not started", error=e)
            return
        with contextlib.closing(self._turn):
            self._follow(self._turn)
        self._tell(self._turn, time.monotonic() - began)
        self._turn = None

    def _tell_holder(self, holder: Holder) -> None:
        self.view.note(f"the session is still open in {holder.name} (process {holder.pid}): waiting for it")

    def _follow(self, turn: Turn) -> None:
        for event, line in turn.events():
            named = session_of(event)
            if named and not self.session_id:
                self.session_id = named
                self._bind()
            if named not in ("", self.session_id):
                # Codex up to 0.98 opens a new session where it does not know the one it was asked for.
                turn.failure = f"it opened session {named} instead of {self.session_id}: stopped"
                return
            self.view.event(event, line)

    def _tell(self, turn: Turn, seconds: float) -> None:
        kept = "the session is kept" if self.session_id else "no session was started"
        outcome, exit_code = "done", turn.process.returncode
        if not turn.completed and self._stopped:
            outcome = "stopped"
            self.view.note(f"stopped; {kept}")
        elif not turn.completed:
            outcome = "failed"
            what = (
                f"was ended by {signal.Signals(-exit_code).name}"
                if exit_code < 0
                else f"ended with exit {exit_code}"
            )
            said = f"; it said: {shortened(plain_line(turn.failure), 300)}" if turn.failure else ""
            self.view.note(f"Codex {what} ({kept}{said})", bad=True)
        tokens = f"{turn.tokens:,} tokens in the session · " if turn.tokens else ""
        self.view.ended(f"{tokens}{seconds:.0f} s")
        log("exec.turn", session=self.session_id or None, outcome=outcome, exit=exit_code)

    def _can_resume(self, session_id: str) -> bool:
        able, reason = self._store.resumable(session_id)
        if not able:
            why = REASONS.get(reason, reason).format(session=session_id)
            log("exec.fresh", why=why, session=session_id, cwd=self.launch.cwd)
            self.view.note(f"{why}: it cannot be resumed, the next message starts a new session", bad=True)
        return able

    def _bind(self) -> None:
        try:
            self._remember(self.session_id)
        except (OSError, Problem) as e:
            log("exec.not_saved", session=self.session_id, error=e)
            self.view.note(f"session {self.session_id} cannot be saved, a kill would lose it: {e}", bad=True)
        else:
            log("exec.saved", session=self.session_id, cwd=self.launch.cwd)
