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
from codex_tmux.elsewhere.shell_text import Command, commands, without_cd
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
ASSIGNMENT = r"(?:^|(?<=[\s;&(='\"]))(?P<name>[A-Za-z_][A-Za-z0-9_]*)="
HOMES = ("CODEX_HOME", "CODEX_SQLITE_HOME")
"""Where Codex keeps its things is known of every pane."""
SECRET = r"(?i)token|secret|passw|api.?key|^--setenv$"


def of_command(start_command: str, args: Sequence[str]) -> tuple[str, ...]:
    """The wrapper in a pane's command, as tmux shows it, whose Codex runs with `args`; () for none."""
    words = shell_words(start_command)
    return of_text((DEFAULT_SHELL, "-c"), words[0], args) if len(words) == 1 else of_words(words, args)


def of_words(words: Sequence[str], args: Sequence[str]) -> tuple[str, ...]:
    if not words or split_program(words) is not None:
        return ()
    name = os.path.basename(words[0]).removeprefix("-")
    if name not in SHELLS:
        return of_program(words, 1, args)
    if at := command_at(words):
        return of_text(tuple(words[:at]), words[at], args) if at + 1 == len(words) else unknown(name)
    # One without more people type into.
    return () if all(word.startswith("-") for word in words[1:]) else of_program(words, 2, args)


def of_program(words: Sequence[str], own: int, args: Sequence[str]) -> tuple[str, ...]:
    """The same of a program, of `own` words, that starts Codex in its turn."""
    before = list(words[: len(words) - len(args)])
    passes_on = bool(before) and list(words[len(before) :]) == list(args)
    if passes_on and is_codex(before[-1]):
        kept = list(itertools.takewhile(lambda word: os.path.basename(word) not in LAUNCHERS, before[:-1]))
        return (*kept, PROGRAM) if kept else ()
    if os.path.basename(words[0]) in LAUNCHERS:
        return ()
    # A script that takes Codex's own arguments.
    takes_them = passes_on and len(before) == own and args
    return tuple(before) if takes_them else unknown(words[own - 1])


def of_text(shell: tuple[str, ...], text: str, args: Sequence[str]) -> tuple[str, ...]:
    # The directory comes back by itself, and `cd` from there would lead elsewhere.
    parts = without_cd(commands(text))
    if not parts:
        return unknown((text.split() or shell)[0])
    if shell[1:] == SETS_NOTHING and len(parts) == 1 and is_plain(parts[0]):
        return of_words(from_program(parts[0]), args)
    new_text = around(text, parts, [codex_at(part, args) for part in parts])
    if shell[1:] == SETS_NOTHING and new_text in (ARGUMENTS, f"exec {ARGUMENTS}", f"command {ARGUMENTS}"):
        return ()
    if new_text:  # `sh -c TEXT NAME WORD…`
        return (*shell, new_text, "sh", PROGRAM)
    new_text = around(text, parts, [script_at(part, args) for part in parts])
    return (*shell, new_text, "sh") if new_text else unknown(program_of(parts[0]))


def around(text: str, parts: list[Command], places: Sequence[int | None]) -> str:
    """A text with ARGUMENTS from the one of the `places` on, each the index of a word in its command; "" where there is
    no such one, or something beside it may not run again."""
    found = [(n, at) for n, at in enumerate(places) if at is not None]
    if len(found) != 1 or not may_run_again(parts, found[0][0]):
        return ""
    n, at = found[0]
    before = text[parts[0].words[0].start : parts[n].words[at].start]
    return before + ARGUMENTS + text[parts[n].words[-1].end :].rstrip(" ;\n")


def may_run_again(parts: list[Command], codex: int) -> bool:
    """Whether all commands but that of Codex may run once more; behind it, a shell for people may too."""
    before, behind = parts[:codex], parts[codex + 1 :]
    return all(program_of(part) in BEFORE for part in before) and all(
        program_of(part) in FOLLOWS or is_shell(from_program(part)) for part in behind
    )


def codex_at(command: Command, args: Sequence[str]) -> int | None:
    """Where Codex's program stands, or what looks for it; its arguments show only where nothing is expanded."""
    texts = command.texts
    expanded = any("$" in word.raw for word in command.words)
    for at, text in enumerate(texts):
        if is_codex(text) and (expanded or texts[at + 1 :] == list(args)):
            return next((i for i in range(at) if os.path.basename(texts[i]) in LAUNCHERS), at)
    return None


def script_at(command: Command, args: Sequence[str]) -> int | None:
    """Where Codex's arguments stand behind a script that takes them."""
    takes_them = args and from_program(command)[1:] == list(args)
    is_script = takes_them and program_of(command) not in BEFORE | FOLLOWS
    return len(command.texts) - len(args) if is_script else None


def is_plain(command: Command) -> bool:
    """Whether its words are what it runs, without a shell."""
    return (
        not is_assignment(command.texts[0])
        and program_of(command) not in BEFORE | FOLLOWS
        and not any(re.search(r"[$*?[~]", word.unsettled) for word in command.words)
    )


def program_of(command: Command) -> str:
    return os.path.basename((from_program(command) or command.texts)[0])


def from_program(command: Command) -> list[str]:
    """A command without the assignments and the `exec` before its program."""
    before = ("exec", "command")
    return list(itertools.dropwhile(lambda word: word in before or is_assignment(word), command.texts))


def is_codex(word: str) -> bool:
    return os.path.basename(word).partition("@")[0] in ("codex", "codex.js") and not word.startswith("-")


def unknown(name: str) -> tuple[str, ...]:
    return (UNKNOWN, os.path.basename(name.partition("=")[0]))  # `TOKEN=…`: the value is nobody's business


def is_unknown(wrapper: Sequence[str]) -> bool:
    """Whether Codex cannot be started through it again."""
    return wrapper[:1] == (UNKNOWN,)


def name_of(wrapper: Sequence[str]) -> str:
    """What a person calls a wrapper: its program; no word of it that may be secret."""
    name = wrapper[1] if is_unknown(wrapper) else os.path.basename(wrapper[0])
    return "a command line of a shell" if name == DEFAULT_SHELL else name


def storable(wrapper: tuple[str, ...], names: Collection[str]) -> tuple[str, ...]:
    """What of a wrapper may stand in a file: of variables only those with `names`, so all of it or its name alone."""
    sets = {found["name"] for word in wrapper for found in re.finditer(ASSIGNMENT, word)}
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
