"""What a pane runs to be somewhere else: `ssh host`, `docker exec -it box`, `distrobox enter box`.

Pure reading of command lines, by the rows of `programs`: which words reach the far end, and which are the command
that runs there. What is in that command is read by `remote_command`; what of it may run again, `run_again` says.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple

from codex_tmux.elsewhere.programs import (
    BEFORE,
    COMPOSE,
    MOSH,
    PROGRAMS,
    SCRIPT_HOSTS,
    SCRIPTS,
    SSH,
    WITHOUT_BLANKS,
    Program,
    words,
)


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
    terminal: bool = True
    """It has a terminal at the far end, so that a Codex can be there."""
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
    def shell(self) -> tuple[str, ...]:
        """The command for the far end that only opens a shell there."""
        return () if self.program.opens_shell or not self.asking else ("sh",)

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

    A script's own interpreter may stand before it, and `sudo`, `doas` or `env` with their options.
    """
    rest = list(argv)
    before: list[str] = []
    while rest:
        name = os.path.basename(rest[0]).removeprefix("-")
        if name in BEFORE:
            reader = Reader(rest)
            reader.options(BEFORE[name])
            while "=" in "".join(reader.left[:1]):
                reader.take()
            before, rest = [*before, *rest[: reader.at]], rest[reader.at :]
        elif name in SCRIPT_HOSTS and os.path.basename("".join(rest[1:2])) in SCRIPTS:
            rest = rest[1:]  # executed by its own first line again
        else:
            break
    if (split := split_words(rest)) is not None:
        return _of_mosh(["mosh", *split], [], is_split=True)
    program = PROGRAMS.get(os.path.basename("".join(rest[:1])))
    if program is None or program.kind != MOSH:
        return _read(program, rest, before) if program else None
    return _of_mosh(rest, before)


class Reader:
    """A command line, read word by word from the one behind its program on."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.argv, self.at = argv, 1

    @property
    def left(self) -> Sequence[str]:
        return self.argv[self.at :]

    def take(self) -> str:
        """The next word, "" behind the last one."""
        word = next(iter(self.left), "")
        self.at = min(self.at + 1, len(self.argv))
        return word

    def options(self, program: Program) -> list[Option]:
        """The options that stand next. A separator ends them and counts to them."""
        found: list[Option] = []
        while word := next(iter(self.left), ""):
            if word in program.separators:
                return [*found, Option(word, "", (self.take(),))]
            if not word.startswith("-") or word == "-":
                break
            one_word = word.startswith("--") or word in program.whole
            found += [self._long_option(program)] if one_word else self._letters(program)
        return found

    def _long_option(self, program: Program) -> Option:
        word = self.take()
        name, given, value = word.partition("=")
        if not given and name in program.valued and self.left:
            value = self.take()
            return Option(name, value, (word, value))
        return Option(name, value, (word,))

    def _letters(self, program: Program) -> list[Option]:
        """One-letter options may stand together, a value right behind its letter."""
        found: list[Option] = []
        word = self.take()
        for n, letter in enumerate(word[1:], 2):
            name = f"-{letter}"
            if letter in program.letters:
                value = word[n:] or self.take()
                return [*found, Option(name, value, (name, value))]
            found.append(Option(name, "", (name,)))
        return found


def _read(program: Program, argv: list[str], before: list[str]) -> Transport | None:
    reader = Reader(argv)
    found = reader.options(program)
    asking = [*before, argv[0].replace("autossh", "ssh")]
    if program.verbs:
        asking += _kept(program, found)
        while reader.left[:1] in (["compose"], ["container"]):
            asking.append(reader.take())
            program = COMPOSE._replace(kind=program.kind) if asking[-1] == "compose" else program
            asking += _kept(program, reader.options(program))
        verb = reader.take()
        if verb not in program.verbs:
            return _without_command(program, verb, (*before, *argv), len(before) + reader.at)
        program = program.of_verb(verb)
        asking.append(program.asking_verb or verb)
        found = reader.options(program)
    return _behind(program, reader, found, before, asking)


def _behind(
    program: Program, reader: Reader, found: list[Option], before: list[str], asking: list[str]
) -> Transport | None:
    target, positional = _target(program, reader, found)
    if not target and not program.target_options:
        return None
    if program.behind and not _has(found, program.separators):
        found += reader.options(program)
    elif reader.left[:1] == ["--"]:
        reader.take()
    must_separate = program.needs_separator and not _has(found, program.separators)
    remote = tuple(reader.left) if program.takes_command and not must_separate else ()
    asking += [*program.quiet, *_kept(program, found), *positional, *program.announces]
    return Transport(
        program,
        target,
        connect=(*before, *reader.argv[: len(reader.argv) - len(remote)]),
        remote=remote,
        asking=tuple(asking),
        terminal=_has_terminal(program, found, bool(remote)),
        before=len(before),
    )


def _target(program: Program, reader: Reader, found: list[Option]) -> tuple[str, list[str]]:
    """The target, named by an option or else by the next word; and the words that name that one to a question."""
    target = next((o.value for o in found if o.name in program.target_options), "")
    is_behind = program.takes_target and (program.kind == SSH or not _has(found, program.separators))
    if target or not is_behind:
        return target, []
    target = reader.take()
    return target, [*program.names_target, target] if target else []


def _without_command(program: Program, verb: str, argv: tuple[str, ...], at: int) -> Transport | None:
    if verb in program.once:
        # A container of its own ends with its command: nothing is there to go back to.
        once = program._replace(kind=f"{program.kind} {verb}")
        return Transport(once, "", argv[:at], goes_back=False)
    return Transport(program, argv[-1], argv) if verb in program.attaches else None


def _has_terminal(program: Program, found: list[Option], has_remote: bool) -> bool:
    # What has no terminal shows no Codex: a forwarding, or git's and rsync's own use of ssh.
    if _has(found, program.no_tty):
        return False
    if program.kind == SSH and not has_remote:
        return True
    wants = (o.value.replace(" ", "=").lower() for o in found if o.name == "-o")
    forced = any(w in ("requesttty=yes", "requesttty=force") for w in wants)
    return forced or not program.needs_tty or _has(found, words("-t --tty"))


def _has(found: list[Option], names: frozenset[str]) -> bool:
    return any(o.name in names and o.value != "false" for o in found)


def _kept(program: Program, found: list[Option]) -> list[str]:
    """The words of the options that a question is asked with too."""
    gone = program.drop | program.separators
    return [word for o in found if o.name not in gone for word in o.words]


def split_words(argv: Sequence[str]) -> list[str] | None:
    """mosh's own words as a process list shows them once it has become `mosh-client`: joined by blanks, so that one
    word with a blank reads as two. None where this is no such process."""
    if os.path.basename("".join(argv[:1])) != "mosh-client" or not "".join(argv[1:2]).startswith("-# "):
        return None
    return argv[1][3:].removesuffix("|").split()


def _of_mosh(argv: list[str], before: list[str], is_split: bool = False) -> Transport:
    """mosh, of which a process list may show no more than its name.

    Where its words may have been split only the host is certain, behind options that hold no blank; never its remote
    command: `--add-dir '/tmp/a b'` would make another directory writable than the user said.
    """
    mosh, reader = PROGRAMS[MOSH], Reader(argv)
    found = reader.options(mosh)
    target = reader.take()
    names = {o.name for o in found}
    uncertain = names - WITHOUT_BLANKS if is_split else names & mosh.separators
    if not target or uncertain:
        return Transport(mosh, "", (*before, *argv[: 1 if is_split else None]), goes_back=False)
    if reader.left[:1] == ["--"]:
        reader.take()
    connect, remote = (*before, *argv[: reader.at]), () if is_split else tuple(reader.left)
    # It reaches its host by ssh: so is that asked.
    ssh = {o.name: o.value for o in found}.get("--ssh", SSH)
    by_ssh = _read(PROGRAMS[SSH], [*ssh.split(), target], [])
    return Transport(mosh, target, connect, remote, by_ssh.asking if by_ssh else (), before=len(before))
