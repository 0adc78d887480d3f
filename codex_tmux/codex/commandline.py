"""Codex's command line: which options a person chose for good, and how to say them again.

One reading serves every Codex from 0.63 to 0.169, because a live process has already been accepted by the
Codex it runs. What another version would refuse is taken out just before it is said again: see `accepted`.

Measured on 0.169: the word of a subcommand counts also behind a prompt (`codex hi resume ID`), not behind
`--`; an option with a detached list of values (`-i a b`) swallows such words too.
"""

import itertools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from codex_tmux.codex.session_id import is_whole
from codex_tmux.codex.shells import runs_below


class Option(NamedTuple):
    """One option of Codex. `values`: "0", "1" or "n" (one to many, where they are words of their own)."""

    name: str
    short: str = ""
    values: str = "0"
    replay: bool = True
    """Is it a standing choice, to be said again at resume (and not of one turn, or of one picker)?"""
    repeat: bool = False
    """May it be given twice? Codex refuses a second `--model` in the same place."""
    before_exec: bool = False
    """`codex --search exec` is understood, `codex exec --search` is refused."""
    embedded: bool = False
    """Does it keep a TUI off the shared daemon (measured on 0.169, with a daemon running)?"""
    alias: str = ""


# fmt: off
OPTIONS = (
    Option("--config", "-c", "1", repeat=True, embedded=True),
    Option("--enable", "", "1", repeat=True),
    Option("--disable", "", "1", repeat=True),
    Option("--remote", "", "1", before_exec=True),
    Option("--remote-auth-token-env", "", "1", before_exec=True),
    Option("--strict-config", embedded=True),
    Option("--model", "-m", "1"),
    Option("--oss"),
    Option("--local-provider", "", "1"),
    Option("--profile", "-p", "1", embedded=True),
    Option("--sandbox", "-s", "1"),
    Option("--full-auto"),
    Option("--approve-for-me", embedded=True),
    Option("--dangerously-bypass-approvals-and-sandbox", alias="--yolo"),
    Option("--dangerously-bypass-hook-trust", embedded=True),
    Option("--cd", "-C", "1"),
    Option("--add-dir", "", "1", repeat=True),
    Option("--ask-for-approval", "-a", "1", before_exec=True),
    Option("--search", before_exec=True, embedded=True),
    Option("--no-alt-screen", before_exec=True),
    Option("--no-daemon", before_exec=True, embedded=True),
    # exec alone. Where it may run, what it loads and that nothing is written to disk are standing choices.
    Option("--skip-git-repo-check"),
    Option("--ephemeral"),
    Option("--ignore-user-config"),
    Option("--ignore-rules"),
    Option("--thread-source", "", "1"),
    # How one turn is printed, where its answer goes, and what is remembered by Codex itself once it was said.
    Option("--json", replay=False, alias="--experimental-json"),
    Option("--output-last-message", "-o", "1", replay=False),
    Option("--output-schema", "", "1", replay=False),
    Option("--color", "", "1", replay=False),
    Option("--cyber-access-program", "", "1", replay=False),
    Option("--trust", replay=False),
    # Of the first prompt, and of the choice which session to open.
    Option("--image", "-i", "n", replay=False),
    Option("--worktree", replay=False),
    Option("--last", replay=False),
    Option("--all", replay=False),
    Option("--include-non-interactive", replay=False),
    Option("--help", "-h", replay=False),
    Option("--version", "-V", replay=False),
)
# fmt: on
UNKNOWN = Option("", repeat=True)
HIDDEN: dict[str, Callable[[str], str]] = {
    "--config": lambda value: re.sub("^(.*?=)?.*", r"\1…", value, flags=re.DOTALL),
    "--remote": lambda url: re.sub(
        r"\?.*", "?…", re.sub(r"^([a-z]+://)?[^/]*@", r"\1", url), flags=re.DOTALL
    ),
    UNKNOWN.name: lambda value: "…",
}
"""Options whose values may hold a secret, and what may be shown of one."""
ARGUMENT = Option("argument")

_BY_WORD = {word: option for option in OPTIONS for word in (option.name, option.short, option.alias) if word}

_BYPASS = "--dangerously-bypass-approvals-and-sandbox"
_CONFLICTS = (
    (_BYPASS, "--ask-for-approval"),
    (_BYPASS, "--approve-for-me"),
    (_BYPASS, "--full-auto"),
    ("--approve-for-me", "--ask-for-approval"),
    ("--approve-for-me", "--sandbox"),
)
"""Refused side by side, accepted as `codex -a never resume --yolo ID` (a shell alias, a wish): last wins."""

MODES = {
    (): "tui",
    ("agents",): "tui",
    ("resume",): "tui",
    ("fork",): "tui",
    ("exec",): "exec",
    ("exec", "resume"): "exec",
    ("exec", "fork"): "exec",
}
"""Subcommands → the mode of their conversation; the others have none to come back to."""
# fmt: off
SUBCOMMANDS = (
    "agents", "resume", "fork", "exec", "review", "login", "logout", "mcp", "mcp-server", "plugin", "app-server",
    "remote-control", "completion", "update", "doctor", "sandbox", "debug", "apply", "queue", "archive", "unarchive",
    "delete", "migrate-rollouts", "migrate-nfs-db", "cloud", "cloud-tasks", "exec-server", "execpolicy",
    "responses-api-proxy", "stdio-to-uds", "tcp-tunnel", "features", "help",
)
# fmt: on
_BELOW = {(): SUBCOMMANDS, ("exec",): ("resume", "fork", "review", "help")}
_SUBCOMMAND_ALIASES = {"e": "exec", "a": "apply"}

_JAVASCRIPT = ("node", "nodejs", "bun")
_JAVASCRIPT_INLINE = ("-e", "--eval", "-p", "--print", "-pe")
_CODEX_SCRIPTS = ("codex", "codex.js", "codex.mjs")
_ARCHITECTURES = ("x86_64", "aarch64", "arm64", "armv7", "i686", "riscv64gc")


class CommandLine(NamedTuple):
    """What a Codex command line says.

    `flags` is what to say again: every standing option with its values, from before and behind the
    subcommand, as it was spelt. An unknown `--x=y` is kept whole and an unknown `--x` alone: the word behind
    it is taken for a prompt, because a lost value is seen at once and a prompt sent again is not undone.
    """

    subcommand: str | None
    mode: str | None
    """"tui", "exec", or None where this is no conversation."""
    flags: tuple[str, ...]
    session_id: str | None
    """The session `resume` names by its UUID; a session's name is none."""
    prompt: bool
    embedded: bool
    """Runs without the shared daemon: the process itself holds the session's files. `exec` always does."""
    cd: str | None
    remote: str | None


class _Item(NamedTuple):
    option: Option
    words: tuple[str, ...]
    value: str | None = None


def _is_dashed(word: str) -> bool:
    return word.startswith("-") and word != "-"


def split_program(argv: Sequence[str]) -> tuple[list[str], list[str]] | None:
    """(program words, arguments) when `argv` is a Codex process, else None.

    Codex is the native binary, or its npm package's script below node or bun.
    """
    if not argv or not argv[0] or runs_below(argv):
        return None
    name = os.path.basename(argv[0])
    if name in _CODEX_SCRIPTS or _is_release_binary(name):
        return [argv[0]], list(argv[1:])
    options = list(itertools.takewhile(_is_dashed, argv[1:]))
    program, args = argv[: len(options) + 2], argv[len(options) + 2 :]
    if name not in _JAVASCRIPT or any(word in _JAVASCRIPT_INLINE for word in options):
        return None
    return (list(program), list(args)) if _is_codex_script(program[-1]) else None


def _is_release_binary(name: str) -> bool:
    """A release holds `codex-x86_64-unknown-linux-musl`; `codex-linux-sandbox` is a helper of Codex's."""
    first, _, target = name.partition("-")
    return first == "codex" and target.split("-")[0] in _ARCHITECTURES and target.count("-") >= 2


def _is_codex_script(path: str) -> bool:
    if os.path.basename(path) in _CODEX_SCRIPTS:
        return True
    try:
        return os.path.isabs(path) and "/@openai/codex/" in os.path.realpath(path)
    except (OSError, ValueError):
        return False


def is_app_server(argv: Sequence[str]) -> bool:
    """Whether this is Codex's shared daemon or its updater: a child of the TUI that happened to start it."""
    split = split_program(argv)
    return split is not None and parse(split[1]).subcommand == "app-server"


def parse(args: Sequence[str]) -> CommandLine:
    """Read the arguments of a Codex (without its program words). Never raises."""
    path, items, arguments = _read(args)
    given = {item.option.name for item in items}
    opens = path[-1:] in (("resume",), ("fork",)) and "--last" not in given
    named = "".join(arguments[:opens])
    mode = MODES.get(path) if given.isdisjoint(("--help", "--version")) else None
    kept = _merged(items)
    values = {item.option.name: item.value for item in kept}
    return CommandLine(
        subcommand=next(iter(path), None),
        mode=mode,
        flags=tuple(_words_of(kept)),
        session_id=named.lower() if "resume" in path and is_whole(named) else None,
        prompt=mode is not None and len(arguments) > opens,
        embedded=mode == "exec" or any(item.option.embedded for item in kept),
        cd=values.get("--cd"),
        remote=values.get("--remote"),
    )


def _read(args: Sequence[str]) -> tuple[tuple[str, ...], list[_Item], list[str]]:
    """The subcommand and the one below it, the options, and the arguments behind the last of these words.

    What follows a subcommand without a conversation is written in that one's own words.
    """
    path: tuple[str, ...] = ()
    items: list[_Item] = []
    arguments: list[str] = []
    at = 0
    while at < len(args) and args[at] != "--" and path in MODES:
        item, at = _next(args, at, one_image=path == ("exec", "resume"))
        if item.option is not ARGUMENT:
            items.append(item)
            continue
        word = item.words[0]
        name = _SUBCOMMAND_ALIASES.get(word, word)
        if name in _BELOW.get(path, ()):
            path, arguments = (*path, name), []
        else:
            arguments.append(word)
    return path, items, [*arguments, *args[at + 1 :]]


def _next(args: Sequence[str], at: int, one_image: bool = False) -> tuple[_Item, int]:
    """The item that begins at `args[at]`, and where the next one begins.

    An option whose value is missing (Codex would refuse it) comes back with no words.
    """
    word = args[at]
    at += 1
    if not _is_dashed(word):
        return _Item(ARGUMENT, (word,)), at
    if word.startswith("--"):
        name, attached, value = word.partition("=")
    else:
        name, value = word[:2], word[2:].removeprefix("=")
        attached = word[2:3]
    option = _BY_WORD.get(name, UNKNOWN)
    if attached or option.values == "0":
        return _Item(option, (word,), value if attached else None), at
    most = at + 1 if option.values == "1" or one_image else len(args)
    values = tuple(itertools.takewhile(lambda word: not _is_dashed(word), args[at:most]))
    if not values:
        return _Item(option, ()), at
    return _Item(option, (word, *values), values[-1]), at + len(values)


def options_of(flags: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return (item.words for item in _items(flags))


def options_named(flags: Sequence[str]) -> Iterator[str]:
    """The long names of the options, "" for one that is not known."""
    return (item.option.name for item in _items(flags))


def _items(flags: Sequence[str]) -> Iterator[_Item]:
    """The options of `flags`, which holds nothing but options."""
    at = 0
    while at < len(flags):
        item, at = _next(flags, at)
        yield item


def _merged(items: list[_Item]) -> list[_Item]:
    """The standing ones of before and behind a subcommand, as they may stand together before it: the later wins."""
    kept: list[_Item] = []
    gone: set[str] = set()
    for item in reversed(items):
        option = item.option
        if option.name in gone or not item.words or not option.replay:
            continue
        if not option.repeat:
            gone.update((option.name,), *(pair for pair in _CONFLICTS if option.name in pair))
        kept.append(item)
    return kept[::-1]


def _words_of(items: Iterable[_Item]) -> list[str]:
    return [word for item in items for word in item.words]


def tui_resume(flags: Sequence[str], session_id: str) -> list[str]:
    """The arguments that bring `session_id` back with the same `flags`.

    Nothing is added to them: one `-c` more would take the TUI off the shared daemon, which keeps the session
    locked for a minute.
    """
    return [*flags, "resume", session_id]


def exec_fresh(flags: Sequence[str], cwd: str = "") -> list[str]:
    """The arguments of a new `codex exec --json` in `cwd` that reads its prompt from stdin."""
    before, behind = around_exec(flags)
    if cwd and parse(flags).cd is None:
        behind += ["--cd", cwd]
    return [*before, "exec", "--json", *behind, "-"]


def exec_resume(flags: Sequence[str], session_id: str) -> list[str]:
    """The arguments of the next turn of `session_id`, read from stdin.

    All options stand before the word `resume`, which refuses `--cd`, `-s`, `--add-dir` and others behind it.
    """
    before, behind = around_exec(flags)
    return [*before, "exec", "--json", *behind, "resume", session_id, "-"]


def around_exec(flags: Sequence[str]) -> tuple[list[str], list[str]]:
    before: list[str] = []
    behind: list[str] = []
    for item in _items(flags):
        side = before if item.option.before_exec else behind
        side += item.words
    return before, behind


def value_of(flags: Sequence[str], name: str) -> str:
    """The value that `flags` give the option `name` last; "" where they give none."""
    return {item.option.name: item.value for item in _items(flags)}.get(name) or ""


def without_cd(flags: Sequence[str]) -> list[str]:
    return _words_of(item for item in _items(flags) if item.option.name != "--cd")


def redact(flags: Sequence[str]) -> list[str]:
    """`flags` fit for a log or a list: a `-c` may hold a key, a URL a password, an unknown one anything."""
    shown: list[str] = []
    for item in _items(flags):
        words = list(item.words)
        if item.value and item.option.name in HIDDEN:
            words[-1] = words[-1].removesuffix(item.value) + HIDDEN[item.option.name](item.value)
        shown += words
    return shown
