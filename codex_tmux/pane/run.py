"""`codex-tmux run`: what runs inside a pane. It becomes Codex, resuming the session that the pane had.

What it needs it takes from the pane's own options, in one tmux call; where those say nothing, from the state file.
"""

import os
import termios
from typing import NamedTuple, NoReturn

from codex_tmux.codex.accepted import accepted, left_out
from codex_tmux.codex.commandline import parse, redact, tui_resume, without_cd
from codex_tmux.codex.daemon.app_server import token_of, whole_id
from codex_tmux.codex.daemon.client import DaemonError
from codex_tmux.codex.home import default_home
from codex_tmux.codex.session_directory import in_directory, session_directory
from codex_tmux.codex.shells import BELOW
from codex_tmux.codex.store import Holder, Store, holder_after
from codex_tmux.elsewhere.far_end import Answer
from codex_tmux.elsewhere.wrapper import is_unknown, prefixed
from codex_tmux.errors import Problem
from codex_tmux.log import log
from codex_tmux.pane import forks
from codex_tmux.pane.ask_or_sleep import without_session, without_wrapper
from codex_tmux.pane.go_back import completed, words_for
from codex_tmux.pane.here import (
    Here,
    ask,
    become_shell,
    file_records,
    forget_session,
    refuse_other_holder,
    say,
)
from codex_tmux.pane.program import find_program, path_with
from codex_tmux.sleeping.hint import ENDED_SOMEHOW, hint
from codex_tmux.sleeping.remain_on_exit import GIVE_BACK, OFF, SET, give_back, remain_on_exit, stay
from codex_tmux.sleeping.remain_on_exit import say as say_at_death
from codex_tmux.state.launch import FORK, UNATTENDED, Launch, launch_of, store_of
from codex_tmux.state.pane_options import Option, decode_launch, encode_launch, pane_option
from codex_tmux.tmux.server import Server

USAGE = "usage: codex-tmux run [--shell] [--fresh] [-- CODEX ARGS]"

WAIT_FOR_WRITER = 15.0
"""Seconds to wait for another process to let go of the session's writer lock."""
WAIT_FOR_DAEMON = 75.0
"""The same for Codex's daemon, which keeps the lock for about a minute after its last TUI has left."""


class Request(NamedTuple):
    shell: bool
    fresh: bool
    codex_args: list[str] | None


def request_of(args: list[str]) -> Request:
    """Raises Problem where a word is unknown."""
    at = args.index("--") if "--" in args else len(args)
    own, codex_args = args[:at], args[at + 1 :] if at < len(args) else None
    for word in own:
        if word not in ("--shell", "--fresh"):
            raise Problem(f"run: unknown argument {word!r}; {USAGE}")
    return Request("--shell" in own, "--fresh" in own, codex_args)


def main(args: list[str]) -> NoReturn:
    """Run in this pane, as Codex or a shell. Raises Problem."""
    unattended = bool(os.environ.pop(UNATTENDED, ""))
    fork = os.environ.pop(FORK, "")
    request = request_of(args)
    pane = os.environ.get("TMUX_PANE", "")
    if not pane:
        raise Problem("run works inside a tmux pane; outside, use codex itself")
    server = Server()
    here = Here(ask(server, pane), pane)
    here.fork = fork or here.fork
    server.require(here.server_pid)
    launch, program = what_to_launch(request, here)
    mark(server, here, launch)
    fresh = request.fresh or here.fresh
    if launch.transport:
        become(words_for(server, here, enter(launch)[0], fresh), here, request.shell)
    path = os.environ.get("PATH", os.defpath)
    argv = wrapped(server, here, launch, [program], unattended)
    launch, gone = enter(launch)
    session, why = ("", "") if fresh or fork else choose(server, here, launch)
    if why:
        without_session(server, here, why, unattended)
    os.environ["PATH"] = path_with(program, path)
    argv += codex_words(server, here, launch, session, why or "asked for" * fresh, program)
    if gone:
        say(server, here, gone)
    become(argv, here, request.shell, path)


def wrapped(server: Server, here: Here, launch: Launch, argv: list[str], unattended: bool) -> list[str]:
    """The words that start Codex, behind its wrapper; without that where a person says so."""
    before = None if is_unknown(launch.wrapper) else prefixed(launch.wrapper, argv, here.default_shell)
    if before is None:
        without_wrapper(server, here, launch, unattended)
    return before or argv


def codex_words(
    server: Server, here: Here, launch: Launch, session: str, why: str, program: str
) -> list[str]:
    """The words with which Codex resumes the session, or begins one for the reason `why`; for "" it may be a fork of
    another one. What is to be said of that is said."""
    flags = accepted_flags(server, here, launch.flags, program)
    if session:
        log("session.restored", session=session, pane=here.id, server=here.socket)
        if here.evidence == "inferred":
            say(server, here, "session inferred, not certain; codex-tmux adopt binds another")
        return tui_resume(in_session_directory(launch, session, flags), session)
    if here.fork and not why:
        parent = here.fork.partition(" ")[0]
        return forks.words(here.fork, in_session_directory(launch, parent, flags))
    if why:
        log("session.fresh", pane=here.id, server=here.socket, why=why)
        forget_session(server, here)
    return flags


def what_to_launch(request: Request, here: Here) -> tuple[Launch, str]:
    """How Codex is to be started here, and the program: by this command line, else as the pane remembers it.

    Raises Problem where there is no Codex; with `shell` the pane then becomes that.
    """
    known = decode_launch(here.launch_text) or from_file(here)
    launch = known or Launch("tui", "", default_home(), os.getcwd(), (), request.shell)
    if request.codex_args is not None:
        flags = parse(request.codex_args).flags
        launch = Launch("tui", launch.codex, launch.codex_home, launch.cwd, flags, request.shell)
    elif launch.transport:
        return launch, ""
    elif known is None and request.shell:
        become_shell(here)
    program = find_program(launch.codex, here.command)
    if not program:
        if request.shell:
            become_shell(here)
        raise Problem("no Codex found: install it, or name it with `set -g @codex-command /path/to/codex`")
    return launch._replace(codex=program), program


def from_file(here: Here) -> Launch | None:
    """What the state file says of this pane, where its options say nothing."""
    record = next((r for r in file_records(here)[0] if r.pane == here.id), None)
    if record is None:
        return None
    here.session = here.session or record.session_id
    return launch_of(record)


def accepted_flags(server: Server, here: Here, flags: tuple[str, ...], program: str) -> list[str]:
    """`flags` without those that this Codex refuses, which may be another version by now; says which."""
    kept = accepted([program], flags)
    if dropped := left_out(flags, kept):
        log("flags.dropped", pane=here.id, flags=dropped, codex=program)
        say(server, here, f"this Codex has no {dropped}: left out")
    return kept


def mark(server: Server, here: Here, launch: Launch) -> None:
    """Let the pane outlive a crash, and say in its options what runs here, before anything can go wrong."""
    if not here.loaded:
        return  # nobody would look after the pane
    commands: list[list[str]] = []
    text = encode_launch(launch)
    if here.fresh_text != here.fork:
        commands.append(pane_option(here.id, Option.FRESH, here.fork))
    if text != here.launch_text:
        commands.append(pane_option(here.id, Option.LAUNCH, text))
    if here.is_root:
        commands += end_of(here, launch)
    if not here.marked:
        commands.append(pane_option(here.id, Option.MARK, "1"))
    if commands:
        server.try_commands(commands)


def end_of(here: Here, launch: Launch) -> list[list[str]]:
    """The tmux commands that make the pane end as it should: stay after a crash, or with `shell`, close as ever."""
    # It slept as a pane of its own in any case.
    todo = remain_on_exit(here.may_stay and not launch.shell, here.remain, OFF, here.kept)
    commands = stay(here.id) if todo == SET else give_back(here.id) if todo == GIVE_BACK else []
    text = hint(ENDED_SOMEHOW, here.key, launch)
    if not launch.shell and here.hint != text:
        commands += say_at_death(here.id, text, launch.typed)
    return commands


def enter(launch: Launch) -> tuple[Launch, str]:
    """Go to the session's directory and into its environment; the launch as it can be, and what of it cannot."""
    gone = ""
    try:
        os.chdir(launch.cwd)
    except OSError as e:
        fallback = os.path.expanduser("~")
        log("cwd.missing", cwd=launch.cwd, why=e.strerror, instead=fallback)
        gone = f"{launch.cwd!r} cannot be entered ({e.strerror}): Codex starts in {fallback}"
        os.chdir(fallback)
    if launch.codex_home and launch.codex_home != default_home():
        os.environ["CODEX_HOME"] = launch.codex_home
    for name, value in launch.env:
        os.environ[name] = value
    directory = "" if launch.transport else parse(launch.flags).cd
    if directory and not os.path.isdir(directory):
        # Codex would end at once; without the flag it asks whether to go on in the session's directory or here.
        log("cwd.missing", cd=directory)
        gone = f"{directory!r} is gone: Codex starts without --cd"
        launch = launch._replace(flags=tuple(without_cd(launch.flags)))
    return launch, gone


def in_session_directory(launch: Launch, session: str, flags: list[str]) -> list[str]:
    """`flags` with which Codex goes on in the session's own directory, without a question."""
    if parse(flags).remote:
        return flags  # the directory is the server's
    return in_directory(flags, session_directory(store_of(launch), session), os.getcwd())


def choose(server: Server, here: Here, launch: Launch) -> tuple[str, str]:
    """The session to resume, or "" and why there is none ("": there never was one here).

    Waits, bounded, while another process may still write to the session. Raises Problem where it is somebody
    else's: the record stays as it is.
    """
    store = store_of(launch)
    if not here.session:
        known = not here.launch_text or (here.fork and not forks.was_made(here.fork, store))
        return "", "" if known else "this pane's session is not known"
    if address := parse(launch.flags).remote:
        return choose_there(server, here, launch, address)
    session = store.complete(here.session)
    if session is None:
        return "", f"session {here.session} had no message yet"
    refuse_other_holder(server, here, session)
    ok, reason = store.resumable(session)
    if (
        not ok and reason != "archived"
    ):  # Codex asks by itself whether to unarchive it, before 0.154 it says how
        return "", REASONS.get(reason, reason).format(session=session)
    wait_for_writer(store, session, launch)
    return session, ""


def choose_there(server: Server, here: Here, launch: Launch, address: str) -> tuple[str, str]:
    """As `choose`, of a session in the store of the app-server at `address`: ours says nothing of it."""
    session, why = here.session, ""
    if len(session) != 36:
        try:
            answer = Answer(*whole_id(address, token_of(launch.flags), session))
        except DaemonError as e:
            answer = Answer("", False, f"it did not answer ({e})")
        session, why = completed(server, here, redact(("--remote", address))[1], answer)
    if session:
        refuse_other_holder(server, here, session)
    return session, why


REASONS = {
    "no-message": "session {session} had no message yet",
    "unknown": "Codex no longer has session {session}",
    "deleted": "session {session} was deleted",
    "archived": "session {session} is archived (codex unarchive brings it back)",
    "subagent": "session {session} belongs to a sub-agent",
    "no-store": "Codex's store is gone, and session {session} with it",
}


def wait_for_writer(store: Store, session: str, launch: Launch) -> None:
    """Wait until no other process can write to the session. Raises Problem that names the one that still can."""
    holder = store.lock_holder(session)
    if holder is None or (holder.daemon and not parse(launch.flags).embedded):
        return  # the daemon is where this Codex will join

    def tell(holder: Holder) -> None:
        print(f"codex-tmux: session {session} is held by {holder.name} ({holder.pid}); waiting", flush=True)

    limit = WAIT_FOR_DAEMON if holder.daemon else WAIT_FOR_WRITER
    holder = holder_after(store, session, limit, tell, lambda: False)
    if holder is not None:
        log("session.held", session=session, holder=holder.name, pid=holder.pid)
        raise Problem(
            f"session {session} is still open in {holder.name}, process {holder.pid}: end that, then respawn this pane"
        )


def become(argv: list[str], here: Here, shell: bool, path: str = "") -> NoReturn:
    """Become Codex; with `shell`, become a process that runs Codex and then the user's shell, whose PATH is `path`."""
    program = argv[0]
    if shell:
        ours = os.environ.get("PATH", "")
        if path not in ("", ours):
            argv, os.environ["PATH"] = ["/usr/bin/env", f"PATH={ours}", *argv], path
        script = BELOW + (" -l" if here.login_shell else "")
        program = "/bin/sh"
        # tmux names the window by the first word of what is in the foreground. BusyBox chooses what it is by it.
        name = "sh" if os.path.basename(os.path.realpath(program)) in ("busybox", "toybox") else "codex"
        argv = [name, "-c", script, here.default_shell or program, *argv]
    mend_terminal()
    try:
        os.execvp(program, argv)
    except OSError as e:
        raise Problem(f"{program} cannot be run: {e.strerror}") from e


def mend_terminal() -> None:
    """Switch on again what a Codex that was killed has left off: the new one will leave the terminal as it finds it."""
    try:
        modes = termios.tcgetattr(0)
        if not modes[3] & termios.ISIG:
            modes[0] |= termios.BRKINT | termios.ICRNL | termios.IXON
            modes[1] |= termios.OPOST | termios.ONLCR
            modes[3] |= (
                termios.ISIG | termios.ICANON | termios.IEXTEN | termios.ECHO | termios.ECHOE | termios.ECHOK
            )
            termios.tcsetattr(0, termios.TCSANOW, modes)
    except termios.error:
        return  # no terminal
