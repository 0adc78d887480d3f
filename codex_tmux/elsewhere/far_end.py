"""The one question that a far end is asked: which session begins with these characters?

A title shows 29 characters of an id, and `codex resume` wants all 36. They are never made up: the far end lists the
names in Codex's store that begin so, once, through the user's own transport, without a terminal. Asked in the pane
(`codex-tmux run`), never in a hook.
"""

import os
import shlex
import subprocess
from typing import NamedTuple

from codex_tmux.codex.home import default_home
from codex_tmux.codex.session_id import WHOLE, is_session_id
from codex_tmux.codex.store import Store
from codex_tmux.elsewhere.remote_command import with_script
from codex_tmux.elsewhere.transport import Transport
from codex_tmux.log import log

WITHIN = 15.0
"""Seconds that the far end may take to answer; ssh itself gives up connecting after 5."""
NOT_CONNECTED = 255
"""ssh's exit status where it did not reach the far end."""
LARGEST_ANSWER = 1 << 16
ANSWERED = "codex-tmux asked"
"""What the question prints last: who answers without it ran another command than the question."""


class Answer(NamedTuple):
    """What the far end said of a session: its whole id ("" where it has none), whether there is anything to resume,
    and why nobody knows ("" where it was answered). `own_command`: it runs a command of its own, whatever it is asked.
    """

    session_id: str
    has_message: bool
    failure: str = ""
    own_command: bool = False


def ask(transport: Transport, session: str) -> Answer:
    """Ask the far end for the one session whose id begins with `session` (its whole id, 29 characters of it, or "" to
    ask only whether a shell answers); WITHIN seconds at most."""
    if transport.program.shares_home:
        store = Store(default_home())
        if whole := store.complete(session):
            return Answer(whole, store.rollout(whole) is not None)
    argv = question_for(transport, session)
    print(f"codex-tmux: asking {transport.name}{f' for session {session}…' if session else ''}", flush=True)
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=WITHIN)
    except OSError as e:
        return Answer("", False, f"{argv[0]} cannot be run: {e.strerror}")
    except subprocess.TimeoutExpired:
        return Answer("", False, f"did not answer within {WITHIN:g} s")
    log("far_end.asked", through=transport.name, exit=done.returncode)
    return answer_of(done, transport, session)


def answer_of(done: subprocess.CompletedProcess[bytes], transport: Transport, session: str) -> Answer:
    """What the command that asked has printed, or why it did not."""
    said = done.stdout[:LARGEST_ANSWER].decode("utf-8", "replace")
    if ANSWERED in said:
        return answer_in(said, session)
    lines = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    why = "".join(c for c in lines[-1] if c.isprintable())[:200] if lines else f"exit {done.returncode}"
    own_command = transport.by_ssh and done.returncode != NOT_CONNECTED
    return Answer("", False, f"said: {why}", own_command)


def question_for(transport: Transport, session: str) -> tuple[str, ...]:
    script = script_for(session)
    words = with_script(transport, script) or ("sh", "-c", script)
    if transport.by_ssh and (not transport.by_shell or len(words) > 1):
        words = (shlex.join(words),)
    return (*transport.asking, *words)


def script_for(session: str) -> str:
    """What `sh` runs at the far end: it only lists names."""
    if session == "":
        return f"echo {ANSWERED}"
    if not is_session_id(session):
        raise ValueError(f"{session!r} is not a session's id, nor its beginning")
    places = ("thread-writer-locks/", "archived_sessions/rollout-*-", "sessions/*/*/*/rollout-*-")
    files = " ".join(f'"$d"/{place}{session}*' for place in places)
    listed = f'd=${{CODEX_HOME:-$HOME/.codex}}; for f in {files}; do if [ -e "$f" ]; then echo "$f"; fi; done'
    return f"{listed}; echo {ANSWERED}"


def answer_in(text: str, prefix: str) -> Answer:
    """The one session that the names in `text` are of. Whoever answered may have written anything."""
    found: dict[str, bool] = {}
    for line in text.splitlines():
        name = os.path.basename(line.strip())
        ids = WHOLE.findall(name)
        if len(ids) == 1 and ids[0].startswith(prefix):
            found[ids[0]] = found.get(ids[0], False) or name.startswith("rollout-")
    if len(found) > 1:
        return Answer("", False, f"named {len(found)} sessions that begin so")
    return next((Answer(session, has) for session, has in found.items()), Answer("", False))
