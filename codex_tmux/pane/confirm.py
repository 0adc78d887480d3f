"""Questions before something is done that cannot be undone, or was not asked for: in the terminal, or in tmux."""

import shlex
import sys

import click

from codex_tmux.errors import Problem
from codex_tmux.log import log
from codex_tmux.sleeping.resume import helper_command
from codex_tmux.tmux.clients import looking_at
from codex_tmux.tmux.server import Server, literal, quote
from codex_tmux.tmux.versions import CONFIRM_BESIDE, version_of

QUESTION = "Restart the Codex running in {pane}? What is typed there is lost."


class StillRuns(Problem):
    """A Codex runs in the pane, and nobody has said that it is to end: what stands in its composer is lost with it."""

    def __init__(self, pane: str) -> None:
        super().__init__(f"Codex is running in pane {pane}: --force restarts it")
        self.pane = pane


def confirmed(server: Server, running: StillRuns, again: list[str], client: str) -> bool:
    """Whether the person at this terminal says yes. Raises `running` where there is no terminal.

    With a `client` that is asked, without waiting: its yes runs codex-tmux with the words `again`.
    """
    question = QUESTION.format(pane=running.pane)
    if client:
        ask_client(server, client, question, again)
        return False
    if not sys.stdin.isatty():
        raise running
    return click.confirm(question)


def offer_split(server: Server, pane: str, because: str) -> bool:
    """Ask whoever looks at the pane whether its conversation shall come back in a split; false where nobody looks."""
    client = looking_at(server, pane)
    if not client:
        return False
    log("message", pane=pane, text=because)
    again = ["respawn", "--split", "--from-key", "-t", pane]
    ask_client(server, client, f"Pane {because}. Resume in a split?", again)
    return True


def ask_client(server: Server, client: str, question: str, again: list[str]) -> None:
    """Ask on a client, without waiting: a yes runs codex-tmux with the words `again`."""
    line = shlex.join([*helper_command(server), *again]) + " >/dev/null 2>&1 || :"
    # What stands in an option is shown, not expanded.
    server.run("set-option", "-g", "@codex_message", f"{question} (y/n)")
    yes = f"run-shell -b {quote(literal(line))}"
    # Without -b tmux waits for the answer; before 3.3 it never does.
    beside = ["-b"] if version_of(server.option("version")) >= CONFIRM_BESIDE else []
    server.run("confirm-before", *beside, "-t", client, "-p", "#{@codex_message}", yes)
