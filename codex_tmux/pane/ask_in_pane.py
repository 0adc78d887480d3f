"""A question asked in the pane itself, answered by one key, before Codex covers the screen."""

import os
import sys
import termios
import tty
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

ENTER = "Enter"
LEAVING = ("", "\x03", "\x04")
"""The end of the input, Ctrl-C and Ctrl-D."""


class Choice(NamedTuple):
    """One answer: the key that gives it (ENTER or a letter), and what it does in a few words."""

    key: str
    does: str


def lines(question: str, choices: Sequence[Choice]) -> list[str]:
    """The question as it is shown.

    >>> lines("It was deleted.", [Choice(ENTER, "start a new session"), Choice("q", "go to a shell")])
    ['codex-tmux: It was deleted.', '  Enter  start a new session', '  q      go to a shell']
    """
    width = max(len(choice.key) for choice in choices)
    return [f"codex-tmux: {question}", *(f"  {c.key:<{width}}  {c.does}" for c in choices)]


def ask(question: str, choices: Sequence[Choice], otherwise: str) -> str:
    """Ask on this pane's terminal; the key of the choice, `otherwise` where nobody can or wants to answer."""
    fd = sys.stdin.fileno()
    try:
        saved = termios.tcgetattr(fd)
        # What was typed before is thrown away. Ctrl-C comes as a key: a signal would end whoever waits for us as well.
        tty.setraw(fd)
    except termios.error:
        return otherwise  # no terminal
    try:
        print("\r\n".join(lines(question, choices)), end="\r\n", flush=True)
        while (typed := os.read(fd, 64).decode("utf-8", "replace")) not in LEAVING:
            key = ENTER if typed in "\r\n" else typed.lower()
            if any(choice.key == key for choice in choices):
                return key
    except OSError:
        pass  # the terminal has gone
    finally:
        with suppress(termios.error):
            termios.tcsetattr(fd, termios.TCSAFLUSH, saved)
    return otherwise
