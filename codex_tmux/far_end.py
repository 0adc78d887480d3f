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

from codex_tmux.codex.store import Store, created_ms
from codex_tmux.errors import Problem
from codex_tmux.log import log
from codex_tmux.named_tuple import NamedTuple
from codex_tmux.reconcile import Launch
from codex_tmux.records import is_session_id
from codex_tmux.remote_command import with_script, with_session
from codex_tmux.run import Here, forget_session, refuse_rival, say
from codex_tmux.tmux import Server
from codex_tmux.transport import MOSH, SHARES_HOME, Transport, of_argv, question
from codex_tmux.transport_pane import PREFIX, default_home

WITHIN = 15.0
"""Seconds that the far end may take to answer; ssh itself gives up connecting after 5."""
LARGEST_ANSWER = 1 << 16
WHOLE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Answer(NamedTuple):
    """What the far end said of a session: its whole id ("" where it has none), whether there is anything to resume,
    and why nobody knows ("" where it was answered)."""

    session_id: str
    has_message: bool
    failure: str = ""


def words_for(server: Server, here: Here, launch: Launch, fresh: bool) -> list[str]:
    """The command line that brings the pane's session back through its transport. Raises Problem.

    Where Codex was typed into a shell of the far end it is the transport's own, and the command to type is shown.
    """
    transport = of_argv(launch.transport)
    if transport is None:
        raise Problem(f"{shlex.join(launch.transport)!r} is no transport that codex-tmux knows")
    program = shutil.which(transport.connect[0])
    if program is None:
        raise Problem(f"{transport.connect[0]} is not there, with which this pane reached {transport.name}")
    session = "" if fresh else here.session
    if session:
        refuse_rival(server, here, session)
    words = list(
        typed(server, here, transport, session) if launch.typed else command(server, here, transport, session)
    )
    return [program, *words[1:]]


def command(server: Server, here: Here, transport: Transport, session: str) -> tuple[str, ...]:
    """The transport's command line, with its Codex resuming the session; a fresh one where there is none to resume."""
    why = "" if session else "asked for" if here.session else "this pane's session is not known"
    if len(session) == PREFIX:
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
    words = with_session(transport, session)
    if words is None:
        raise Problem(f"{shlex.join(transport.argv)!r} starts no Codex that can be told what to resume")
    if session:
        log("session.restored", session=session, pane=here.id, server=here.socket, through=transport.name)
    else:
        log("session.fresh", pane=here.id, server=here.socket, why=why, through=transport.name)
        if why != "asked for":
            say(server, here, f"a fresh session: {why}")
        forget_session(server, here)
    return words


def typed(server: Server, here: Here, transport: Transport, session: str) -> tuple[str, ...]:
    """The transport's own command line; what to type at the far end is shown above it."""
    if len(session) == PREFIX:
        answer = ask(transport, session)
        if answer.session_id:
            session = answer.session_id
            remember(server, here, session)
        else:
            why = answer.failure or "it has no such session any more"
            print(f"codex-tmux: {transport.name} was asked for the whole id of session {session}…: {why}")
    if session:
        print(f"codex-tmux: to go on with this pane's session, there: {paste(session)}", flush=True)
        log("session.shown", session=session, pane=here.id, server=here.socket, through=transport.name)
    return transport.argv


def paste(session_id: str) -> str:
    """What a person types at the far end to have the session back."""
    # `codex resume` takes no beginning of an id; without one it lets the user choose.
    return f"codex resume {session_id}" if len(session_id) == 36 else "codex resume"


def remember(server: Server, here: Here, session: str) -> None:
    """The whole id from now on; the far end need not be asked again."""
    server.try_run("set-option", "-p", "-t", here.id, "@codex_session", session)


def ask(transport: Transport, prefix: str) -> Answer:
    """Ask the far end for the one session whose id begins with `prefix`, 29 characters; WITHIN seconds at most."""
    if transport.kind in SHARES_HOME:
        whole = Store(default_home()).complete(prefix)
        if whole:
            return Answer(whole, Store(default_home()).rollout(whole) is not None)
    argv = question_for(transport, prefix)
    if argv is None:
        return Answer("", False, "nothing can be asked that way")
    print(f"codex-tmux: asking {transport.name} for session {prefix}…", flush=True)
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
    answer = answer_in(done.stdout[:LARGEST_ANSWER].decode("utf-8", "replace"), prefix)
    if done.returncode and not answer.session_id:
        said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        why = "".join(c for c in said[-1] if c.isprintable())[:200] if said else f"exit {done.returncode}"
        return answer._replace(failure=f"said: {why}")
    return answer


def question_for(transport: Transport, prefix: str) -> tuple[str, ...] | None:
    """The command line that asks the far end, in the environment its Codex has."""
    script = script_for(prefix)
    words = with_script(transport, script) or ("sh", "-c", script)
    if transport.kind == MOSH or (transport.by_shell and len(words) > 1):
        words = (shlex.join(words),)
    return question(transport, words)


def script_for(prefix: str) -> str:
    """What `sh` runs at the far end: it only lists names. An id begins with its time, which names the day's folder."""
    if not (len(prefix) == PREFIX and is_session_id(prefix)):
        raise ValueError(f"{prefix!r} is not the beginning of a session's id")
    created = created_ms(prefix) / 1000
    days = sorted({time.strftime("%Y/%m/%d", time.gmtime(created + hours * 3600)) for hours in (-24, 0, 24)})
    places = [f"thread-writer-locks/{prefix}*", f"archived_sessions/rollout-*-{prefix}*"]
    places += [f"sessions/{day}/rollout-*-{prefix}*" for day in days]
    files = " ".join(f'"$d"/{place}' for place in places)
    return f'd=${{CODEX_HOME:-$HOME/.codex}}; for f in {files}; do if [ -e "$f" ]; then echo "$f"; fi; done'


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
