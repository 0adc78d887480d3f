"""A running Codex is restarted only after a person's yes: what stands in its composer is lost with it."""

from __future__ import annotations

import shlex
import sys

import click

from codex_tmux.errors import Problem
from codex_tmux.resume import helper_command
from codex_tmux.tmux import Server, literal, quote

QUESTION = "Restart the Codex running in {pane}? What is typed there is lost."


class StillRuns(Problem):
    """A Codex runs in the pane, and nobody has said that it is to end."""

    def __init__(self, pane: str) -> None:
        super().__init__(f"Codex is running in pane {pane}: --force restarts it")
        self.pane = pane


def confirmed(server: Server, running: StillRuns, again: list[str], client: str) -> bool:
    """Whether the person at this terminal says yes. Raises `running` where there is no terminal.

    With a `client` that is asked, without waiting: its yes runs codex-tmux with the words `again`.
    """
    question = QUESTION.format(pane=running.pane)
    if not client:
        if not sys.stdin.isatty():
            raise running
        return click.confirm(question)
    line = shlex.join([*helper_command(server), *again]) + " >/dev/null 2>&1 || :"
    words = [
        "confirm-before",
        "-t",
        client,
        "-p",
        f"{question} (y/n)",
        f"run-shell -b {quote(literal(line))}",
    ]
    # Who calls confirm-before waits for the answer: tmux itself is to do it.
    ask = " ".join(quote(word) for word in words)
    server.run("set-option", "-g", "@codex_menu", ask, ";", "run-shell", "-bC", "#{@codex_menu}")
    return False
