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
    opens_shell: bool = True
    """`connect` alone opens a shell there."""
    goes_back: bool = True
    """`connect` leads back to the same place; not so `docker run`, whose container ends with its command."""

    @property
    def kind(self) -> str:
        """Its program: `ssh`, `docker`."""
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
        return () if self.opens_shell or not self.asking else ("sh",)

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
            at, _ = options(rest, 1, BEFORE[name])
            while at < len(rest) and "=" in rest[at]:
                at += 1
            before, rest = [*before, *rest[:at]], rest[at:]
        elif name in SCRIPT_HOSTS and len(rest) > 1 and os.path.basename(rest[1]) in SCRIPTS:
            rest = rest[1:]  # executed by its own first line again
        else:
            break
    if not rest:
        return None
    if (split := split_words(rest)) is not None:
        return _of_split(split)
    program = PROGRAMS.get(os.path.basename(rest[0]))
    return _read(program, rest, before) if program else None


def _read(program: Program, argv: list[str], before: list[str]) -> Transport | None:
    at, found = options(argv, 1, program)
    asking = [*before, argv[0].replace("autossh", "ssh")]
    if not program.verbs:
        return _behind(program, "", argv, at, found, before, asking)
    asking += _kept(program, found)
    program, at, passed = _to_verb(program, argv, at)
    verb = argv[at] if at < len(argv) else ""
    if verb not in program.verbs:
        return _without_command(program, verb, (*before, *argv), len(before) + at)
    asking += [*passed, program.asking_verb or verb]
    at, found = options(argv, at + 1, program)
    return _behind(program, verb, argv, at, found, before, asking)


def _behind(
    program: Program,
    verb: str,
    argv: list[str],
    at: int,
    found: list[Option],
    before: list[str],
    asking: list[str],
) -> Transport | None:
    """The transport whose target stands at `argv[at]`, behind the options `found`."""
    separated = _has(found, program.separators)
    target, positional = _target(program, verb, argv[at : at + 1], found)
    at += len(positional)
    if not target and not program.target_options:
        # What a process list shows of mosh may be no more than its name.
        return Transport(program, "", (*before, *argv), goes_back=False) if program.kind == MOSH else None
    if program.behind and not separated:
        at, more = options(argv, at, program)
        separated = _has(more, program.separators)
        found += more
    only_shell = bool(verb) and verb == program.shell_verb
    if only_shell or (program.needs_separator and not separated):
        at = len(argv)  # no command can be there
    elif program.kind == MOSH and argv[at : at + 1] == ["--"]:
        at += 1
    if only_shell and positional:
        positional = ["--container", *positional]
    dashes = ["--"] if program.behind and program.kind != SSH else []
    asking += [*program.quiet, *_kept(program, found), *positional, *dashes]
    return Transport(
        program,
        target,
        connect=(*before, *argv[:at]),
        remote=tuple(argv[at:]),
        asking=tuple(_mosh_asks(found, target) if program.kind == MOSH else asking),
        terminal=_has_terminal(program, found, at < len(argv)),
        before=len(before),
        opens_shell=verb in ("", "enter"),
    )


def _target(program: Program, verb: str, word: list[str], found: list[Option]) -> tuple[str, list[str]]:
    """The target, named by an option or else by the `word` behind them; and that word where it is the target."""
    named = next((o.value for o in found if o.name in program.target_options), "")
    separated = _has(found, program.separators) and program.kind != SSH
    if named or separated or verb not in ("", program.shell_verb or verb):
        return named, []
    return "".join(word), word


def _to_verb(program: Program, argv: list[str], at: int) -> tuple[Program, int, list[str]]:
    """Where the verb stands, behind `compose` or `container`; that program, and the words passed."""
    passed: list[str] = []
    while argv[at : at + 1] in (["compose"], ["container"]):
        if argv[at] == "compose":
            program = COMPOSE._replace(kind=program.kind)
        passed.append(argv[at])
        at, found = options(argv, at + 1, program)
        passed += _kept(program, found)
    return program, at, passed


def _without_command(program: Program, verb: str, argv: tuple[str, ...], at: int) -> Transport | None:
    if verb in program.once:
        # A container of its own ends with its command: nothing is there to go back to.
        once = program._replace(kind=f"{program.kind} {verb}")
        return Transport(once, "", argv[: at + 1], goes_back=False)
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


def _mosh_asks(found: list[Option], target: str) -> list[str]:
    """mosh reaches its host by ssh: so is that asked."""
    ssh = next((o.value for o in found if o.name == "--ssh"), "ssh").split()
    by_ssh = _read(PROGRAMS[SSH], [*ssh, target], []) if ssh else None
    return list(by_ssh.asking) if by_ssh else []


def options(argv: Sequence[str], at: int, program: Program) -> tuple[int, list[Option]]:
    """Where the options that begin at `argv[at]` end, and these. A separator ends them and counts to them."""
    found: list[Option] = []
    while at < len(argv):
        word = argv[at]
        if word in program.separators:
            return at + 1, [*found, Option(word, "", (word,))]
        if not word.startswith("-") or word == "-":
            break
        one_word = word.startswith("--") or word in program.whole
        more, at = _long_option(argv, at, program) if one_word else _letters(argv, at, program)
        found += more
    return at, found


def _long_option(argv: Sequence[str], at: int, program: Program) -> tuple[list[Option], int]:
    name, given, value = argv[at].partition("=")
    if not given and name in program.valued and at + 1 < len(argv):
        return [Option(name, argv[at + 1], (argv[at], argv[at + 1]))], at + 2
    return [Option(name, value, (argv[at],))], at + 1


def _letters(argv: Sequence[str], at: int, program: Program) -> tuple[list[Option], int]:
    """One-letter options may stand together, a value right behind its letter."""
    word, at = argv[at], at + 1
    found: list[Option] = []
    for n, letter in enumerate(word[1:], 2):
        name = f"-{letter}"
        if letter in program.letters:
            value = word[n:] or "".join(argv[at : at + 1])
            return [*found, Option(name, value, (name, value))], min(at + (not word[n:]), len(argv))
        found.append(Option(name, "", (name,)))
    return found, at


def split_words(argv: Sequence[str]) -> list[str] | None:
    """mosh's own words as a process list shows them once it has become `mosh-client`: joined by blanks, so that one
    word with a blank reads as two. None where this is no such process."""
    if os.path.basename(argv[0]) != "mosh-client" or len(argv) < 2 or not argv[1].startswith("-# "):
        return None
    return argv[1][3:].removesuffix("|").split()


def _of_split(seen: list[str]) -> Transport:
    """What of mosh's words is certain where they may have been split: the host, behind options that hold no blank.

    Never its remote command: `--add-dir '/tmp/a b'` would make another directory writable than the user said.
    """
    mosh = PROGRAMS[MOSH]
    argv = ["mosh", *seen]
    at, found = options(argv, 1, mosh)
    if at >= len(argv) or any(o.name not in WITHOUT_BLANKS for o in found):
        return Transport(mosh, "", ("mosh",), goes_back=False)
    return Transport(mosh, argv[at], tuple(argv[: at + 1]), asking=tuple(_mosh_asks(found, argv[at])))
