"""`codex-tmux exec`: a pane whose every message is one `codex exec`, and which keeps its conversation."""

import contextlib
import os
import re
import signal
import sys
import termios
import tty

import click

from codex_tmux.codex.accepted import accepted, left_out
from codex_tmux.codex.commandline import options_named, parse
from codex_tmux.codex.home import default_home
from codex_tmux.commands.completion import DIRECTORY
from codex_tmux.errors import Problem
from codex_tmux.exec.conversation import Conversation
from codex_tmux.exec.pane import Pane
from codex_tmux.exec.view import JsonView, TerminalView, View
from codex_tmux.log import log
from codex_tmux.pane.program import find_program, path_with
from codex_tmux.sleeping.resume import helper_command
from codex_tmux.state.launch import Launch
from codex_tmux.state.records import EXEC
from codex_tmux.tmux.server import Server, literal

REFUSED = ("--ephemeral", "--image", "--last", "--all", "--worktree", "--help", "--version")
"""Options of `codex exec` that make no sense for a whole conversation."""
JSON = ("--json", "--experimental-json")


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
    check_flags(flags)
    as_json = as_json or bool(set(JSON).intersection(flags))
    flags = tuple(flag for flag in flags if flag not in JSON)
    if new or split:
        open_pane(split, cwd, name, as_json, flags)
        return 0
    if cwd or name:
        raise click.UsageError("-c and -n are for --new and --split")
    return hold_here(as_json, flags)


def hold_here(as_json: bool, flags: tuple[str, ...]) -> int:
    """The conversation of this pane, until the user leaves; the exit code."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))  # a turn is ended on the way out
    pane = Pane()
    # The flags it was started with win; else those it had.
    flags = flags or (pane.launch.flags if pane.launch else ())
    # A person, or `send-keys`, on a terminal that can be drawn on.
    typed = all((sys.stdin.isatty(), sys.stdout.isatty(), os.environ.get("TERM", "dumb") != "dumb"))
    if typed and not as_json:
        on_terminal(pane, flags)
    elif by_lines(begin(pane, flags, JsonView() if as_json else View())):
        return 128 + signal.SIGINT
    log("exec.left", pane=pane.id or None)
    if pane.id:
        pane.leave()
    return 0


def check_flags(flags: tuple[str, ...]) -> None:
    """Raise Problem for what cannot be said of a whole conversation."""
    refused = next((option for option in options_named(flags) if option in REFUSED), "")
    if refused:
        raise Problem(f"{refused} is for one turn of codex exec, not for a whole conversation: leave it out")
    # With `--last` nothing is a session's name, so any word is a prompt; and without it one word more is a
    # prompt too, unless a subcommand among the flags (`resume`, `fork`) takes it for a name.
    alone, with_word = parse(["exec", "--last", *flags]), parse(["exec", *flags, "--", "word"])
    if "--" in flags or alone.prompt or with_word.mode is None or not with_word.prompt:
        raise Problem(
            "only options of `codex exec` may stand behind `--`: messages are typed into the pane "
            "(a value of an option that codex-tmux does not know is given as --option=value)"
        )


def open_pane(split: bool, cwd: str | None, name: str | None, as_json: bool, flags: tuple[str, ...]) -> None:
    if split and name:
        raise click.UsageError("-n names a window: it needs --new alone")
    directory = os.path.abspath(os.path.expanduser(cwd or os.getcwd()))
    if not os.path.isdir(directory):
        raise Problem(f"{directory} is not a directory: make it, or name another one with -c")
    pane = os.environ.get("TMUX_PANE", "")
    target = ["-t", pane] if split and re.fullmatch(r"%\d+", pane) else []
    named = ["-n", literal(name)] if name else []
    # tmux gives a pane its server's environment, at a respawn too: a CODEX_HOME of one's own is part of the command.
    env = ["env", f"CODEX_HOME={default_home()}"] if os.environ.get("CODEX_HOME") else []
    server = Server()
    server.run(
        *("split-window" if split else "new-window", *target, "-c", literal(directory), *named, "--"),
        # Several words, so that tmux runs them without a shell.
        *(*env, *helper_command(server), "exec", *["--json"] * as_json, "--", *flags),
    )


def on_terminal(pane: Pane, flags: tuple[str, ...]) -> None:
    """What is typed before the prompt is there, or while a turn runs, is not echoed and waits for the prompt."""
    saved = termios.tcgetattr(0)
    tty.setcbreak(0, termios.TCSANOW)
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)  # Ctrl-Z would stop this program and not Codex
    try:
        # prompt_toolkit takes a quarter of a second: not before the keyboard is quiet, and not for a script.
        from codex_tmux.exec.prompt import talk

        talk(begin(pane, flags, TerminalView()))
    finally:
        with contextlib.suppress(termios.error):  # the terminal may have gone
            termios.tcsetattr(0, termios.TCSADRAIN, saved)


def by_lines(conversation: Conversation) -> bool:
    """Each line of stdin is a message. Returns whether Ctrl-C stopped a script's."""
    for line in sys.stdin.buffer:
        message = line.decode("utf-8", "replace").rstrip("\r\n")
        if message.strip() and conversation.take(message) and not sys.stdin.isatty():
            return True
    return False


def begin(pane: Pane, flags: tuple[str, ...], view: View) -> Conversation:
    known = pane.launch or Launch("", "", "", "", (), False)
    if known.codex_home not in ("", default_home()):
        os.environ["CODEX_HOME"] = known.codex_home
    cwd = known.cwd if os.path.isdir(known.cwd) else os.getcwd()
    program = find_program(known.codex, pane.command)
    # Missing now is no reason to go: it may be installed by the time of the first message.
    codex = program or "codex"
    os.environ["PATH"] = path_with(program, os.environ.get("PATH", os.defpath))
    launch = Launch(EXEC, codex, default_home(), cwd, flags, not pane.is_root)
    kept = tuple(accepted([codex], flags, EXEC))
    if kept != flags:
        view.note(f"this Codex has no {left_out(flags, kept)}: left out")
    conversation = Conversation([codex], launch._replace(flags=kept), pane.remember, view)
    if pane.id:
        pane.announce(launch)
    if pane.session:
        conversation.resume(pane.session)
    else:
        conversation.begin(pane.why)
    return conversation
