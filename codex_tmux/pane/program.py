"""The program that becomes Codex in a pane: where it is, and what it needs around it to start."""

import os

from codex_tmux.log import log
from codex_tmux.paths import on_path


def find_program(known: str, configured: str) -> str:
    """The Codex to run: the very one that ran here, else @codex-command, else the one on PATH."""
    words = (known, os.path.expanduser(configured), "codex")
    found = next(filter(None, map(runnable, words)), "")
    if os.path.isabs(known) and found not in ("", known):
        log("codex.moved", was=known, now=found)
    return found


def runnable(word: str) -> str:
    """The path of the program that a word names; "" where there is none."""
    if not os.path.isabs(word):
        return "" if "/" in word else on_path(word)
    return word if os.path.isfile(word) and os.access(word, os.X_OK) else ""


def path_with(program: str, path: str) -> str:
    """`path` (PATH) with the program's own directory, as the shell had it that found the program there.

    npm's Codex is a script for the `node` beside it. nvm, fnm and mise put both on the PATH of a shell alone, while
    tmux may have been started at login.

    >>> path_with("/home/u/.nvm/versions/node/v22/bin/codex", "/usr/bin:/bin")
    '/home/u/.nvm/versions/node/v22/bin:/usr/bin:/bin'
    >>> path_with("/usr/bin/codex", "/usr/bin:/bin")
    '/usr/bin:/bin'
    """
    directory = os.path.dirname(program)
    if not os.path.isabs(program) or directory in path.split(os.pathsep):
        return path
    return os.pathsep.join([directory, path]) if path else directory


def missing_interpreter(program: str, path: str) -> str:
    """The program that the script `program` is for, where `env` would not find it with the PATH `path`; else ""."""
    try:
        with open(program, "rb") as file:
            first = os.fsdecode(file.readline(256))
    except OSError:
        return ""
    words = first[2:].split() if first.startswith("#!") else []
    if not words or os.path.basename(words[0]) != "env":
        return ""
    name = next((word for word in words[1:] if not word.startswith("-") and "=" not in word), "")
    return "" if not name or on_path(name, path_with(program, path)) else name
