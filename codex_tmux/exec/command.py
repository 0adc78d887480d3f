"""`codex-tmux exec`: a pane whose every message is one `codex exec`, and which keeps its conversation."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import sys
import termios
from collections.abc import Iterator

import click

from codex_tmux.codex.accepted import accepted
from codex_tmux.codex.commandline import parse, redact
from codex_tmux.completion import DIRECTORY
from codex_tmux.errors import Problem
from codex_tmux.exec.conversation import Conversation
from codex_tmux.exec.pane import Pane, here
from codex_tmux.exec.view import JsonView, TerminalView, View
from codex_tmux.log import log
from codex_tmux.program import find_program, interpreter, path_with
from codex_tmux.resume import helper_command
from codex_tmux.run import default_home, draw
from codex_tmux.state.launch import LAY, Launch
from codex_tmux.state.records import EXEC
from codex_tmux.tmux import Server, literal

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
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))  # a turn is ended on the way out
    # A person, or `send-keys`, on a terminal that can be drawn on.
    typed = sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    pane = here()
    known = pane.launch if pane else None
    # The flags it was started with win; else those it had.
    flags = flags or (known.flags if known else ())
    if typed and not as_json:
        with quiet_keyboard():
            # prompt_toolkit takes a quarter of a second: not before the keyboard is quiet, and not for a script.
            from codex_tmux.exec.prompt import talk

            no_color = "--color=never" in flags or ("--color", "never") in itertools.pairwise(flags)
            talk(begin(pane, flags, TerminalView(no_color)))
    else:
        conversation = begin(pane, flags, JsonView() if as_json else View())
        for line in sys.stdin.buffer:
            message = line.decode("utf-8", "replace").rstrip("\r\n")
            if message.strip() and conversation.take(message) and not sys.stdin.isatty():
                return 128 + signal.SIGINT
    log("exec.left", pane=pane.id if pane else None)
    if pane:
        pane.leave()
    return 0


def check_flags(flags: tuple[str, ...]) -> None:
    """Raise Problem for what cannot be said of a whole conversation."""
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


def open_pane(split: bool, cwd: str | None, name: str | None, as_json: bool, flags: tuple[str, ...]) -> None:
    """Open a tmux window, or split the current pane, with a conversation in it."""
    if split and name:
        raise click.UsageError("-n names a window: it needs --new alone")
    directory = os.path.abspath(os.path.expanduser(cwd or os.getcwd()))
    if not os.path.isdir(directory):
        raise Problem(f"{directory} is not a directory: make it, or name another one with -c")
    pane = os.environ.get("TMUX_PANE", "")
    target = ["-t", pane] if split and re.fullmatch(r"%\d+", pane) else []
    named = ["-n", literal(name)] if name else []
    # tmux gives a pane its server's environment, at a respawn too: a CODEX_HOME of one's own is part of the command.
    home = os.environ.get("CODEX_HOME")
    env = ["env", f"CODEX_HOME={os.path.abspath(home)}"] if home else []
    server = Server()
    server.run(
        *("split-window" if split else "new-window", *target, "-c", literal(directory), *named, "--"),
        # Several words, so that tmux runs them without a shell.
        *(*env, *helper_command(server), "exec", *(["--json"] if as_json else []), "--", *flags),
    )


@contextlib.contextmanager
def quiet_keyboard() -> Iterator[None]:
    """The keyboard without echo: what is typed before the prompt is there, or while a turn runs, waits for it."""
    fd = sys.stdin.fileno()
    saved = termios.tcgetattr(fd)
    quiet = termios.tcgetattr(fd)
    quiet[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
    quiet[6][termios.VSUSP] = b"\0"  # Ctrl-Z would stop this program and not Codex
    termios.tcsetattr(fd, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        with contextlib.suppress(termios.error):  # the terminal may have gone
            termios.tcsetattr(fd, termios.TCSADRAIN, saved)


def begin(pane: Pane | None, flags: tuple[str, ...], view: View) -> Conversation:
    """The conversation of this pane, with what the pane had."""
    known = pane.launch if pane else None
    if known and known.codex_home not in ("", default_home()):
        os.environ["CODEX_HOME"] = known.codex_home
    cwd = known.cwd if known and os.path.isdir(known.cwd) else os.getcwd()
    program = find_program(known.codex if known else "", pane.command if pane else "")
    # Missing now is no reason to go: it may be installed by the time of the first message.
    codex = [*interpreter(program), program] if program else ["codex"]
    os.environ["PATH"] = path_with(program, os.environ.get("PATH", os.defpath))
    launch = Launch(EXEC, codex[-1], default_home(), cwd, flags, bool(pane and not pane.is_root))
    kept = tuple(accepted(codex, flags, EXEC))
    if kept != flags:
        gone = [flag for flag in redact(flags) if flag not in redact(kept)]
        view.note(f"this Codex has no {' '.join(gone)}: left out")
    conversation = Conversation(
        codex, launch._replace(flags=kept), pane.remember if pane else lambda _: None, view
    )
    if pane:
        pane.announce(launch)
    if pane and pane.session:
        conversation.resume(pane.session, pane.source)
    else:
        conversation.begin(pane.why if pane else "outside tmux no session is kept")
    return conversation
