"""What a conversation is doing, as Codex's shared daemon tells it. A Codex that runs without it cannot be asked."""

import threading
import time
from collections.abc import Callable, Collection, Mapping

from codex_tmux.codex.daemon.client import DaemonError, daemon_of, has_daemon
from codex_tmux.codex.json_value import Object, an_object, texts
from codex_tmux.log import log

IDLE, WORKING, APPROVAL, ANSWER, FAILED = "idle", "working", "approval", "answer", "error"
ACTIVITIES = (IDLE, WORKING, APPROVAL, ANSWER, FAILED)
"""Between two turns; in one; one that waits for an approval, or for an answer; one that ended in an error."""
WAITING = (APPROVAL, ANSWER)
"""The conversation goes on only when the user does something."""
WITHIN = 0.5
"""Seconds that all daemons together may take."""
IN_PASSING = 0.25
"""Seconds that they may take where a person waits for something else, and would rather have it without this."""
IMPORT_WITHIN = 1.0
"""Seconds that our own preparation may take beside that."""


def ask_all(wanted: dict[str, set[str]], within: float = WITHIN) -> dict[str, str]:
    """Session id → activity, for what is known of the sessions `wanted` of each `CODEX_HOME`.

    A session that no daemon has open, or whose daemon does not answer within `within` seconds, is left out.
    """
    return asking({home: sessions for home, sessions in wanted.items() if sessions}, within)()


def asking(
    wanted: Mapping[str, Collection[str] | None], within: float = WITHIN
) -> Callable[[], dict[str, str]]:
    """Begin to ask as `ask_all` does, where None stands for all that a daemon has open; call it for the answer."""
    found: dict[str, str] = {}
    begun = time.monotonic()

    def ask_one(codex_home: str, sessions: Collection[str] | None) -> None:
        try:
            found.update(ask(codex_home, sessions, within))
        except DaemonError as e:
            log("daemon.no_answer", codex_home=codex_home, why=e)

    # Daemon threads, so that one which hangs for all our bounds cannot keep the program from ending.
    threads = [
        threading.Thread(target=ask_one, args=(home, sessions), daemon=True)
        for home, sessions in wanted.items()
        if has_daemon(home)
    ]
    for thread in threads:
        thread.start()

    def answer() -> dict[str, str]:
        for thread in threads:
            thread.join(max(0.0, begun + within + IMPORT_WITHIN - time.monotonic()))
        return dict(found)

    return answer


def ask(codex_home: str, sessions: Collection[str] | None, within: float) -> dict[str, str]:
    """Session id → activity of those of `sessions` (None: all) that the daemon of `codex_home` has open.

    Raises DaemonError where it does not tell all of it within so many seconds.
    """
    with daemon_of(codex_home, within) as daemon:
        loaded = texts(daemon.call("thread/loaded/list").get("data"))
        here = loaded if sessions is None else [s for s in sessions if s in loaded]
        answers = daemon.call_each("thread/read", [{"threadId": session} for session in here])
    known = {session: activity_of(answer) for session, answer in zip(here, answers, strict=True)}
    return {session: activity for session, activity in known.items() if activity}


def activity_of(result: Object) -> str | None:
    """The activity in the answer to `thread/read`; None where it tells none.

    >>> activity_of({"thread": {"status": {"type": "active", "activeFlags": ["waitingOnApproval"]}}})
    'approval'
    """
    status = an_object(an_object(result.get("thread")).get("status"))
    kind = status.get("type")
    if kind == "active":
        waits = texts(status.get("activeFlags"))
        if "waitingOnApproval" in waits:
            return APPROVAL
        return ANSWER if "waitingOnUserInput" in waits else WORKING
    return {"idle": IDLE, "systemError": FAILED}.get(str(kind))
