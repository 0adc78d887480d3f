"""`codex-tmux wait`: wait until a conversation has finished its turn, or needs the user."""

import math
import sys
import time

import click

from codex_tmux.codex.daemon.activity import APPROVAL, FAILED, IDLE, WAITING, activity_of
from codex_tmux.codex.daemon.client import Client, DaemonError, daemon_of, has_daemon
from codex_tmux.commands.conversations import Conversation
from codex_tmux.commands.target import ITS_PANE_OPTION, SESSION_OPTION, conversation_of
from codex_tmux.errors import Problem
from codex_tmux.tmux.server import Server

UNTIL = {"idle": (IDLE, FAILED), "waiting": WAITING}
"""What is waited for → the activities that end the wait."""
GONE = ("thread/closed", "thread/archived", "thread/deleted")
"""The daemon says so when it has no more to tell of a conversation."""
ANSWER_WITHIN = 5.0
"""Seconds that the daemon may take to say what a conversation does now."""


@click.command(epilog="Example: codex-tmux wait -t api --until idle && git diff")
@ITS_PANE_OPTION
@SESSION_OPTION
@click.option(
    "--until", type=click.Choice([*UNTIL]), default="idle", show_default=True, help="idle: its turn is over."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Give up after this time; default: never.",
)
def command(pane: str | None, session: str | None, until: str, timeout: float | None) -> int:
    """Wait until a conversation is idle, or needs you (waiting).

    The exit code is 0 then, and 1 after the timeout, or when the conversation has ended. This needs Codex's shared
    daemon (0.157 or newer).
    """
    found = conversation_of(Server(), pane, session)
    try:
        activity = wait(found, UNTIL[until], timeout)
    except TimeoutError:
        raise Problem(f"not {until} after {timeout:g} s") from None
    if activity == FAILED:
        click.echo("its last turn ended with an error", err=True)
    elif activity in WAITING and sys.stderr.isatty():
        click.echo(f"it needs {'approval' if activity == APPROVAL else 'an answer'}", err=True)
    return 0


def wait(conversation: Conversation, wanted: tuple[str, ...], timeout: float | None) -> str:
    """Wait until a conversation does one of `wanted`; which one. Raises TimeoutError, Problem where it has ended."""
    home, session = conversation.record.codex_home, conversation.session_id
    if not has_daemon(home):
        raise Problem(NO_DAEMON)
    end = math.inf if timeout is None else time.monotonic() + timeout
    try:
        with daemon_of(home, min(ANSWER_WITHIN, end - time.monotonic())) as daemon:
            now = activity_of(daemon.call("thread/read", threadId=session))
            if now is None:
                raise Problem(f"Codex's daemon has not opened session {session}: it does nothing now")
            daemon.listen_until(end)
            return now if now in wanted else next_of(daemon, session, wanted)
    except DaemonError as e:
        if isinstance(e.__cause__, TimeoutError) and time.monotonic() >= end:
            raise TimeoutError from e
        raise Problem(f"Codex's daemon has gone: {e}; {INSTEAD}") from e


def next_of(daemon: Client, session: str, wanted: tuple[str, ...]) -> str:
    """The first of `wanted` that a conversation does from now on. Raises Problem where it has ended."""
    for method, params, _ in daemon.messages():
        if params.get("threadId") != session:
            continue
        if method in GONE:
            raise Problem(f"the conversation has ended ({method.partition('/')[2]})")
        if method == "thread/status/changed":
            now = activity_of({"thread": params})
            if now in wanted:
                return now
            if now is None:
                raise Problem("the conversation has ended: Codex's daemon has closed it")
    raise AssertionError("they end by an exception alone")


INSTEAD = "Codex's title tells tmux the same: see @codex-on-done and @codex-on-waiting"
NO_DAEMON = f"this needs Codex's shared daemon (0.157 or newer), and none runs. {INSTEAD}"
