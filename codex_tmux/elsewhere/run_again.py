"""May the command line of a transport run again, and as what?

Pure. The line that ran is never run again as it was: its prompt would be sent once more, on another machine.
"""

from collections.abc import Sequence
from typing import NamedTuple

from codex_tmux.elsewhere.programs import MOSH, NO_REMOTE_COMMAND, SSH
from codex_tmux.elsewhere.remote_command import alone, codex_of, with_session
from codex_tmux.elsewhere.transport import Transport, of_argv

RESUME, CONNECT, NOTHING = "resume", "connect", "nothing"


class Again(NamedTuple):
    """What may run again.

    RESUME: `words`, whose Codex (`codex`: its program there) resumes the session, or begins a new one. CONNECT:
    `words` lead there and start no Codex; a person goes on. NOTHING: see `why`; `words` only name the transport.
    """

    how: str
    words: tuple[str, ...]
    codex: str = ""
    flags: tuple[str, ...] = ()
    why: str = ""
    ends: bool = False
    """Nothing of the command comes behind its Codex, no shell: while it runs, that Codex does."""


def run_again(argv: Sequence[str], session_id: str = "") -> Again:
    """What of this command line may run again, to resume `session_id` ("": to begin a new session).

    Said again of its own words, the answer is the same; no prompt is in them.
    """
    transport = of_argv(argv)
    if transport is None:
        name = next(iter(argv), "it")
        return Again(NOTHING, tuple(argv), why=f"{name} is no transport that codex-tmux knows")
    if not transport.goes_back:
        hides = transport.kind == MOSH
        why = "mosh hides how it was called" if hides else f"{transport.name} would start anew"
        return Again(NOTHING, transport.connect, why=why)
    if codex := codex_of(transport):
        words = with_session(transport, codex, session_id)
        return Again(RESUME, words, codex.program, codex.command.flags, ends=not codex.after)
    remote = alone(transport)
    return Again(CONNECT, (*transport.connect, *remote) if remote else _only_there(transport))


def paste(session_id: str) -> str:
    """What a person types at the far end to have the session back."""
    # `codex resume` takes no beginning of an id; without one it lets the user choose.
    return f"codex resume {session_id}" if len(session_id) == 36 else "codex resume"


def _only_there(transport: Transport) -> tuple[str, ...]:
    connect, at = transport.connect, transport.before + 1
    # What they announced does not come.
    while connect[-1] in ("--", "-e", "--exec") and connect[-1] != transport.target:
        connect = connect[:-1]
    if transport.kind != SSH or connect[at : at + 2] == NO_REMOTE_COMMAND:
        return connect
    # Nor is a RemoteCommand of ssh's configuration to start Codex.
    return (*connect[:at], *NO_REMOTE_COMMAND, *connect[at:])
