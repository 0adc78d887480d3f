"""Whether a shell's script only starts one program, as a wrapper does, or has other work to do as well.

A wrapper may be ended, and its program started alone. A script in which Codex is one step may not: its other steps
would be cut off, or run again.
"""

import itertools
import re
import shlex
from collections.abc import Sequence

from codex_tmux.codex.shells import SHELLS

ENDS_A_COMMAND = frozenset((";", "&&", "||", "\n"))
KEYWORDS = frozenset(("if", "then", "elif", "else", "fi", "{", "}", "!", "time", "exec"))
PREPARES = frozenset(
    "cd pushd export declare local typeset readonly set unset shopt setopt umask ulimit trap shift source . alias : "
    "true [ [[ test echo printf print clear tput stty hash command type return exit".split()
)
"""Commands before a program without which nothing is lost."""
FOLLOWS = frozenset(("exit", "return", "read", "true", ":", "clear", "tput", "stty", "reset"))
"""The same for what comes after it."""


def starts_one_program(text: str) -> bool:
    """Whether the script has one command of its own, and does not come back to it. What is not understood has more.

    >>> starts_one_program("cd ~/src && exec codex -m x 'do; this'; exit $?")
    True
    >>> starts_one_program("make; codex exec 'look at it'; make deploy")
    False
    """
    lexer = shlex.shlex(re.sub(r"\$\([^()]*\)", "_", text), posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace, lexer.whitespace_split = " \t\r", True
    try:
        words = list(lexer)
    except ValueError:
        return False
    parts = itertools.groupby(words, lambda word: word in ENDS_A_COMMAND or not word.strip("\n;"))
    commands = (
        list(itertools.dropwhile(lambda word: word in KEYWORDS or is_assignment(word), part))
        for is_end, part in parts
        if not is_end
    )
    left = list(itertools.dropwhile(lambda c: c[0] in PREPARES and not is_more(c), filter(None, commands)))
    # `codex; exec bash`: the shell that is left is what people type into.
    return bool(left) and not is_more(left[0]) and all(is_shell(c) or c[0] in FOLLOWS for c in left[1:])


def is_assignment(word: str) -> bool:
    name, assigned, _ = word.partition("=")
    return bool(assigned) and name.isidentifier()


LOOPS = frozenset(("for", "while", "until", "select", "function", "case"))


def is_more(command: list[str]) -> bool:
    """Whether this is more than a command that prints: a loop, a pipe, a job, or one that writes a file."""
    if command[0] in LOOPS or any(set(word) <= set("()|&") for word in command):
        return True
    into = [command[at + 1] for at, word in enumerate(command[:-1]) if word in (">", ">>", ">|", "&>")]
    return any(not path.startswith("/dev/") for path in into)


def is_shell(command: Sequence[str]) -> bool:
    """Whether this is a shell for people, with no script of its own."""
    name = command[0].rpartition("/")[2]
    return name in (*SHELLS, "$SHELL", "${SHELL}") and all(word.startswith("-") for word in command[1:])
