"""The commands in a shell's text, as far as they are certain without a shell."""

import itertools
import re
import shlex
from typing import NamedTuple

# As text: few of the hooks that import this come to read a command line.
QUOTED = r"""'[^']*' | \\. | (?P<double>"(?:[^"\\`]|\\["\\])*")"""
TOKEN = rf"""(?xs)[ \t]*(?:
        (?P<then> && | \|\| | [;\n] )\s*
      | (?P<word> (?!\#) (?: [^\s'"\\`;|&<>()] | {QUOTED} )+ )
    )"""


class Word(NamedTuple):
    """A word as it is written, quotes and all, and where it begins in the text."""

    raw: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.raw)

    @property
    def text(self) -> str:
        """The word as the shell understands it, but for what it puts something else for."""
        return "".join(shlex.split(self.raw))

    @property
    def bare(self) -> str:
        """What of it stands outside quotes."""
        return re.sub(f"(?xs){QUOTED}", "", self.raw)

    @property
    def unsettled(self) -> str:
        """What of it a shell may put something else for: also what stands in double quotes."""
        return re.sub(f"(?xs){QUOTED}", lambda found: found["double"] or "", self.raw)


class Command(NamedTuple):
    """One command of a text, and what stands between it and the next: `&&`, `||`, `;`, a new line, or nothing."""

    words: list[Word]
    then: str = ""

    @property
    def texts(self) -> list[str]:
        return [word.text for word in self.words]

    @property
    def is_cd(self) -> bool:
        """Whether this only leads to the directory of the next command."""
        return len(self.words) == 2 and self.words[0].raw == "cd" and self.then in ("&&", ";")


def without_cd(parts: list[Command]) -> list[Command]:
    """The commands behind those that only lead to a directory."""
    return list(itertools.dropwhile(lambda part: part.is_cd, parts))


def commands(text: str) -> list[Command]:
    """The commands of a text; none where there is more in it: a pipe, a redirection, a job, a comment, a subshell.

    >>> [(command.texts, command.then) for command in commands("cd /src && codex -m 'a b'")]
    [(['cd', '/src'], '&&'), (['codex', '-m', 'a b'], '')]
    """
    found: list[Command] = []
    words: list[Word] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        token = re.compile(TOKEN).match(text, at)
        if token is None or (token["then"] and not words):
            return []
        if token["word"]:
            words.append(Word(token["word"], token.start("word")))
        else:
            found.append(Command(words, token["then"]))
            words = []
        at = token.end()
    return [*found, Command(words)] if words else found
