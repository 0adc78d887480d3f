"""A question asked in the pane itself, answered by one key, before Codex covers the screen."""

import os
import re
import sys
import termios
from collections.abc import Sequence
from typing import NamedTuple

ENTER = "Enter"
LEAVING = b"\x03\x04"
"""Ctrl-C and Ctrl-D."""


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


ESCAPES = re.compile(rb"\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)|\[[0-?]*[ -/]*[@-~]|O.|.?)", re.DOTALL)
"""A key, a mouse, the focus, or an answer of the terminal's that nobody meant for us."""


def answer(typed: bytes, choices: Sequence[Choice], otherwise: str) -> str | None:
    """The key of the first choice among what was typed at once; None where there is none.

    The end of the input, Ctrl-C and Ctrl-D mean `otherwise`.
    """
    if not typed:
        return otherwise
    for code in ESCAPES.sub(b"", typed):
        if code in LEAVING:
            return otherwise
        key = ENTER if code in b"\r\n" else chr(code).lower()
        if any(choice.key == key for choice in choices):
            return key
    return None


def ask(question: str, choices: Sequence[Choice], otherwise: str) -> str:
    """Ask on this pane's terminal; the key of the choice, `otherwise` where nobody can or wants to answer."""
    fd = sys.stdin.fileno()
    try:
        saved = termios.tcgetattr(fd)
    except termios.error:
        return otherwise  # no terminal
    quiet = termios.tcgetattr(fd)
    # Ctrl-C too comes as a byte: a signal would end whoever waits for this program as well.
    quiet[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
    try:
        # What was typed before the question was there is no answer to it.
        termios.tcsetattr(fd, termios.TCSAFLUSH, quiet)
        sys.stdout.write("\r\n".join(lines(question, choices)) + "\r\n")
        sys.stdout.flush()
        while True:
            given = answer(os.read(fd, 64), choices, otherwise)
            if given is not None:
                return given
    except (OSError, termios.error):
        return otherwise  # the terminal has gone
    finally:
        try:
            termios.tcsetattr(fd, termios.TCSAFLUSH, saved)
        except termios.error:
            pass
