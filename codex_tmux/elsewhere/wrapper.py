"""What stands before Codex in a pane's command, and comes back with it: `nice`, `env X=…`, `bwrap …`, `umask 077; …`.

Pure. A wrapper is the words before Codex's own arguments, with PROGRAM where the path of Codex goes. What is not
understood is (UNKNOWN, its name): nobody starts Codex without it unasked.
"""

import itertools
import os
import re
from collections.abc import Collection, Sequence

from codex_tmux.codex.commandline import split_program
from codex_tmux.codex.script import FOLLOWS, PREPARES, is_assignment, is_shell
from codex_tmux.codex.shells import command_at
from codex_tmux.elsewhere.shell_text import Token, tokens
from codex_tmux.state.start_command import shell_words

PROGRAM = ""
UNKNOWN = "?"
DEFAULT_SHELL = "$SHELL"
"""tmux's `default-shell`, which runs a command that was given in one word."""
SHELLS = ("sh", "bash", "zsh", "dash", "ash", "ksh", "mksh", "fish")
"""Shells in which `-c TEXT` is understood."""
SETS_NOTHING = ("-c",)
"""`-lc` and `-ic` read files that may set anything."""
ARGUMENTS = '"$@"'
LAUNCHERS = ("npx", "npm", "pnpm", "yarn", "bunx", "bun", "corepack", "volta")
"""They look for Codex and change nothing for it: the one they have found is run again."""
BEFORE = PREPARES - frozenset("cd pushd alias command exit hash local return shift type".split())
"""Commands of a shell that may run again before Codex does."""
# As text: few hooks come to need one, and all that import this would compile them.
CD = r"\s*cd\s+(?:--\s+)?(?:[^\s'\";&|$`\\]|\\.|'[^']*'|\"[^\"$`]*\"|\$HOME|\$PWD)+\s*(?:&&|;)\s*"
EXPANDED = r"[$`*?[~]"
ASSIGNMENT = r"(?:^|(?<=[\s;&(='\"]))(?P<name>[A-Za-z_][A-Za-z0-9_]*)="
SETS = ("--setenv", "-E", "--env")
"""Options behind which a variable and its value may stand as words of their own."""
PROPERTY = r"^(--property=)?[A-Z][A-Za-z]*="
"""systemd-run's, behind `-p`: it looks like a variable, and is none."""
HOMES = ("CODEX_HOME", "CODEX_SQLITE_HOME")
"""Where Codex keeps its things is known of every pane."""
SECRET = r"(?i)token|secret|passw|api.?key"


def of_command(start_command: str, args: Sequence[str], script: str = "") -> tuple[str, ...]:
    """The wrapper in a pane's command, as tmux shows it, whose Codex runs with `args`; () for none.

    `script` is the text of the program that the command starts, where that is a script.
    """
    words = shell_words(start_command)
    if len(words) == 1:
        return of_text((DEFAULT_SHELL, "-c"), words[0], args, script)
    return of_words(words, args, script)


def of_words(words: Sequence[str], args: Sequence[str], script: str = "") -> tuple[str, ...]:
    if not words or split_program(words) is not None:
        return ()
    name = os.path.basename(words[0]).removeprefix("-")
    if name in SHELLS and (at := command_at(words)):
        known = at + 1 == len(words)
        return of_text(tuple(words[:at]), words[at], args, script) if known else unknown(name)
    if name in SHELLS and all(word.startswith("-") for word in words[1:]):
        return ()  # people type into it
    return of_program(name, words, args, script)


def of_program(name: str, words: Sequence[str], args: Sequence[str], script: str) -> tuple[str, ...]:
    """The same of a program that starts Codex in its turn."""
    own = 2 if name in SHELLS else 1
    before = list(words[: len(words) - len(args)])
    passes_on = bool(before) and list(words[len(before) :]) == list(args)
    if passes_on and is_codex(before[-1]):
        return with_program(before[:-1])
    if name in LAUNCHERS:
        return ()
    if passes_on and len(before) == own and (args or ARGUMENTS in script):
        return tuple(before)  # a script that takes Codex's own arguments
    return unknown(words[own - 1])


def with_program(before: Sequence[str]) -> tuple[str, ...]:
    kept = list(itertools.takewhile(lambda word: os.path.basename(word) not in LAUNCHERS, before))
    return (*kept, PROGRAM) if kept else ()


def of_text(shell: tuple[str, ...], text: str, args: Sequence[str], script: str = "") -> tuple[str, ...]:
    commands = commands_of(text)
    if not commands:
        return unknown((text.split() or shell)[0])
    if shell[1:] == SETS_NOTHING and (words := plain_words(commands)) is not None:
        return of_words(words, args, script)
    around = around_codex(text, commands, args, script)
    return with_text(shell, *around) if around else unknown(program_of(commands[0]) or commands[0][0])


def around_codex(
    text: str, commands: list[list[Token]], args: Sequence[str], script: str
) -> tuple[str, str, bool] | None:
    """The texts before and behind the one Codex in these commands, and whether its program is one of their words.

    None where there is no such one, or something beside it may not run again.
    """
    found = [(at, word) for at, command in enumerate(commands) if (word := codex_in(command, args, script))]
    if len(found) != 1:
        return None
    at, (start, end, has_program) = found[0]
    # The directory comes back by itself, and `cd` from there would lead elsewhere.
    moved = re.match(CD, text[:start])
    others = [(c, BEFORE) for c in commands[bool(moved) : at]] + [(c, FOLLOWS) for c in commands[at + 1 :]]
    if not all(may_run_again(command, allowed) for command, allowed in others):
        return None
    return text[moved.end() if moved else 0 : start], text[end:], has_program


def with_text(shell: tuple[str, ...], before: str, after: str, has_program: bool) -> tuple[str, ...]:
    """The wrapper of a text that goes on around Codex's arguments, and its program where that is one of the words."""
    if not has_program:
        before = before.rstrip() + " " if before.strip() else before
        return (*shell, f"{before}{ARGUMENTS}{after}", "sh")
    if shell[1:] == SETS_NOTHING and before.strip() in ("", "exec", "command") and not after.strip(" ;\n"):
        return ()
    return (*shell, f"{before}{ARGUMENTS}{after}", "sh", PROGRAM)  # `sh -c TEXT NAME WORD…`


def may_run_again(command: list[Token], allowed: frozenset[str]) -> bool:
    """Whether a command beside Codex may run once more; behind it, a shell for people may too."""
    words = from_program(command)
    return not words or program_of(words) in allowed or (allowed is FOLLOWS and is_shell(words))


def commands_of(text: str) -> list[list[Token]]:
    """The commands of a shell's text, without what separates them; none where it is more than that."""
    found = tokens(text.rstrip()) or []
    if any(t.raw in ("|", "&") or (not t.is_operator and re.search("[{}]", t.bare)) for t in found):
        return []
    parts = itertools.groupby(found, lambda token: token.is_operator and token.raw not in ("<", ">"))
    return [list(command) for is_between, command in parts if not is_between]


def codex_in(command: list[Token], args: Sequence[str], script: str) -> tuple[int, int, bool] | None:
    """Where in the text Codex and its arguments stand, and whether its program is one of the words; None without."""
    words = without_redirections(command)
    at = named_at(words, args)
    if at is not None:
        return words[at].start, words[-1].end, True
    program = from_program(words)
    passed_on = program[1:] == list(args) and (args or ARGUMENTS in script)
    if program and passed_on and program_of(command) not in BEFORE | FOLLOWS:
        return program[1].start if args else program[0].end, words[-1].end, False
    return None


def named_at(words: list[Token], args: Sequence[str]) -> int | None:
    """Where Codex's program stands, or what looks for it; its arguments show only where nothing is expanded."""
    expanded = any("$" in word.raw or "`" in word.raw for word in words)
    for at, word in enumerate(words):
        if is_codex(word) and (expanded or words[at + 1 :] == list(args)):
            return next((i for i in range(at) if os.path.basename(words[i]) in LAUNCHERS), at)
    return None


def without_redirections(command: list[Token]) -> list[Token]:
    """The words before a command's first redirection, without the number that belongs to that."""
    into = next((i for i, t in enumerate(command) if t.is_operator), len(command))
    if 0 < into < len(command) and command[into - 1].raw.isdigit():
        return command[: into - (command[into - 1].end == command[into].start)]
    return command[:into]


def plain_words(commands: list[list[Token]]) -> list[str] | None:
    command, *others = commands
    if others or any(t.is_operator or re.search(EXPANDED, t.unsettled) for t in command):
        return None
    if is_assignment(command[0]) or program_of(command) in BEFORE | FOLLOWS:
        return None
    return [str(token) for token in command[command[0] in ("exec", "command") :]]


def program_of(command: list[Token]) -> str:
    return os.path.basename(next(iter(from_program(command)), ""))


def from_program(command: list[Token]) -> list[Token]:
    """A command without the assignments and the `exec` before its program."""
    at = next((i for i, t in enumerate(command) if not is_assignment(t) and t != "exec"), len(command))
    return command[at:]


def is_codex(word: str) -> bool:
    return os.path.basename(word).partition("@")[0] in ("codex", "codex.js") and not word.startswith("-")


def unknown(name: str) -> tuple[str, ...]:
    return (UNKNOWN, os.path.basename(name))


def is_unknown(wrapper: Sequence[str]) -> bool:
    """Whether Codex cannot be started through it again."""
    return wrapper[:1] == (UNKNOWN,)


def name_of(wrapper: Sequence[str]) -> str:
    """What a person calls a wrapper: its program; no word of it that may be secret."""
    name = wrapper[1] if is_unknown(wrapper) else os.path.basename(wrapper[0])
    return "a command line of a shell" if name == DEFAULT_SHELL else name


def storable(wrapper: tuple[str, ...], names: Collection[str]) -> tuple[str, ...]:
    """What of a wrapper may stand in a file: of variables only those with `names`, so all of it or its name alone."""
    sets = set()
    for before, word in zip(("", *wrapper), wrapper):
        if before in SETS:
            sets.add(word.partition("=")[0])
        is_property = before == "-p" or word.startswith("--property=")
        value = re.sub(PROPERTY, "", word) if is_property else word
        sets |= {found["name"] for found in re.finditer(ASSIGNMENT, value)}
    is_secret = any(re.search(SECRET, word) for word in wrapper)
    return wrapper if sets <= {*names, *HOMES} and not is_secret else unknown(wrapper[0])


def prefixed(wrapper: Sequence[str], program: Sequence[str], default_shell: str) -> list[str] | None:
    """The words before Codex's arguments, with its `program`; None where `default_shell` cannot run them."""
    words = list(wrapper or (PROGRAM,))
    if words[0] == DEFAULT_SHELL:
        words[0] = default_shell
        if os.path.basename(default_shell) not in SHELLS:
            return None
    if os.path.basename(words[0]) == "fish":  # its own word for the arguments, and no name before them
        words = [word.replace(ARGUMENTS, "$argv") for word in words if word != "sh"]
    return [part for word in words for part in (program if word == PROGRAM else (word,))]
