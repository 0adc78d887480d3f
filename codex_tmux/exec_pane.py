"""`codex-tmux exec`: a pane whose every message is one `codex exec`, and which keeps its conversation."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import select
import shlex
import signal
import sys
import termios
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import click

from codex_tmux.completion import DIRECTORY
from codex_tmux.errors import Problem
from codex_tmux.launch import LAY
from codex_tmux.resume import helper_command
from codex_tmux.run import draw

if TYPE_CHECKING:
    from codex_tmux.exec_conversation import Codex, Conversation, Memory
    from codex_tmux.exec_view import View
    from codex_tmux.memory import Remembered

REFUSED = {
    "--ephemeral": "keeps no session, so a pane could not come back to it",
    "--image": "belongs to one message; name the file in the message instead",
    "--last": "is not needed: the pane knows its session",
    "--all": "is not needed: the pane knows its session",
    "--worktree": "would make a worktree at every message; make one, and start the pane there with -C",
    "--help": "is not for a pane; see `codex exec --help`",
    "--version": "is not for a pane; see `codex --version`",
}
"""Options of `codex exec` that make no sense for a whole conversation, and why."""
JSON = ("--json", "--experimental-json")
SHORT = {"-i": "--image", "-h": "--help", "-V": "--version"}


@click.command(epilog="Example: codex-tmux exec --new -c ~/src/api -n api -- --sandbox read-only")
@click.option("--new", is_flag=True, help="Open the conversation in a new tmux window.")
@click.option("--split", is_flag=True, help="Open it in a split of the current tmux pane.")
@click.option(
    "-c", "--cwd", type=DIRECTORY, metavar="DIR", help="With --new or --split: the directory to work in."
)
@click.option("-n", "--name", metavar="NAME", help="With --new: the window's name.")
@click.option("--json", "as_json", is_flag=True, help="Print Codex's own events, one JSON object a line.")
@click.argument("flags", nargs=-1, type=click.UNPROCESSED, metavar="[-- CODEX EXEC FLAGS]")
def command(
    new: bool, split: bool, cwd: str | None, name: str | None, as_json: bool, flags: tuple[str, ...]
) -> int:
    """A conversation through `codex exec`, in this pane.

    Each message is one turn of one session. Killed, respawned or restarted, the pane goes on with it. The
    flags behind `--` go to every turn. Enter sends, Alt-Enter starts a new line, Ctrl-C stops a turn, Ctrl-D
    leaves. Where input or output is no terminal, each line of input is a message, and the answers go to the
    output.
    """
    if buffer := os.environ.pop(LAY, ""):
        return draw(buffer)
    check_flags(flags)
    as_json = as_json or any(flag in JSON for flag in flags)
    flags = tuple(flag for flag in flags if flag not in JSON)
    if new or split:
        open_pane(split, cwd, name, as_json, flags)
        return 0
    if cwd or name:
        raise click.UsageError("-c and -n are for --new and --split")
    if is_terminal() and not as_json:
        with keyboard() as early:
            code = asyncio.run(on_terminal(flags, early))
    else:
        code = by_lines(flags, as_json)
    if code == 0:
        leave()
    return code


def check_flags(flags: tuple[str, ...]) -> None:
    """Raise Problem for what cannot be said of a whole conversation."""
    from codex_tmux.codex.commandline import parse

    for word in flags:
        # A value never starts with a dash, so every dashed word is an option.
        option = word.partition("=")[0] if word.startswith("--") else SHORT.get(word[:2], "")
        if option in REFUSED:
            raise Problem(f"codex exec {option} {REFUSED[option]}")
    # With `--last` nothing is a session's name, so any word is a prompt; and without it one word more is a
    # prompt too, unless a subcommand among the flags (`resume`, `fork`) takes it for a name.
    alone, with_word = parse(["exec", "--last", *flags]), parse(["exec", *flags, "--", "word"])
    if "--" in flags or alone.prompt or with_word.mode is None or not with_word.prompt:
        raise Problem(
            "only options of `codex exec` may stand behind `--`: messages are typed into the pane "
            "(a value of an option that codex-tmux does not know is given as --option=value)"
        )


def is_terminal() -> bool:
    """Whether a person (or `send-keys`) types here, on a terminal that can be drawn on."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


# -- opening --


def open_pane(split: bool, cwd: str | None, name: str | None, as_json: bool, flags: tuple[str, ...]) -> None:
    """Open a tmux window, or split the current pane, with a conversation in it."""
    from codex_tmux.tmux import Server, literal

    if split and name:
        raise click.UsageError("-n names a window: it needs --new alone")
    directory = os.path.abspath(os.path.expanduser(cwd or os.getcwd()))
    if not os.path.isdir(directory):
        raise Problem(f"{directory} is no directory: make it, or name another one with -c")
    pane = os.environ.get("TMUX_PANE", "")
    target = ["-t", pane] if split and re.fullmatch(r"%\d+", pane) else []
    named = ["-n", literal(name)] if name else []
    server = Server()
    server.run(
        *("split-window" if split else "new-window", *target, "-c", literal(directory), *named, "--"),
        *pane_command(helper_command(server), as_json, flags),
    )


def pane_command(helper: list[str], as_json: bool, flags: tuple[str, ...]) -> list[str]:
    """The words of a pane's command, several, so that tmux runs them without a shell.

    A `CODEX_HOME` of one's own is part of them: tmux gives a pane its server's environment, at a respawn too.
    """
    home = os.environ.get("CODEX_HOME")
    env = ["env", f"CODEX_HOME={os.path.abspath(home)}"] if home else []
    return [*env, *helper, "exec", *(["--json"] if as_json else []), "--", *flags]


# -- the pane --


class Here(NamedTuple):
    """The tmux pane this process runs in. `command` is `@codex-command`; `fresh`: a new session is wanted;
    `loaded`: the plugin is there."""

    pane: str
    is_root: bool
    fresh: bool
    loaded: bool
    command: str


def here() -> Here | None:
    """The pane we are in, which is awake now; None outside of tmux."""
    from codex_tmux.tmux import Server

    pane = os.environ.get("TMUX_PANE", "")
    if not os.environ.get("TMUX") or not re.fullmatch(r"%\d+", pane):
        return None
    said = Server().try_run(
        *("set-option", "-pu", "-t", pane, "@codex_asleep", ";"),
        *("set-option", "-pu", "-t", pane, "@codex_waiting", ";"),
        *(
            "display-message",
            "-p",
            "-t",
            pane,
            "#{pane_id} #{pane_pid} #{@codex_fresh} #{?@codex_dir,1,} #{@codex-command}",
            ";",
        ),
        *("set-option", "-pu", "-t", pane, "@codex_fresh"),
    )
    # tmux answers for another pane where this one has gone.
    if said is None or not said.startswith(f"{pane} "):
        return None
    _, root, fresh, loaded, command = said.split(" ", 4)
    return Here(pane, root == str(os.getpid()), bool(fresh), bool(loaded), command)


def announce(here: Here, codex: Codex) -> None:
    """Say in the pane's options what runs here.

    The pane stays when it is killed only where this program is its root: how a shell ends is its own affair.
    """
    from codex_tmux.options import encode_launch
    from codex_tmux.reconcile import Launch
    from codex_tmux.remain_on_exit import stay
    from codex_tmux.resume import joined
    from codex_tmux.tmux import Server

    launch = Launch("exec", codex.words[0], codex_home(), codex.cwd, codex.flags, not here.is_root)
    Server().try_run(
        *(joined(stay(here.pane)) if here.is_root and here.loaded else ()),
        *("set-option", "-p", "-t", here.pane, "@codex_launch", encode_launch(launch), ";"),
        *("set-option", "-p", "-t", here.pane, "@codex_mode", "exec", ";"),
        *("set-option", "-pu", "-t", here.pane, "@codex_leaving", ";"),
        *("set-option", "-p", "-t", here.pane, "@codex_pane", "1"),
    )


def leave() -> None:
    """The user leaves: say so, as what a shell comes back to may also be a kill; and let the pane close as any other.

    tmux (3.3a) may see the end of the terminal before the exit status, take the pane for failed and keep it,
    and, when a hook's job starts at that moment, not look at the status until another child of its ends.
    """
    from codex_tmux.pass_once import AWAIT
    from codex_tmux.remain_on_exit import give_back
    from codex_tmux.tmux import Server

    pane = os.environ.get("TMUX_PANE", "")
    if os.environ.get("TMUX") and re.fullmatch(r"%\d+", pane):
        is_root = f"#{{==:#{{pane_pid}},{os.getpid()}}}"
        words = " ; ".join(shlex.join(command) for command in give_back(pane))
        Server().try_run(
            *("set-option", "-pF", "-t", pane, "@codex_leaving", "#{pane_current_command}", ";"),
            *("if-shell", "-F", "#{?@codex_awaiting,,1}", AWAIT, ";"),
            *("if-shell", "-F", "-t", pane, is_root, words),
        )


def codex_home() -> str:
    """Codex's home, as a Codex started here sees it."""
    return os.path.abspath(os.environ.get("CODEX_HOME") or os.path.expanduser("~/.codex"))


def begin(flags: tuple[str, ...]) -> tuple[Codex, Memory, Remembered | None, str]:
    """What this pane is, its memory, what it had (None: begin anew), and why it begins anew.

    The flags it was started with win; else those it had.
    """
    from codex_tmux.exec_conversation import NOTHING, Codex
    from codex_tmux.program import find_program

    place = here()
    memory = memory_of()
    remembered = memory.recall()
    cwd, known, why = os.getcwd(), "", NOTHING if place else "outside tmux no session is kept"
    if remembered:
        flags, known = flags or remembered.flags, remembered.codex
        cwd = remembered.cwd if os.path.isdir(remembered.cwd) else cwd
        if remembered.codex_home and remembered.codex_home != codex_home():
            os.environ["CODEX_HOME"] = remembered.codex_home
    program = find_program(known, place.command if place else "")
    # Missing now is no reason to go: it may be installed by the time of the first message.
    codex = Codex((program or "codex",), flags, cwd)
    if place:
        announce(place, codex)
        if place.fresh and remembered:
            memory.forget()
            remembered, why = None, "a new session was asked for"
    return codex, memory, remembered, why


def memory_of() -> Memory:
    """This pane's memory."""
    from codex_tmux.memory import PaneMemory

    return PaneMemory.from_environment()


def resumable(session_id: str) -> tuple[bool, str]:
    """Whether Codex's store can resume a session, and why not."""
    from codex_tmux.codex.store import Store
    from codex_tmux.run import REASONS

    able, reason = Store(codex_home()).resumable(session_id)
    return able, REASONS.get(reason, reason).format(session=session_id)


def conversation(codex: Codex, memory: Memory, view: View) -> Conversation:
    """The conversation of this pane."""
    from codex_tmux.exec_conversation import Conversation

    return Conversation(codex, memory, resumable, view)


# -- a terminal --


@contextlib.contextmanager
def keyboard() -> Iterator[bytes]:
    """The keyboard without echo, before anything slow is imported; yields what was typed until now.

    A script that types into the pane does not wait for us. What it typed so far has been echoed, and its
    Enter has become a newline: that is undone. What comes from here on stays as it is.
    """
    fd = sys.stdin.fileno()
    saved = termios.tcgetattr(fd)
    quiet = termios.tcgetattr(fd)
    quiet[0] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON)
    quiet[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
    termios.tcsetattr(fd, termios.TCSANOW, quiet)
    early = b""
    while select.select([fd], [], [], 0)[0]:
        chunk = os.read(fd, 1 << 16)
        if not chunk:
            break
        early += chunk
    try:
        yield early.replace(b"\n", b"\r")
    finally:
        with contextlib.suppress(termios.error):  # the terminal may have gone
            termios.tcsetattr(fd, termios.TCSADRAIN, saved)


async def on_terminal(flags: tuple[str, ...], early: bytes) -> int:
    """A conversation with a person; returns the exit code."""
    from codex_tmux.exec_prompt import Prompt
    from codex_tmux.exec_view import TerminalView

    codex, memory, remembered, why = begin(flags)
    colour = dict(zip(codex.flags, codex.flags[1:], strict=False)).get("--color")
    prompt = Prompt(codex.cwd, early, no_color=colour == "never" or "--color=never" in codex.flags)
    talk = conversation(codex, memory, TerminalView(prompt.show, prompt.status))
    return await prompt.run(talk, lambda: talk.restore(remembered, why))


# -- no terminal --


def by_lines(flags: tuple[str, ...], as_json: bool) -> int:
    """A conversation with a script: each line of stdin is a message. Returns the exit code, 0 at its end."""
    from codex_tmux.exec_view import JsonView, PlainView

    codex, memory, remembered, why = begin(flags)
    talk = conversation(codex, memory, JsonView() if as_json else PlainView())
    asyncio.run(talk.restore(remembered, why))
    for line in sys.stdin.buffer:
        message = line.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
        if not message.strip():
            continue
        ended = asyncio.run(until_ended(talk, message))
        if ended and not (ended == signal.SIGINT and sys.stdin.isatty()):
            return 128 + ended
    return 0


async def until_ended(talk: Conversation, message: str) -> int:
    """One turn; returns the signal that stopped it, 0 if none did."""
    loop = asyncio.get_running_loop()
    got: list[int] = []

    def stop(number: signal.Signals) -> None:
        got.append(number)
        talk.stop(signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    await talk.take(message)
    return got[0] if got else 0
