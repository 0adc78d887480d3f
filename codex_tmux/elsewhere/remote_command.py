"""The command that runs at the far end of a transport: is it a Codex, and how is it said to resume a session.

Pure. Only what is fully understood is rebuilt: a plain command line of Codex, behind `cd DIR &&`, assignments, `env`
or `exec`, or in the one argument of `sh -c`. What stands there unexpanded (`~`, `"$HOME"`) goes back as written.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from codex_tmux.codex.commandline import CommandLine, parse, split_program
from codex_tmux.codex.processes import SHELLS
from codex_tmux.elsewhere.transport import Transport

Say: TypeAlias = Callable[[list["Word"], list["Word"]], str]


NESTED = 2
"""How deep `sh -c` may stand in `sh -c`."""
TOKEN = re.compile(
    r"""[ \t]*(?:
        (?P<operator> && | \|\| | [;|&<>\n] )
      | (?P<word> (?: [^\s'"\\`$;|&<>()] | \\. | '[^']*' | \$(?!\() | "(?: [^"\\`$] | \\. | \$(?!\() )*" )+ )
    )""",
    re.VERBOSE | re.DOTALL,
)
SETTLED = re.compile(r"'[^']*'|\\.", re.DOTALL)
"""What a shell leaves alone."""
QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
"""What a shell may fill in, but leaves one word."""


class Word(str):
    """A word as the far end's shell understands it; `raw` as it is written, with quotes and what is to be expanded."""

    raw: str

    def __new__(cls, raw: str) -> Word:
        word = super().__new__(cls, "".join(shlex.split(raw)))
        word.raw = raw
        return word

    @property
    def is_expanded(self) -> bool:
        """Whether a shell puts something else in its place."""
        return "$" in SETTLED.sub("", self.raw)

    @property
    def is_one(self) -> bool:
        """Whether it stays one word, whatever is put in its place."""
        return not re.search(r"[$*?[{]", QUOTED.sub("", SETTLED.sub("", self.raw)))


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

    _rewritten(transport, look)
    return found[0] if found and found[0].command.mode == "tui" else None


def with_session(transport: Transport, session_id: str) -> tuple[str, ...] | None:
    """The transport's command line with its Codex resuming `session_id` ("": beginning a new session).

    Flags stay as they were written, prompts go. None where no conversation is in it, or one that is not understood.
    """

    def say(program: list[Word], args: list[Word]) -> str:
        # A word that is a flag stays the very object it was: with it comes how it was written.
        flags = [word.raw if isinstance(word, Word) else shlex.quote(word) for word in parse(args).flags]
        return " ".join([*(w.raw for w in program), *flags, *(("resume", session_id) if session_id else ())])

    return _rewritten(transport, say) if codex_of(transport) else None


def with_script(transport: Transport, script: str) -> tuple[str, ...] | None:
    """The remote words alone, with `sh -c script` in the place of Codex, in Codex's environment; None without Codex."""
    found = _rewritten(transport, lambda program, args: f"sh -c {shlex.quote(script)}", only_codex=True)
    return found[len(transport.connect) :] if found else None


def alone(transport: Transport) -> tuple[str, ...]:
    """The remote words of a transport of which only the way is known: a shell there, or the tmux there, with none of
    the commands that ran in them."""
    words = tokens(_text(transport)) or []
    if not words or any(word in ("&&", "||", ";", "|", "&", "<", ">", "\n") for word in words):
        return transport.shell
    name = os.path.basename(words[0])
    if name in SHELLS and all(re.match(r"--?[^-c]*$", word) for word in words[1:]):
        return transport.remote
    kept = _tmux_client(words) if name == "tmux" else 0
    if not kept or not all(word.is_one for word in words[:kept]):
        return transport.shell
    text = " ".join(word.raw for word in words[:kept])
    return (text,) if transport.by_shell else tuple(shlex.split(text))


def _tmux_client(words: list[Word]) -> int:
    """How many of the words of a tmux command line show a tmux session, without the commands that start one."""
    at = _options_end(words, 1, "cfLST")
    verb = words[at] if at < len(words) else ""
    if not verb or (len(verb) > 1 and "attach-session".startswith(verb)) or verb == "a":
        end = _options_end(words, at + 1, "cft")
        return min(end, len(words)) if end >= len(words) else 0
    if verb == "new" or (len(verb) > 4 and "new-session".startswith(verb)):
        return min(_options_end(words, at + 1, "ceFfnstxy"), len(words))
    return 0


def _options_end(words: list[Word], at: int, valued: str) -> int:
    while at < len(words) and words[at].startswith("-") and words[at] != "--":
        letters = words[at][1:]
        first = next((n for n, letter in enumerate(letters) if letter in valued), len(letters))
        at += 2 if first == len(letters) - 1 else 1
    return at


def _text(transport: Transport) -> str:
    """The remote command as a shell would read it."""
    return " ".join(transport.remote) if transport.by_shell else shlex.join(transport.remote)


def _rewritten(transport: Transport, say: Say, only_codex: bool = False) -> tuple[str, ...] | None:
    """The transport's command line with what `say` makes of its Codex (program, arguments) in that one's place."""
    said = _in_text(_text(transport), say, only_codex)
    if said is None:
        return None
    return (*transport.connect, *((said,) if transport.by_shell else shlex.split(said)))


def _in_text(text: str, say: Say, only_codex: bool, depth: int = 0) -> str | None:
    """As `_rewritten`, of what a shell reads as one text; None where that is more than is understood here."""
    parts = tokens(text)
    if parts is None or depth > NESTED:
        return None
    before: list[str] = []
    while parts[:1] == ["cd"] and len(parts) > 2 and parts[2] in ("&&", ";"):
        before += [part.raw for part in parts[:3]]
        parts = parts[3:]
    end = next((n for n, part in enumerate(parts) if isinstance(part, Operator)), len(parts))
    words, after = parts[:end], parts[end:]
    if after and (after[0] not in ("&&", "||", ";") or any("codex" in part for part in after)):
        return None  # a pipe, a redirection, the background; or another Codex behind this one
    said = _in_words(words, say, only_codex, depth)
    if said is None or only_codex:
        return said
    return " ".join([*before, said, *(part.raw for part in after)])


def _in_words(words: list[Word], say: Say, only_codex: bool, depth: int) -> str | None:
    """As `_in_text`, of one simple command."""
    at = 0
    while at < len(words) and (
        words[at] in ("exec", "env", "command") or _is_assignment(words[at]) or (at and words[at] == "-i")
    ):
        at += 1
    before, rest = words[:at], words[at:]
    if only_codex:
        before = [word for word in before if word not in ("exec", "command")]
    if not rest:
        return None
    if os.path.basename(rest[0]) in SHELLS:
        # `bash -l -c TEXT`, and nothing behind it.
        *shell, inner = rest
        if (
            not shell[1:]
            or not all(re.match(r"-[a-z]+$", word) for word in shell[1:])
            or "c" not in shell[-1]
        ):
            return None
        said = None if inner.is_expanded else _in_text(inner, say, only_codex, depth + 1)
        return None if said is None else " ".join([*(w.raw for w in [*before, *shell]), shlex.quote(said)])
    split = split_program(rest)
    if split is None:
        return None
    program, args = rest[: len(split[0])], rest[len(split[0]) :]
    flags = parse(args).flags
    if any(isinstance(word, Word) and not word.is_one for word in flags):
        return None
    if any(word.is_expanded and not any(word is flag for flag in flags) for word in args):
        return None  # an option or a prompt, who knows
    return " ".join([*(w.raw for w in before), say(program, args)])


def _is_assignment(word: str) -> bool:
    name, given, _ = word.partition("=")
    return bool(given) and name.isidentifier()


class Operator(Word):
    """A word of the shell's own, such as `&&`."""


def tokens(text: str) -> list[Word] | None:
    """The words and operators of a shell's command line; None where it holds what only a shell can understand.

    >>> tokens("cd /src && codex -m 'a b'")
    ['cd', '/src', '&&', 'codex', '-m', 'a b']
    """
    found: list[Word] = []
    at, end = 0, len(text.rstrip(" \t"))
    while at < end:
        match = TOKEN.match(text, at)
        if match is None:
            return None
        word = match["word"]
        if word and word[0] == "#":
            return None
        found.append(Word(word) if word else Operator(match["operator"]))
        at = match.end()
    return found
