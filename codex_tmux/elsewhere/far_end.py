"""The command line with which a pane goes back to its far end, and the one question that is asked there first.

A title shows 29 characters of an id, and `codex resume` wants all 36. They are never made up: the far end lists the
names in Codex's store that begin so, once, through the user's own transport, without a terminal. Runs in the pane
(`codex-tmux run`), never in a hook.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from typing import NamedTuple

from codex_tmux.codex.home import default_home
from codex_tmux.codex.store import TITLE_ID_LENGTH, Store, created_ms
from codex_tmux.elsewhere.remote_command import with_script
from codex_tmux.elsewhere.run_again import CONNECT, NOTHING, Again, run_again
from codex_tmux.elsewhere.transport import Transport, of_argv
from codex_tmux.errors import Problem
from codex_tmux.here import Here, forget_session, refuse_rival, say
from codex_tmux.log import log
from codex_tmux.reconcile import Launch
from codex_tmux.records import is_session_id
from codex_tmux.tmux import Server

WITHIN = 15.0
"""Seconds that the far end may take to answer; ssh itself gives up connecting after 5."""
NOT_CONNECTED = 255
"""ssh's exit status where it did not reach the far end."""
LARGEST_ANSWER = 1 << 16
WHOLE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


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


def words_for(server: Server, here: Here, launch: Launch, fresh: bool) -> list[str]:
    """The command line that brings the pane's session back through its transport. Raises Problem.

    Where no Codex can be started at the far end, it only leads there, and the command to paste is shown.
    """
    session = "" if fresh else here.session
    again = run_again(launch.transport)
    transport = of_argv(again.words)
    if again.how == NOTHING or transport is None:
        raise Problem(not_again(again, session))
    program = shutil.which(transport.connect[0])
    if program is None:
        raise Problem(f"{transport.connect[0]} is not there, with which this pane reached {transport.name}")
    if session:
        refuse_rival(server, here, session)
    if again.how == CONNECT:
        typed(server, here, transport, session)
        return [program, *again.words[1:]]
    return [program, *command(server, here, transport, session)[1:]]


def not_again(again: Again, session: str) -> str:
    """Why a transport's command line does not run again, and what a person does instead."""
    return f"not run again: {again.why}. To go on there: {paste(session)}"


def command(server: Server, here: Here, transport: Transport, session: str) -> tuple[str, ...]:
    """The transport's command line, with its Codex resuming the session; a fresh one where there is none to resume."""
    why = "" if session else "asked for" if here.session else "this pane's session is not known"
    if len(session) == TITLE_ID_LENGTH:
        answer = ask(transport, session)
        if answer.failure:
            raise Problem(
                f"session {session}… cannot be resumed yet: {transport.name} was asked for the whole id, and "
                f"{answer.failure}. Respawn this pane to ask again"
            )
        if not answer.session_id:
            why = f"{transport.name} no longer has session {session}…"
        elif not answer.has_message:
            why = f"session {answer.session_id} had no message yet"
        session = answer.session_id if answer.has_message else ""
        if session:
            remember(server, here, session)
    if session:
        log("session.restored", session=session, pane=here.id, server=here.socket, through=transport.name)
    else:
        log("session.fresh", pane=here.id, server=here.socket, why=why, through=transport.name)
        if why != "asked for":
            say(server, here, f"a fresh session: {why}")
        forget_session(server, here)
    return run_again(transport.argv, session).words


def typed(server: Server, here: Here, transport: Transport, session: str) -> None:
    """Show what to type at the far end to go on with the session. Raises Problem where no shell waits there."""
    if transport.by_ssh or len(session) == TITLE_ID_LENGTH:
        answer = ask(transport, session)
        if answer.own_command:
            raise Problem(
                f"not connected: {transport.name} runs a command of its own for whoever connects. "
                f"To go on there: {paste(session)}"
            )
        if answer.session_id:
            session = answer.session_id
            remember(server, here, session)
        elif len(session) == TITLE_ID_LENGTH:
            why = answer.failure or "it has no such session any more"
            print(f"codex-tmux: {transport.name} was asked for the whole id of session {session}…: {why}")
    if session:
        print(f"codex-tmux: to go on with this pane's session, there: {paste(session)}", flush=True)
        log("session.shown", session=session, pane=here.id, server=here.socket, through=transport.name)


def paste(session_id: str) -> str:
    """What a person types at the far end to have the session back."""
    # `codex resume` takes no beginning of an id; without one it lets the user choose.
    return f"codex resume {session_id}" if len(session_id) == 36 else "codex resume"


def remember(server: Server, here: Here, session: str) -> None:
    """The whole id from now on; the far end need not be asked again."""
    server.try_run("set-option", "-p", "-t", here.id, "@codex_session", session)


def ask(transport: Transport, session: str) -> Answer:
    """Ask the far end for the one session whose id begins with `session` (its whole id, 29 characters of it, or "" to
    ask only whether a shell answers); WITHIN seconds at most."""
    if transport.program.shares_home:
        whole = Store(default_home()).complete(session)
        if whole:
            return Answer(whole, Store(default_home()).rollout(whole) is not None)
    if not transport.asking:
        return Answer("", False, "nothing can be asked that way")
    argv = question_for(transport, session)
    print(f"codex-tmux: asking {transport.name}{f' for session {session}…' if session else ''}", flush=True)
    began = time.monotonic()
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=WITHIN)
    except OSError as e:
        return Answer("", False, f"{argv[0]} cannot be run: {e.strerror}")
    except subprocess.TimeoutExpired:
        return Answer("", False, f"did not answer within {WITHIN:g} s")
    log(
        "far_end.asked",
        through=transport.name,
        seconds=f"{time.monotonic() - began:.2f}",
        exit=done.returncode,
    )
    said = done.stdout[:LARGEST_ANSWER].decode("utf-8", "replace")
    if ANSWERED in said:
        return answer_in(said, session)
    lines = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    why = "".join(c for c in lines[-1] if c.isprintable())[:200] if lines else f"exit {done.returncode}"
    return Answer(
        "", False, f"said: {why}", own_command=transport.by_ssh and done.returncode != NOT_CONNECTED
    )


def question_for(transport: Transport, session: str) -> tuple[str, ...]:
    """The command line that asks the far end, in the environment its Codex has."""
    script = script_for(session)
    words = with_script(transport, script) or ("sh", "-c", script)
    if transport.by_ssh and (not transport.by_shell or len(words) > 1):
        words = (shlex.join(words),)
    return (*transport.asking, *words)


def script_for(session: str) -> str:
    """What `sh` runs at the far end: it only lists names. An id begins with its time, which names the day's folder."""
    if session == "":
        return f"echo {ANSWERED}"
    if not is_session_id(session):
        raise ValueError(f"{session!r} is not a session's id, nor its beginning")
    created = created_ms(session) / 1000
    days = sorted({time.strftime("%Y/%m/%d", time.gmtime(created + hours * 3600)) for hours in (-24, 0, 24)})
    places = [f"thread-writer-locks/{session}*", f"archived_sessions/rollout-*-{session}*"]
    places += [f"sessions/{day}/rollout-*-{session}*" for day in days]
    files = " ".join(f'"$d"/{place}' for place in places)
    listed = f'd=${{CODEX_HOME:-$HOME/.codex}}; for f in {files}; do if [ -e "$f" ]; then echo "$f"; fi; done'
    return f"{listed}; echo {ANSWERED}"


def answer_in(text: str, prefix: str) -> Answer:
    """The one session that the names in `text` are of. Whoever answered may have written anything."""
    found: dict[str, bool] = {}
    for line in text.splitlines():
        name = os.path.basename(line.strip())
        ids = WHOLE_ID.findall(name)
        if len(ids) == 1 and ids[0].startswith(prefix):
            found[ids[0]] = found.get(ids[0], False) or name.startswith("rollout-")
    if len(found) > 1:
        return Answer("", False, f"named {len(found)} sessions that begin so")
    return next((Answer(session, has) for session, has in found.items()), Answer("", False))
