"""Which program the stored command of a pane starts, as tmux tells it."""

import re

from codex_tmux.paths import own_words

WORD = re.compile(r"""(?:\\.|'[^']*'?|"(?:\\.|[^"])*"?|[^ \t\n;])+|;""", re.DOTALL)
PIECE = re.compile(r"""\\(.)|'([^']*)'?|"((?:\\.|[^"])*)"?""", re.DOTALL)
ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def helper_of(start_command: str) -> str:
    """The helper that a pane's stored command starts, as it is named there; "" where that is not codex-tmux itself.

    Where it is, any respawn comes back right. Only as the program that runs: a prompt may speak of it too.
    """
    words = shell_words(start_command)
    if len(words) == 1:
        # tmux quotes a command line that was given as one argument, for the shell, as a whole.
        words = shell_words(words[0])
    if words[:2] == ["/bin/sh", "-c"] and len(words) > 6 and words[5].rpartition("/")[2] == "hook.py":
        # As versions up to November 2026 stored it: a script, the helper, an interpreter and that version's hook.py.
        return words[3] if words[6] in ("run", "exec") else ""
    ends = [at for at, word in enumerate(words) if word in ("&&", ";")]
    words = words[ends[-1] + 1 :] if ends else words
    while words and (words[0] in ("exec", "env", "command") or "=" in words[0].partition("/")[0]):
        words = words[1:]
    helper, command = own_words(words)
    return helper if command in ("run", "exec") else ""


def helper_named(word: str) -> str:
    """The path of the helper that `@codex_word` runs; "" where there is none yet.

    >>> helper_named("'/a b/codex-tmux'"), helper_named("sh '/a b/plugin/missing_helper'"), helper_named("")
    ('/a b/codex-tmux', '', '')
    """
    words = shell_words(word)
    return words[0] if len(words) == 1 else ""


def has_moved(start_command: str, helper: str) -> bool:
    """Whether a stored command starts another helper than `helper`, the present one ("": none is known)."""
    named = helper_of(start_command)
    return named.startswith("/") and helper not in ("", named)


def shell_words(text: str) -> list[str]:
    """The words of a command line, without their quotes; half a quote ends with the line. A `;` is a word.

    >>> shell_words("cd '/a b' ;exec x\\\\'y")
    ['cd', '/a b', ';', 'exec', "x'y"]
    """
    return [PIECE.sub(unquoted, word) for word in WORD.findall(text)]


def unquoted(piece: re.Match[str]) -> str:
    return piece[1] or piece[2] or ESCAPED.sub(r"\1", piece[3] or "")
