"""The command that runs at the far end of a transport: is it a Codex, and how is it said to resume a session.

Pure. Only what is fully understood is rebuilt: a plain command line of Codex, behind `cd DIR &&`, assignments, `env`
or `exec`, or in the one argument of `sh -c`. What stands there unexpanded (`~`, `"$HOME"`) goes back as written.
"""

import itertools
import os
import re
import shlex
from collections.abc import Sequence
from typing import NamedTuple

from codex_tmux.codex.commandline import CommandLine, parse, split_program
from codex_tmux.codex.script import is_assignment
from codex_tmux.codex.shells import SHELLS
from codex_tmux.elsewhere.programs import TMUX
from codex_tmux.elsewhere.shell_text import Token, tokens
from codex_tmux.elsewhere.transport import Reader, Transport


class RemoteCodex(NamedTuple):
    """The Codex in a remote command: its program as written there, and what its command line says.

    `around`: the texts before and behind it, the outermost first; each but the first is one quoted word of the former.
    """

    program: str
    command: CommandLine
    around: tuple[tuple[str, str], ...] = ()

    @property
    def is_last(self) -> bool:
        """Whether nothing comes behind it, no shell: while the command runs, that Codex does."""
        return not any(after for _, after in self.around)

    def replaced(self, command: str, with_rest: bool = True) -> str:
        """The whole text with another command in its place; without what comes behind it where `with_rest` is not."""
        *outer, inner = self.around
        text = inner[0] + command + inner[1] * with_rest
        for before, after in reversed(outer):
            text = before + shlex.quote(text) + after * with_rest
        return text


def codex_of(transport: Transport) -> RemoteCodex | None:
    """The conversation that a transport starts at its far end; None where it starts something else, or a shell, or
    where it is not understood."""
    found = _in_text(_text(transport))
    return found if found and found.command.mode == "tui" else None


def with_session(transport: Transport, session_id: str) -> tuple[str, ...] | None:
    """The transport's command line with its Codex resuming `session_id` ("": beginning a new session).

    Flags stay as they were written, prompts go. None where no conversation is in it, or one that is not understood.
    """
    found = codex_of(transport)
    if found is None:
        return None
    # A word that is a flag stays the very object it was: with it comes how it was written.
    flags = [word.raw if isinstance(word, Token) else shlex.quote(word) for word in found.command.flags]
    command = " ".join([found.program, *flags, *(("resume", session_id) if session_id else ())])
    return (*transport.connect, *_words(transport, found.replaced(command)))


def with_script(transport: Transport, script: str) -> tuple[str, ...] | None:
    found = codex_of(transport)
    return found and _words(transport, found.replaced(f"sh -c {shlex.quote(script)}", with_rest=False))


def alone(transport: Transport) -> tuple[str, ...]:
    """The remote words of a transport of which only the way is known: a shell there, or the tmux there, with none of
    the commands that ran in them."""
    words = _tokens(_text(transport)) or []
    name = os.path.basename("".join(words[:1]))
    if name in SHELLS:
        number = len(words) if all(re.match(r"--?[^-c]*$", word) for word in words[1:]) else 0
    else:
        number = _tmux_client(words) if name == "tmux" else 0
    kept = words[:number]
    if any(word.is_operator for word in words) or not all(map(_is_one, kept)):
        return transport.shell
    return _words(transport, _raw(kept)) if kept else transport.shell


def _tmux_client(words: Sequence[str]) -> int:
    """How many of the words of a tmux command line show a tmux session, without the commands that start one."""
    reader = Reader(words)
    reader.options(TMUX)
    verb = reader.take()
    if "attach-session".startswith(verb):
        reader.options(TMUX._replace(letters="cft"))
        return 0 if reader.left else reader.at
    if verb == "new" or (len(verb) > 4 and "new-session".startswith(verb)):
        reader.options(TMUX._replace(letters="ceFfnstxy"))
        return reader.at
    return 0


def _text(transport: Transport) -> str:
    """The remote command as a shell would read it."""
    return " ".join(transport.remote) if transport.by_shell else shlex.join(transport.remote)


def _words(transport: Transport, text: str) -> tuple[str, ...]:
    return (text,) if transport.by_shell else tuple(shlex.split(text))


def _tokens(text: str) -> list[Token] | None:
    """The tokens of a text in which a shell neither runs another command first nor leaves a comment out."""
    found = tokens(text)
    if found is None or any(token.raw[0] == "#" or "$(" in token.unsettled for token in found):
        return None
    return found


def _raw(words: Sequence[Token]) -> str:
    return " ".join(word.raw for word in words)


def _is_one(word: Token) -> bool:
    """Whether it stays one word, whatever a shell puts in its place."""
    return not re.search(r"[$*?[{]", word.bare)


def _in_text(text: str) -> RemoteCodex | None:
    """The Codex in what a shell reads as one text; None where that is more than is understood here."""
    parts = _tokens(text) or []
    while [part.raw for part in parts[:3:2]] in (["cd", "&&"], ["cd", ";"]):
        parts = parts[3:]
    own = list(itertools.takewhile(lambda part: not part.is_operator, parts))
    words, after = _without_environment(own), parts[len(own) :]
    if not words:
        return None
    # A pipe, a redirection, the background; or another Codex behind this one.
    if after and (after[0] not in ("&&", "||", ";") or any("codex" in part for part in after)):
        return None
    begin, found = _in_command(words)
    return found and found._replace(around=((text[:begin], text[words[-1].end :].rstrip()), *found.around))


def _in_command(words: list[Token]) -> tuple[int, RemoteCodex | None]:
    """Where the text that holds Codex begins, and that Codex: the command itself, or what it gives a shell to read."""
    if os.path.basename(words[0]) not in SHELLS:
        return words[0].start, _in_words(words)
    *shell, text = words
    return text.start, _in_text(text) if _runs_one_text(shell, text) else None


def _without_environment(words: list[Token]) -> list[Token]:
    at = 0
    while words[at:] and (
        words[at] in ("exec", "env", "command") or is_assignment(words[at]) or (at and words[at] == "-i")
    ):
        at += 1
    return words[at:]


def _runs_one_text(shell: list[Token], text: Token) -> bool:
    """Whether this is `bash -l -c TEXT`, with nothing behind it."""
    flags = shell[1:]
    known = bool(flags) and all(re.match(r"-[a-z]+$", flag) for flag in flags) and "c" in flags[-1]
    return known and "$" not in text.unsettled


def _in_words(words: list[Token]) -> RemoteCodex | None:
    split = split_program(words)
    if split is None:
        return None
    program, args = words[: len(split[0])], words[len(split[0]) :]
    command = parse(args)
    flags = command.flags
    if any(isinstance(word, Token) and not _is_one(word) for word in flags):
        return None
    if any("$" in word.unsettled and not any(word is flag for flag in flags) for word in args):
        return None  # an option or a prompt, who knows
    return RemoteCodex(_raw(program), command)
