"""`codex-tmux tell`: give a conversation a message, whatever its pane is now."""

import os
import subprocess
import sys

import click

from codex_tmux.codex.daemon import activity
from codex_tmux.commands.conversations import Conversation
from codex_tmux.commands.target import ITS_PANE_OPTION, SESSION_OPTION, conversation_of
from codex_tmux.errors import Problem
from codex_tmux.log import log
from codex_tmux.pane.program import find_program, path_with
from codex_tmux.plain_text import plain, plain_line
from codex_tmux.state.records import DEAD, EXEC, LIVE
from codex_tmux.tmux.server import Server

WITHIN = 30.0
"""Seconds that Codex may take to accept a message; a cold Node start on a slow disk takes some."""


@click.command(epilog='Example: codex-tmux tell -t api "run the tests again"')
@ITS_PANE_OPTION
@SESSION_OPTION
@click.argument("text", nargs=-1, required=True, metavar="TEXT…")
def command(pane: str | None, session: str | None, text: tuple[str, ...]) -> None:
    """Give a conversation a message, even while its pane is asleep.

    `-` reads it from standard input. A running Codex answers at once, or after its present turn. A conversation that
    Codex's shared daemon has open works on, even if its pane is asleep. Any other gets the message when it wakes. Codex
    delivers it exactly once. This needs a Codex that has `codex queue` (0.169 has).
    """
    server = Server()
    found = conversation_of(server, pane, session)
    message = sys.stdin.read() if text == ("-",) else " ".join(text)
    click.echo(tell(server, found, message))


def tell(server: Server, conversation: Conversation, message: str) -> str:
    """Queue a message for a conversation; what becomes of it. Raises Problem where Codex does not take it."""
    if not message.strip():
        raise Problem("the message is empty: nothing was sent")
    if conversation.launch.mode == EXEC:
        raise Problem("this conversation runs through codex exec: type into its pane")
    queue(server, conversation, message)
    session = conversation.session_id
    log("session.told", session=session, pane=conversation.pane or "none")
    if conversation.status == LIVE:
        return "sent"
    # Open in Codex's daemon, it works without its pane.
    if session in activity.ask_all({conversation.record.codex_home: {session}}):
        shows = "; respawn the pane to see it" if conversation.status == DEAD else ""
        return f"sent: Codex works on it{shows}"
    return "queued: Codex gets it when the conversation wakes"


def queue(server: Server, conversation: Conversation, message: str) -> None:
    """Have Codex itself queue it. Raises Problem with Codex's own words."""
    program = find_program(conversation.launch.codex, server.option("@codex-command"))
    if not program:
        raise Problem("no Codex found: install it, or name it with `set -g @codex-command /path/to/codex`")
    environment = {
        **os.environ,
        **dict(conversation.launch.env),
        "CODEX_HOME": conversation.record.codex_home,
        "PATH": path_with(program, os.environ.get("PATH", os.defpath)),
    }
    # An older Codex takes these words for its options and prompt.
    if "codex queue" not in run([program, "queue", "--help"], environment).stdout:
        raise Problem(f"{program} has no `queue` command (0.169 has): type the message into the pane")
    words = [program, "queue", "--thread", conversation.session_id, f"--message={message}"]
    done = run(words, environment)
    if done.returncode:
        said = plain_line((plain(done.stderr).strip().splitlines() or [f"exit {done.returncode}"])[-1])
        raise Problem(f"Codex did not take the message: {said}")


def run(argv: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run Codex, and wait for it. Raises Problem where it cannot be run, or hangs."""
    try:
        return subprocess.run(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=WITHIN,
        )
    except OSError as e:
        raise Problem(f"{argv[0]} cannot be run: {e.strerror}; nothing was sent") from e
    except subprocess.TimeoutExpired as e:
        raise Problem(f"{argv[0]} gave no answer in {WITHIN:g} s: see whether the message arrived") from e
