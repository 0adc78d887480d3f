"""The command that runs at the far end of a transport: is it a Codex, and how is it said to resume a session.

Pure. Only what is fully understood is rebuilt: a plain command line, behind `cd DIR &&`, assignments, `env`, `exec`,
or in the one argument of `sh -c`. What stands there unexpanded (`$HOME`, `~`) goes back as it was written.
"""

from __future__ import annotations

import os
import shlex

from codex_tmux.codex.commandline import CommandLine, parse, split_program
from codex_tmux.codex.processes import SHELLS
from codex_tmux.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from codex_tmux.transport import Transport

    Say: TypeAlias = Callable[[list["Word"], list["Word"]], str]

OPERATORS = ("&&", "||", ";", "|", "&", "<", ">", "(", ")", "\n")


class Word(str):
    """A word as the far end's shell understands it; `raw` as it is written, with quotes and what is to be expanded."""

    raw: str

    def __new__(cls, value: str, raw: str) -> Word:
        word = super().__new__(cls, value)
        word.raw = raw
        return word


class Operator(str):
    """A word of the shell's own, such as `&&`."""


class RemoteCodex(NamedTuple):
    """The Codex in a remote command: its program as written there, and what its command line says."""

    program: str
    command: CommandLine


def codex_of(transport: Transport) -> RemoteCodex | None:
    """The conversation that a transport starts at its far end; None where it starts something else, or a shell."""
    found: list[RemoteCodex] = []

    def look(program: list[Word], args: list[Word]) -> str:
        found.append(RemoteCodex(" ".join(w.raw for w in program), parse(args)))
        return ""

    if _rewritten(transport, look) is None or not found:
        return None
    return found[0] if found[0].command.mode == "tui" else None


def with_session(transport: Transport, session_id: str) -> tuple[str, ...] | None:
    """The transport's command line with its Codex resuming `session_id` ("": beginning a new session).

    Flags stay as they were written, prompts go. None where no Codex is in it.
    """

    def say(program: list[Word], args: list[Word]) -> str:
        # A word that is a flag stays the very object it was: with it comes how it was written.
        flags = [word.raw if isinstance(word, Word) else shlex.quote(word) for word in parse(args).flags]
        return " ".join([*(w.raw for w in program), *flags, *(("resume", session_id) if session_id else ())])

    return _rewritten(transport, say)


def with_script(transport: Transport, script: str) -> tuple[str, ...] | None:
    """The remote words alone, with `sh -c script` in the place of Codex, in Codex's environment; None without Codex."""
    found = _rewritten(transport, lambda program, args: f"sh -c {shlex.quote(script)}", only_codex=True)
    return found[len(transport.connect) :] if found else None


def _rewritten(transport: Transport, say: Say, only_codex: bool = False) -> tuple[str, ...] | None:
    """The transport's command line with what `say` makes of its Codex (program, arguments) in that one's place."""
    if not transport.remote:
        return None
    if transport.by_shell:
        text = _in_text(" ".join(transport.remote), say, only_codex)
        return None if text is None else (*transport.connect, text)
    remote = _in_words([Word(w, shlex.quote(w)) for w in transport.remote], say, only_codex)
    return None if remote is None else (*transport.connect, *_unquoted(remote))


def _unquoted(text: str) -> tuple[str, ...]:
    return tuple(tokens(text) or ())


def _in_text(text: str, say: Say, only_codex: bool = False, depth: int = 0) -> str | None:
    """As `_rewritten`, of what a shell reads as one text; None where that is more than is understood here."""
    parts = tokens(text)
    if parts is None or depth > 3:
        return None
    before: list[str] = []
    while (
        parts[:1] == ["cd"] and len(parts) > 2 and parts[2] in ("&&", ";") and isinstance(parts[2], Operator)
    ):
        before += [raw_of(parts[0]), raw_of(parts[1]), str(parts[2])]
        parts = parts[3:]
    end = next((n for n, part in enumerate(parts) if isinstance(part, Operator)), len(parts))
    after = parts[end:]
    if after and after[0] not in ("&&", "||", ";"):
        return None  # a pipe, a redirection, the background
    said = _in_words([part for part in parts[:end] if isinstance(part, Word)], say, only_codex, depth)
    if said is None or only_codex:
        return said
    return " ".join([*before, said, *(raw_of(part) for part in after)])


def raw_of(part: str) -> str:
    """A part as it was written."""
    return part.raw if isinstance(part, Word) else part


def _in_words(
    parts: list[Word],
    say: Say,
    only_codex: bool = False,
    depth: int = 0,
) -> str | None:
    """As `_in_text`, of one simple command."""
    at = 0
    while at < len(parts) and (
        parts[at] in ("exec", "env", "command") or _is_assignment(parts[at]) or (at and parts[at] == "-i")
    ):
        at += 1
    before, rest = parts[:at], parts[at:]
    if not rest:
        return None
    if only_codex:
        before = [word for word in before if word not in ("exec", "command")]
    shell = os.path.basename(rest[0]) in SHELLS
    flag = next((n for n, word in enumerate(rest[1:], 1) if not word.startswith("-") or "c" in word[1:]), 0)
    if (
        shell
        and flag
        and rest[flag].startswith("-")
        and not rest[flag].startswith("--")
        and len(rest) > flag + 1
    ):
        inner = _in_text(rest[flag + 1], say, only_codex, depth + 1)
        if inner is None or ("$" in rest[flag + 1].raw and rest[flag + 1].raw[:1] != "'"):
            return None
        raws = [w.raw for w in rest]
        raws[flag + 1] = shlex.quote(inner)
        return " ".join([*(w.raw for w in before), *raws])
    program, args = _program(rest)
    if not program:
        return None
    return " ".join([*(w.raw for w in before), say(program, args)])


def _program(rest: list[Word]) -> tuple[list[Word], list[Word]]:
    """The words that name a Codex, and those behind; nothing where it is none."""
    split = split_program(rest)
    if split is None:
        return [], []
    at = len(split[0])
    if any(word.raw.startswith("$") for word in rest[at:]):
        return [], []  # an option or a prompt, who knows
    return rest[:at], rest[at:]


def _is_assignment(word: str) -> bool:
    name, given, _ = word.partition("=")
    return bool(given) and name.isidentifier()


def tokens(text: str) -> list[Word | Operator] | None:
    """The words and operators of a shell's command line; None where it holds what only a shell can understand.

    >>> tokens("cd /src && codex -m 'a b'")
    ['cd', '/src', '&&', 'codex', '-m', 'a b']
    """
    parts: list[Word | Operator] = []
    value, raw, inside = "", "", False
    at = 0
    while at < len(text):
        char = text[at]
        if char in " \t":
            if inside:
                parts.append(Word(value, raw))
            value, raw, inside = "", "", False
            at += 1
            continue
        operator = next((op for op in OPERATORS if text.startswith(op, at)), "")
        if operator:
            if operator in ("(", ")", "\n"):
                return None
            if inside:
                parts.append(Word(value, raw))
            value, raw, inside = "", "", False
            parts.append(Operator(operator))
            at += len(operator)
            continue
        if char == "`" or text.startswith("$(", at) or (char == "#" and not inside):
            return None
        inside = True
        start = at
        if char == "'":
            end = text.find("'", at + 1)
            if end < 0:
                return None
            value += text[at + 1 : end]
            at = end + 1
        elif char == '"':
            at += 1
            while at < len(text) and text[at] != '"':
                if text[at] == "`" or text.startswith("$(", at):
                    return None
                if text[at] == "\\" and text[at + 1 : at + 2] and text[at + 1] in '$`"\\\n':
                    at += 1
                value += text[at]
                at += 1
            if at >= len(text):
                return None
            at += 1
        elif char == "\\":
            if at + 1 >= len(text):
                return None
            value += text[at + 1]
            at += 2
        else:
            value += char
            at += 1
        raw += text[start:at]
    if inside:
        parts.append(Word(value, raw))
    return parts
