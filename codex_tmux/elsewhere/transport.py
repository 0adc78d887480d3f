"""What a pane runs to be somewhere else: `ssh host`, `docker exec -it box`, `distrobox enter box`.

Pure reading of command lines, by the rows of `programs`: which words reach the far end, and which are the command
that runs there. What is in that command is read by `remote_command`; what of it may run again, `run_again` says.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple

from codex_tmux.codex.shells import SHELLS
from codex_tmux.elsewhere.programs import BEFORE, COMPOSE, MOSH, PROGRAMS, SSH, Program

MOSH_CLIENT = "mosh-client"
"""What mosh becomes. Of mosh's own words a process list then shows them joined by blanks: who knows what they were."""
INTERPRETERS = (*SHELLS, "perl", "python", "python3")


class Transport(NamedTuple):
    """One command line that reaches a far end.

    `connect` is everything before the command for the far end, `remote` that command (empty: a shell of the far
    end's). `asking` reaches the same far end without a terminal, for a question; empty where that cannot be.
    """

    program: Program
    target: str
    connect: tuple[str, ...]
    remote: tuple[str, ...] = ()
    asking: tuple[str, ...] = ()
    before: int = 0
    """How many words of `connect` stand before its program: `sudo -u me`."""
    goes_back: bool = True
    """`connect` leads back to the same place; not so `docker run`, whose container ends with its command."""

    @property
    def kind(self) -> str:
        return self.program.kind

    @property
    def by_shell(self) -> bool:
        """Whether a shell there reads the command as one text; else it is executed word by word."""
        return self.kind == SSH

    @property
    def by_ssh(self) -> bool:
        return self.kind in (SSH, MOSH)

    @property
    def argv(self) -> tuple[str, ...]:
        return (*self.connect, *self.remote)

    @property
    def name(self) -> str:
        """What a person calls it: `ssh host`."""
        return f"{self.kind} {self.target}".rstrip()


class Option(NamedTuple):
    name: str
    value: str
    words: tuple[str, ...]


def of_argv(argv: Sequence[str]) -> Transport | None:
    """The transport that a process with these words is; None where it is none.

    A script's own interpreter may stand before it, and `sudo` or `doas` with their options.
    """
    reader = Reader(argv, 0)
    while os.path.basename(reader.next) in ("sudo", "doas"):
        reader.take()
        reader.options(BEFORE)
        while "=" in reader.next:
            reader.take()
    at = reader.at
    name, script = os.path.basename(reader.next), "".join(argv[at + 1 : at + 2])
    if name == MOSH_CLIENT:
        return _read(PROGRAMS[MOSH], [MOSH], 0)
    if name in INTERPRETERS and "/" in script:
        # It runs a script, by the script's own first line.
        name, argv = os.path.basename(script), [*argv[:at], *argv[at + 1 :]]
    return _read(PROGRAMS[name], list(argv), at) if name in PROGRAMS else None


class Reader:
    """A command line, read word by word from `at` on."""

    def __init__(self, argv: Sequence[str], at: int) -> None:
        self.argv, self.at = argv, at

    @property
    def next(self) -> str:
        """The next word, "" behind the last one."""
        return self.argv[self.at] if self.at < len(self.argv) else ""

    def take(self) -> str:
        word = self.next
        self.at = min(self.at + 1, len(self.argv))
        return word

    def options(self, program: Program) -> list[Option]:
        """The options that stand next. `--` ends them and counts to them."""
        found: list[Option] = []
        while self.next.startswith("-") and self.next != "-":
            word = self.take()
            if word == "--":
                return [*found, Option(word, "", (word,))]
            found += [self._long(word, program)] if word.startswith("--") else self._letters(word, program)
        return found

    def _long(self, word: str, program: Program) -> Option:
        name, given, value = word.partition("=")
        if not given and name in program.valued:
            value = self.take()
            return Option(name, value, (word, value))
        return Option(name, value, (word,))

    def _letters(self, word: str, program: Program) -> list[Option]:
        """One-letter options may stand together, a value right behind its letter."""
        found: list[Option] = []
        for n, letter in enumerate(word[1:], 2):
            if letter in program.letters:
                value = word[n:] or self.take()
                return [*found, Option(f"-{letter}", value, (f"-{letter}", value))]
            found.append(Option(f"-{letter}", "", (f"-{letter}",)))
        return found


def _read(program: Program, argv: list[str], before: int) -> Transport | None:
    reader = Reader(argv, before + 1)
    asking = argv[: reader.at]
    if program.verb:
        program, verb = _verb(program, reader, asking)
        if verb in program.once:
            once = program._replace(kind=f"{program.kind} {verb}")
            return Transport(once, "", tuple(argv[: reader.at]), goes_back=False)
        if verb != program.verb:
            return None
    options = reader.options(program)
    target, named = _target(program, reader, options)
    if not target and not program.target_options:
        return Transport(program, "", tuple(argv), goes_back=False) if program.kind == MOSH else None
    options += reader.options(program) if program.behind or reader.next == "--" else []
    if program.kind == MOSH:
        asking = [*_ssh_of_mosh(options), *named]
    else:
        asking += [*program.quiet, *_kept(program, options), *named]
        asking += ["--"] * (program.shares_home or _ended(options))
    connect, remote = tuple(argv[: reader.at]), tuple(argv[reader.at :])
    return Transport(program, target, connect, remote, tuple(asking), before)


def _target(program: Program, reader: Reader, options: list[Option]) -> tuple[str, list[str]]:
    """The target, named by an option or else by the next word; and that word."""
    target = next((o.value for o in options if o.name in program.target_options), "")
    if target or (program.target_options and _ended(options)):
        return target, []
    target = reader.take()
    return target, [target]


def _verb(program: Program, reader: Reader, asking: list[str]) -> tuple[Program, str]:
    """The verb, and the row of what it stands behind; to `asking` go all words up to it."""
    asking += _kept(program, reader.options(program))
    while reader.next in ("compose", "container"):
        program = COMPOSE._replace(kind=program.kind) if reader.next == "compose" else program
        asking += [reader.take(), *_kept(program, reader.options(program))]
    asking.append(reader.take())
    return program, asking[-1]


def _ended(options: list[Option]) -> bool:
    return any(o.name == "--" for o in options)


def _ssh_of_mosh(options: list[Option]) -> list[str]:
    """mosh reaches its host by ssh: so is that asked."""
    ssh = next((o.value for o in options if o.name == "--ssh"), SSH).split()
    found = _read(PROGRAMS[SSH], [*ssh, "host"], 0)
    return list(found.asking[:-1]) if found else []


def _kept(program: Program, options: list[Option]) -> list[str]:
    """The words of the options that a question is asked with too."""
    return [word for o in options if o.name not in (*program.drop, "--") for word in o.words]
