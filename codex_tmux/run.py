"""`codex-tmux run`: what runs inside a pane. It becomes Codex, resuming the session that the pane had.

It starts in every pane, so its budget is one bare Python start more: what it needs it takes from the pane's own
options, in one tmux call; the state file is parsed only where those do not answer.
"""

from __future__ import annotations

import os
import sys
import time

from codex_tmux.errors import Problem
from codex_tmux.hint import ENDED_SOMEHOW, hint, is_epitaph, shown_key
from codex_tmux.launch import LAY, UNATTENDED
from codex_tmux.log import log, set_level
from codex_tmux.program import find_program, interpreter, path_with
from codex_tmux.records import same_session
from codex_tmux.tmux import Server, Started, TmuxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_tmux.codex.store import Store
    from codex_tmux.launch import Launch

USAGE = "usage: codex-tmux run [--shell] [--fresh] [-- CODEX ARGS]"

WAIT_FOR_WRITER = 15.0
"""Seconds to wait for another process to let go of the session's writer lock."""
WAIT_FOR_DAEMON = 75.0
"""The same for Codex's daemon, which keeps the lock for about a minute after its last TUI has left."""
TOO_LARGE = 8 * 1024 * 1024
"""Bytes of a state file that are looked at, as in `store`, which is imported only where they hold what is sought."""


class Request:
    """The command line of `run`."""

    def __init__(self, args: list[str]) -> None:
        self.shell = self.fresh = False
        self.codex_args: list[str] | None = None
        for at, word in enumerate(args):
            if word == "--":
                self.codex_args = args[at + 1 :]
                break
            if word == "--shell":
                self.shell = True
            elif word == "--fresh":
                self.fresh = True
            else:
                raise Problem(f"run: unknown argument {word!r}; {USAGE}")


VALUES = (
    "@codex_session @codex_launch @codex_fresh @codex_evidence @codex_pane @codex_hint @codex-command "
    "@codex-respawn-key @codex_keys prefix remain-on-exit @codex_keep @codex_dir default-shell @codex-log-level"
).split()


def ask(server: Server, pane: str) -> Started:
    """Start to ask tmux for all that `Here` needs, in one call, which also notes that the pane is awake."""
    # Tabs: every tmux prints them as they are, and none of these values holds one.
    form = "".join(f"#{{{name}}}\t" for name in VALUES)
    form += "#{pane_id} #{pane_pid} #{pid} #{start_time} #{socket_path}"
    awake = (
        f"set-option -pu -t {pane} @codex_asleep ; set-option -pu -t {pane} @codex_waiting ; "
        # An id that is there again is in the title of what this process becomes.
        f"set-option -pu -t {pane} @codex_title_id ; "
        # Claimed and read in one step: of two panes that wake for one session, the second sees the first. Where the
        # plugin has been unloaded, nothing is left on the pane.
        f"if-shell -F -t {pane} '#{{@codex_dir}}' {{ set-option -p -t {pane} @codex_cleared {os.getpid()} ; "
        f"set-option -pF -t {pane} @codex_claim '#{{@codex_session}}' }}"
    )
    return server.start(
        # In another server, at the path of a socket that was removed, this would be another pane.
        *("if-shell", "-F", f"#{{==:#{{pid}},{server.pid}}}" if server.pid else "1", awake, ";"),
        *("display-message", "-p", "-t", pane, form, ";"),
        *("list-panes", "-a", "-f", "#{||:#{?@codex_session,1,0},#{?@codex_claim,1,0}}"),
        *("-F", "#{pane_id} #{pane_dead} #{@codex_session} #{@codex_claim} #{@codex_state}"),
    )


class Here:
    """The pane this process runs in, as tmux answers to `ask`."""

    def __init__(self, answer: str, pane: str) -> None:
        first, *lines = answer.split("\n")
        values = first.split("\t", len(VALUES))
        self.session, self.launch_text, fresh, self.evidence, self.marked, self.hint, *values = values
        self.command, key, ours, prefix, self.remain, kept, loaded, self.default_shell, level, ids = values
        self.key = shown_key(key, ours, prefix)
        set_level(level)
        self.id, root, self.server_pid, started, self.socket = ids.split(" ", 4)
        self.former = f"{self.server_pid}:{started}"
        if self.id != pane:
            raise Problem(f"pane {pane} is gone")
        self.fresh, self.kept, self.loaded = bool(fresh), bool(kept), bool(loaded)
        self.is_root = int(root) == os.getpid()
        self.rivals = []
        for line in lines:
            rival, dead, session, claimed, state = line.split(" ")
            # A sync that finds two panes on one session takes it out of the memory of one: its claim stays.
            claims_it = same_session(claimed, self.session)
            names_it = same_session(session, self.session) or (not session and claims_it)
            # Alive, and either there before us or with Codex in it; not one that is about to give way to us.
            is_there = dead == "0" and (claims_it or state == "live")
            if self.session and rival != pane and names_it and is_there:
                self.rivals.append(rival)

    @property
    def epoch(self) -> str:
        """The epoch of this tmux server."""
        from codex_tmux import epoch

        return epoch.of_server(self.server_pid)


def main(args: list[str]) -> int:
    """Run in this pane; does not return where it becomes Codex or a shell. Raises Problem."""
    buffer = os.environ.pop(LAY, "")
    unattended = bool(os.environ.pop(UNATTENDED, ""))
    if buffer:
        return draw(buffer)
    if args and args[0] in ("-h", "--help"):
        from codex_tmux.cli import main as cli_main

        return cli_main(["run", "--help"])
    request = Request(args)
    pane = os.environ.get("TMUX_PANE", "")
    if not pane:
        raise Problem("run works inside a tmux pane; outside, use codex itself")
    server = Server()
    asked = ask(server, pane)
    # Imported while tmux answers: what is needed further down.
    import codex_tmux.codex.processes
    import codex_tmux.codex.store
    import codex_tmux.resume  # noqa: F401

    here = Here(server.answer(asked), pane)
    server.require(here.server_pid)
    launch, program = what_to_launch(request, here)
    if request.shell and launch is None:
        become_shell(here)
    if launch is None:
        raise Problem("no Codex found: install it, or name it with `set -g @codex-command /path/to/codex`")
    mark(server, here, launch)
    argv = [*interpreter(program), program]
    if launch.wrapper:
        from codex_tmux.wrapper import is_unknown, prefixed

        before = None if is_unknown(launch.wrapper) else prefixed(launch.wrapper, argv, here.default_shell)
        if before is None:
            from codex_tmux.without_wrapper import without

            if (code := without(server, here, launch, unattended)) is not None:
                return code
        argv = before or argv
    launch, gone = enter(launch)
    if launch.transport:
        from codex_tmux.far_end import words_for

        become(words_for(server, here, launch, request.fresh or here.fresh), here, request.shell)
    from codex_tmux.codex.commandline import tui_fresh, tui_resume

    session, why = ("", "") if request.fresh or here.fresh else choose(server, here, launch)
    if why:
        from codex_tmux.fresh_instead import instead

        if (code := instead(server, here, why, unattended)) is not None:
            return code
    path = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = path_with(program, path)
    flags = accepted_flags(server, here, launch.flags, program)
    if session:
        flags = in_session_directory(launch, session, flags)
        log("session.restored", session=session, pane=pane, server=here.socket)
        if here.evidence == "inferred":
            say(
                server,
                here,
                "session inferred, not certain; codex-tmux adopt binds another",
            )
        words = tui_resume(flags, session)
    else:
        words = tui_fresh(flags)
        if why or request.fresh or here.fresh:
            log("session.fresh", pane=pane, server=here.socket, why=why or "asked for")
            forget_session(server, here)
    if gone:
        say(server, here, gone)
    argv += words
    if request.shell and os.environ["PATH"] != path:
        # For Codex alone: the shell behind it sets its own.
        argv = ["/usr/bin/env", f"PATH={os.environ['PATH']}", *argv]
        os.environ["PATH"] = path
    become(argv, here, request.shell)
    return 1


def draw(buffer: str) -> int:
    """Draw what the pane last showed, and die with an exit status that lets tmux keep the pane."""
    server = Server()
    try:
        screen = without_epitaph(server.run_bytes("save-buffer", "-b", buffer, "-"))
        server.run("delete-buffer", "-b", buffer)
    except TmuxError:
        screen = b""
    if screen.partition(b"\n")[0].strip():
        # The line that tmux draws in a dead pane scrolls the first one off the screen.
        screen = b"\n" + screen
    sys.stdout.buffer.write(screen + b"\x1b[0m")
    sys.stdout.flush()
    return 1


def without_epitaph(screen: bytes) -> bytes:
    """The screen down to its last words, without the line that tmux drew when the pane died: it will draw another."""
    screen = screen.rstrip(b"\n")
    above, _, last = screen.rpartition(b"\n")
    return above.rstrip(b"\n") if is_epitaph(last) else screen


def what_to_launch(request: Request, here: Here) -> tuple[Launch | None, str]:
    """How Codex is to be started here, and the program: by this command line, else as the pane remembers it."""
    from codex_tmux.launch import Launch
    from codex_tmux.options import decode_launch

    known = decode_launch(here.launch_text) or from_file(here)
    if known is None and request.shell and request.codex_args is None:
        return None, ""
    if known is not None and known.transport and request.codex_args is None:
        return known, ""
    program = find_program(known.codex if known else "", here.command)
    if not program:
        return None, ""
    if request.codex_args is not None:
        from codex_tmux.codex.commandline import parse

        home = known.codex_home if known else default_home()
        cwd = known.cwd if known else os.getcwd()
        return Launch("tui", program, home, cwd, parse(request.codex_args).flags, request.shell), program
    if known is None:
        return Launch("tui", program, default_home(), os.getcwd(), (), request.shell), program
    return known._replace(codex=program), program


def from_file(here: Here) -> Launch | None:
    """What the state file says of this pane, where its options say nothing."""
    record = file_record(here, by_pane=True)
    if record is None:
        return None
    from codex_tmux.reconcile import launch_of

    here.session = here.session or record.session_id
    return launch_of(record)


def file_record(here: Here, by_pane: bool):  # type: ignore[no-untyped-def]
    """The record of this pane, or the current one of another server's pane with this pane's session.

    Parsing is dear: it happens only where the text of the file holds what is looked for.
    """
    from codex_tmux.paths import state_dir

    try:
        # O_NONBLOCK: a FIFO in its place must not hang the pane.
        with open(os.open(os.path.join(state_dir(), "state.toml"), os.O_RDONLY | os.O_NONBLOCK), "rb") as f:
            text = f.read(TOO_LARGE) or b""
    except OSError:
        return None
    own = f'epoch = "{here.epoch}"', f'epoch = "{here.former}"'
    if by_pane and not (f'pane = "{here.id}"'.encode() in text and any(e.encode() in text for e in own)):
        return None
    if not by_pane and not may_be_elsewhere(text, here.session, own):
        return None
    from codex_tmux import store

    try:
        records = store.peek()
    except store.StateError as e:
        log("state.unusable", why=e)
        return None
    epochs = (here.epoch, here.former)
    current = (r for r in records if r.current)
    if by_pane:
        return next((r for r in current if r.epoch in epochs and r.pane == here.id), None)
    return next(
        (r for r in current if same_session(r.session_id, here.session) and r.epoch not in epochs), None
    )


def may_be_elsewhere(text: bytes, session: str, own: tuple[str, ...]) -> bool:
    """Whether the state file may have a record of the session in a pane of another tmux server than this one.

    Told without a TOML parser, which takes longer than all else that `run` does: the session's own record, which has
    `own` in it or is of no pane any more, is always there. What somebody has written in another form than ours is left
    to the parser.
    """
    from codex_tmux.records import CLOSED, ENDED, LOST

    harmless = [
        f"\n{line}\n".encode() for line in (*own, *(f'status = "{s}"' for s in (ENDED, CLOSED, LOST)))
    ]
    entries = (entry for entry in text.split(b"\n[[panes]]") if session[:29].encode() in entry)
    return any(not any(line in entry for line in harmless) for entry in entries)


def default_home() -> str:
    """Codex's home as a Codex started here would see it."""
    return os.path.abspath(os.environ.get("CODEX_HOME") or os.path.expanduser("~/.codex"))


def accepted_flags(server: Server, here: Here, flags: tuple[str, ...], program: str) -> list[str]:
    """`flags` without those that this Codex refuses, which may be another version by now; says which."""
    if not flags:
        return []
    from codex_tmux.codex.accepted import accepted

    kept = accepted([*interpreter(program), program], flags)
    if kept != list(flags):
        from codex_tmux.codex.commandline import options_of, redact

        left = [tuple(redact(words)) for words in options_of(kept)]
        dropped = " ".join(
            " ".join(w) for words in options_of(flags) if (w := tuple(redact(words))) not in left
        )
        log("flags.dropped", pane=here.id, flags=dropped, codex=program)
        say(server, here, f"this Codex has no {dropped}: left out")
    return kept


def mark(server: Server, here: Here, launch: Launch) -> None:
    """Let the pane outlive a crash, and say in its options what runs here, before anything can go wrong."""
    from codex_tmux.options import encode_launch
    from codex_tmux.resume import joined

    if not here.loaded:
        return  # nobody would look after the pane
    commands: list[list[str]] = []
    text = encode_launch(launch)
    if here.fresh:
        commands.append(["set-option", "-pu", "-t", here.id, "@codex_fresh"])
    if text != here.launch_text:
        commands.append(["set-option", "-p", "-t", here.id, "@codex_launch", text])
    if here.is_root:
        commands += end_of(here, launch)
    if not here.marked:
        commands.append(["set-option", "-p", "-t", here.id, "@codex_pane", "1"])
    if commands:
        server.try_run(*joined(commands)[:-1])


def end_of(here: Here, launch: Launch) -> list[list[str]]:
    """The tmux commands that make the pane end as it should: stay after a crash, or with `shell`, close as ever."""
    from codex_tmux.remain_on_exit import GIVE_BACK, OFF, SET, give_back, remain_on_exit, stay
    from codex_tmux.remain_on_exit import say as say_at_death

    # It slept as a pane of its own in any case.
    todo = remain_on_exit(not launch.shell, here.remain, OFF, here.kept)
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
    if launch.transport or not any(flag.startswith(("-C", "--cd")) for flag in launch.flags):
        return launch, gone
    from codex_tmux.codex.commandline import parse, without_cd

    directory = parse(launch.flags).cd
    if directory and not os.path.isdir(directory):
        # Codex would end at once; without the flag it asks whether to go on in the session's directory or here.
        log("cwd.missing", cd=directory)
        gone = f"{directory!r} is gone: Codex starts without --cd"
        launch = launch._replace(flags=tuple(without_cd(launch.flags)))
    return launch, gone


def in_session_directory(launch: Launch, session: str, flags: list[str]) -> list[str]:
    """`flags` with which Codex goes on in the session's own directory, without a question."""
    if any(flag.startswith("--remote") for flag in flags):
        return flags  # the directory is the server's
    from codex_tmux.codex.session_directory import in_directory, session_directory
    from codex_tmux.codex.store import SQLITE_HOME, Store

    store = Store(launch.codex_home, dict(launch.env).get(SQLITE_HOME))
    return in_directory(flags, session_directory(store, session), os.getcwd())


def choose(server: Server, here: Here, launch: Launch) -> tuple[str, str]:
    """The session to resume, or "" and why there is none ("": there never was one here).

    Waits, bounded, while another process may still write to the session. Raises Problem where it is somebody
    else's: the record stays as it is.
    """
    if not here.session:
        return "", "this pane's session is not known" if here.launch_text and launch else ""
    if any(flag.startswith("--remote") for flag in launch.flags):
        from codex_tmux.codex.commandline import parse

        if address := parse(launch.flags).remote:
            return choose_there(server, here, launch, address)
    from codex_tmux.codex.store import SQLITE_HOME, Store

    store = Store(launch.codex_home, dict(launch.env).get(SQLITE_HOME))
    session = here.session if len(here.session) == 36 else store.complete(here.session)
    if session is None:
        return "", f"session {here.session} had no message yet"
    refuse_rival(server, here, session)
    ok, reason = store.resumable(session)
    if (
        not ok and reason != "archived"
    ):  # Codex asks by itself whether to unarchive it, before 0.154 it says how
        return "", REASONS.get(reason, reason).format(session=session)
    wait_for_writer(store, session, launch)
    return session, ""


def choose_there(server: Server, here: Here, launch: Launch, address: str) -> tuple[str, str]:
    """As `choose`, of a session in the store of the app-server at `address`: ours says nothing of it."""
    session = here.session
    if len(session) != 36:
        from codex_tmux.app_server import ServerError, token_of, whole_id
        from codex_tmux.codex.commandline import redact

        where = redact(("--remote", address))[1]
        try:
            session, has_message = whole_id(address, token_of(launch.flags), here.session)
        except ServerError as e:
            raise Problem(
                f"session {here.session}… cannot be resumed yet: {where} was asked for the whole id, and it "
                f"did not answer ({e}). Respawn this pane to ask again"
            ) from e
        if not has_message:
            gone = f"{where} no longer has session {here.session}…"
            return "", f"session {session} had no message yet" if session else gone
        server.try_run("set-option", "-p", "-t", here.id, "@codex_session", session)
    refuse_rival(server, here, session)
    return session, ""


REASONS = {
    "no-message": "session {session} had no message yet",
    "unknown": "Codex no longer has session {session}",
    "deleted": "session {session} was deleted",
    "archived": "session {session} is archived (codex unarchive brings it back)",
    "subagent": "session {session} is a sub-agent's",
    "no-store": "Codex's store is gone, and session {session} with it",
}


def refuse_rival(server: Server, here: Here, session: str) -> None:
    """Raise Problem where another living pane, of this or another tmux server, has the session."""
    for pane in here.rivals:
        raise Problem(f"session {session} is in pane {pane}; it can be in one pane only")
    record = file_record(here, by_pane=False)
    if record is None:
        return
    from codex_tmux import epoch

    fate = epoch.fates([record.epoch], here.epoch, here.former)[record.epoch]
    if fate == epoch.ALIVE:
        raise Problem(
            f"session {session} is in pane {record.pane} of {epoch.server_name(record.epoch, record.server)}"
        )
    if fate == epoch.ELSEWHERE:
        raise Problem(
            f"session {session} is in a tmux pane of another host. To take it over: "
            f"codex-tmux adopt --force -t {here.id} {session}"
        )


def wait_for_writer(store: Store, session: str, launch: Launch) -> None:
    """Wait until no other process can write to the session. Raises Problem that names the one that still can."""
    holder = store.lock_holder(session)
    if holder is None:
        return
    from codex_tmux.codex.commandline import parse

    embedded = parse(list(launch.flags)).embedded
    if holder.daemon and not embedded:
        return  # the daemon is where this Codex will join
    limit = WAIT_FOR_DAEMON if holder.daemon else WAIT_FOR_WRITER
    end = time.monotonic() + limit
    said = False
    while holder is not None and time.monotonic() < end:
        if not said and time.monotonic() > end - limit + 0.3:
            said = True
            print(
                f"codex-tmux: session {session} is held by {holder.name} ({holder.pid}); waiting", flush=True
            )
        time.sleep(0.02)
        holder = store.lock_holder(session)
    if holder is not None:
        log("session.held", session=session, holder=holder.name, pid=holder.pid)
        raise Problem(
            f"session {session} is still open in {holder.name}, process {holder.pid}: end that, then respawn this pane"
        )


def forget_session(server: Server, here: Here) -> None:
    """The session that comes up here is another one."""
    server.try_run(
        *("set-option", "-pu", "-t", here.id, "@codex_session", ";"),
        *("set-option", "-pu", "-t", here.id, "@codex_claim", ";"),
        *("set-option", "-pu", "-t", here.id, "@codex_evidence"),
    )


def say(server: Server, here: Here, text: str) -> None:
    """Say one line in the pane, and to whoever looks at it: Codex's screen covers the pane's own at once."""
    from codex_tmux.plain_text import plain_line
    from codex_tmux.tell import tell

    text = plain_line(text)
    print(f"codex-tmux: {text}", flush=True)

    tell(server, here.id, text)


def become(argv: list[str], here: Here, shell: bool) -> None:
    """Become Codex; with `shell`, become a process that runs Codex and then the user's shell."""
    if shell:
        from codex_tmux.launch import BELOW

        script = BELOW + (" -l" if login_shell(here) else "")
        program = "/bin/sh"
        # tmux names the window by the first word of what is in the foreground. BusyBox chooses what it is by it.
        name = "sh" if os.path.basename(os.path.realpath(program)) in ("busybox", "toybox") else "codex"
        argv = [name, "-c", script, here.default_shell or program, *argv]
    else:
        program = argv[0]
    mend_terminal()
    try:
        os.execvp(program, argv)
    except OSError as e:
        raise Problem(f"{program} cannot be run: {e.strerror}") from e


def mend_terminal() -> None:
    """Switch on again what a Codex that was killed has left off: the new one will leave the terminal as it finds it."""
    import termios

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


def become_shell(here: Here) -> None:
    """Become the shell that tmux would have started."""
    shell = here.default_shell or "/bin/sh"
    os.execv(shell, [f"-{os.path.basename(shell)}"] if login_shell(here) else [shell])


def login_shell(here: Here) -> bool:
    """Whether tmux starts shells as login shells: it does unless `default-command` says otherwise."""
    return not (Server().try_run("show-options", "-gv", "default-command") or "")
