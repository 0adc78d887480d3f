"""What all daemons of this machine ask for, and the way back for the answers."""

from contextlib import ExitStack

from codex_tmux.codex.daemon.client import Client, DaemonError, daemon_of, has_daemon
from codex_tmux.codex.daemon.requests import ALWAYS, NO, YES, Request, answer_to, pending, resolved
from codex_tmux.codex.home import default_home
from codex_tmux.commands.conversations import remembered
from codex_tmux.errors import Problem
from codex_tmux.log import log

WITHIN = 5.0
"""Seconds that a daemon may take for all its answers."""
DONE = {YES: "approved", NO: "refused", ALWAYS: "approved for this session"}
ANSWERED = "it was answered elsewhere meanwhile"
NOTHING = "no conversation needs your approval"
NO_DAEMON = "no shared daemon of Codex runs (0.157 or newer): answer in the pane"
NO_ANSWER = "Codex's shared daemon does not answer: answer in the pane"


class Asked:
    """The requests of all daemons, or of one session; the connections stay, so that answers reach what was shown."""

    def __init__(self, session: str = "") -> None:
        self._session = session
        self._stack = ExitStack()
        self._daemons: dict[int, Client] = {}
        self._answered: set[tuple[int, object]] = set()
        self.requests: list[Request] = []

    def __enter__(self) -> "Asked":
        """Raises Problem where no daemon runs, or nothing is asked."""
        homes = list(dict.fromkeys([default_home(), *(r.codex_home for r in remembered())]))
        running = [home for home in homes if has_daemon(home)]
        if not running:
            raise Problem(NO_DAEMON)
        answered = [self._ask(home) for home in running]
        if not self.requests:
            self.__exit__()
            if not all(answered):
                raise Problem(NO_ANSWER)
            raise Problem(f"session {self._session} asks for nothing" if self._session else NOTHING)
        return self

    def _ask(self, home: str) -> bool:
        """Ask one daemon; whether it has answered."""
        try:
            daemon = self._stack.enter_context(daemon_of(home, WITHIN))
            found = [r for r in pending(daemon) if self._session in ("", r.session_id)]
        except (DaemonError, TimeoutError) as e:
            log("daemon.no_answer", codex_home=home, why=e)
            return False
        self.requests += found
        self._daemons |= {id(request): daemon for request in found}
        return True

    def __exit__(self, *_: object) -> None:
        try:
            self._stack.close()
        except DaemonError as e:
            log("daemon.no_answer", why=e)

    def answer(self, request: Request, verdict: str) -> str:
        """Answer a request; what became of it. Raises Problem where it cannot be answered so, or not any more."""
        reply = answer_to(request, verdict)
        if reply is None:
            raise Problem("that cannot be answered from here: go to its pane")
        daemon = self._daemons[id(request)]
        try:
            self._answered |= {(id(daemon), number) for number in resolved(daemon)}
            if (id(daemon), request.number) in self._answered:
                raise Problem(ANSWERED)
            daemon.reply(request.number, reply)
        except (DaemonError, TimeoutError) as e:
            log("daemon.no_answer", session=request.session_id, why=e)
            raise Problem("Codex's daemon has gone: answer in the pane") from e
        log("request.answered", session=request.session_id, answer=verdict)
        return DONE[verdict]

    def answer_only(self, verdict: str) -> str:
        """Answer the one request there is. Raises Problem where there are several."""
        if len(self.requests) > 1:
            raise Problem(f"it asks for {len(self.requests)} things: look at them with codex-tmux approve")
        return self.answer(self.requests[0], verdict)
