"""A question asked in the pane itself, answered by one key, before Codex covers the screen."""

from collections.abc import Sequence
from typing import NamedTuple

ENTER = "Enter"


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
    import click

    print("\n".join(lines(question, choices)), flush=True)
    while True:
        try:
            typed = click.getchar()  # it throws away what was typed before
        except (KeyboardInterrupt, EOFError, OSError, RuntimeError):
            return otherwise
        if not typed:
            return otherwise  # the terminal has gone
        key = ENTER if typed in ("\r", "\n") else typed.lower()
        if any(choice.key == key for choice in choices):
            return key
