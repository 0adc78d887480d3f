"""How `run` brings a pane back to its far end: by which command line, and what a person pastes there."""

from codex_tmux.codex.session_id import CUT
from codex_tmux.elsewhere.far_end import Answer, ask
from codex_tmux.elsewhere.run_again import CONNECT, NOTHING, paste, run_again
from codex_tmux.elsewhere.transport import Transport, of_argv
from codex_tmux.errors import Problem
from codex_tmux.log import log
from codex_tmux.pane.here import Here, forget_session, refuse_other_holder, say
from codex_tmux.paths import on_path
from codex_tmux.state.launch import Launch
from codex_tmux.tmux.server import Server


def words_for(server: Server, here: Here, launch: Launch, fresh: bool) -> list[str]:
    """The command line that brings the pane's session back through its transport. Raises Problem.

    Where no Codex can be started at the far end, it only leads there, and the command to paste is shown.
    """
    session = "" if fresh else here.session
    again = run_again(launch.transport)
    transport = of_argv(again.words)
    if again.how == NOTHING or transport is None:
        raise Problem(f"not run again: {again.why}. To go on there: {paste(session)}")
    program = on_path(transport.connect[0])
    if not program:
        raise Problem(f"{transport.connect[0]} is not there, with which this pane reached {transport.name}")
    if session:
        refuse_other_holder(server, here, session)
    if again.how == CONNECT:
        typed(server, here, transport, session)
        return [program, *again.words[1:]]
    return [program, *command(server, here, transport, session)[1:]]


def command(server: Server, here: Here, transport: Transport, session: str) -> tuple[str, ...]:
    """The transport's command line, with its Codex resuming the session; a fresh one where there is none to resume."""
    why = "" if session else "asked for" if here.session else "this pane's session is not known"
    if len(session) == CUT:
        session, why = completed(server, here, transport.name, ask(transport, session))
    if session:
        log("session.restored", session=session, pane=here.id, server=here.socket, through=transport.name)
    else:
        log("session.fresh", pane=here.id, server=here.socket, why=why, through=transport.name)
        if why != "asked for":
            say(server, here, f"a fresh session: {why}")
        forget_session(server, here)
    return run_again(transport.argv, session).words


def completed(server: Server, here: Here, where: str, answer: Answer) -> tuple[str, str]:
    """The whole id of the pane's session, as `where` answers; or "" and why there is none to resume. Raises Problem."""
    if answer.failure:
        raise Problem(
            f"session {here.session}… cannot be resumed yet: {where} was asked for the whole id, and "
            f"{answer.failure}. Respawn this pane to ask again"
        )
    if not answer.session_id:
        return "", f"{where} no longer has session {here.session}…"
    if not answer.has_message:
        return "", f"session {answer.session_id} had no message yet"
    remember(server, here, answer.session_id)
    return answer.session_id, ""


def typed(server: Server, here: Here, transport: Transport, session: str) -> None:
    """Show what to type at the far end to go on with the session. Raises Problem where no shell waits there."""
    if transport.by_ssh or len(session) == CUT:
        answer = ask(transport, session)
        if answer.own_command:
            raise Problem(
                f"not connected: {transport.name} runs a command of its own for whoever connects. "
                f"To go on there: {paste(session)}"
            )
        if answer.session_id:
            session = answer.session_id
            remember(server, here, session)
        elif len(session) == CUT:
            why = answer.failure or "it has no such session any more"
            print(f"codex-tmux: {transport.name} was asked for the whole id of session {session}…: {why}")
    if session:
        print(f"codex-tmux: to go on with this pane's session, there: {paste(session)}", flush=True)
        log("session.shown", session=session, pane=here.id, server=here.socket, through=transport.name)


def remember(server: Server, here: Here, session: str) -> None:
    """The whole id from now on; the far end need not be asked again."""
    server.try_run("set-option", "-p", "-t", here.id, "@codex_session", session)
