"""The command that runs at the far end of a transport: is it a Codex, and how is it said to resume a session.

Pure. Only what is fully understood is rebuilt: a plain command line of Codex, behind `cd DIR &&`, assignments, `env`
or `exec`, or in the one argument of `sh -c`. What stands there unexpanded (`~`, `"$HOME"`) goes back as written.
"""

import itertools
import re
import shlex
from typing import NamedTuple

from codex_tmux.codex.commandline import CommandLine, parse, split_program
from codex_tmux.codex.script import is_assignment
from codex_tmux.codex.shells import SHELLS, command_at
from codex_tmux.elsewhere.shell_text import Command, Word, commands, without_cd
from codex_tmux.elsewhere.transport import Transport

PREFIXES = ("exec", "env", "command")
SEVERAL = r"[$*?[{]"
"""Outside quotes, a shell may make several words of one with these in it."""
SHELL_ALONE = rf"(?:\S*/)?(?:{'|'.join(SHELLS)})(?: --?[^-c\s]\S*)*$"
"""A shell that people type into."""
_CLIENT = r"(?:\S*/)?tmux(?: -[2CDlNuv]+| -[cfLST] ?\S+)*"
_ATTACH = r" (?:a|at|attach|attach-session)(?: -[dErx]*(?:[cft] ?\S+)?)*$"
_NEW = r" (?:new|new-session)(?: -[AdDEPX]*(?:[ceFfnstxy] ?\S+)?)*(?= |$)"
TMUX_ALONE = rf"{_CLIENT}(?:$|{_ATTACH}|{_NEW})"
"""A tmux client, up to the command that it is to start."""


class RemoteCodex(NamedTuple):
    """The Codex in a remote command: its program and flags as written there, and what its command line says.

    `before` and `after` are the texts around it; `shell` stands before all that, where it is one quoted word: `sh -c`.
    """

    program: str
    flags: tuple[str, ...]
    command: CommandLine
    before: str
    after: str
    shell: str

    def replaced(self, command: str, with_rest: bool = True) -> str:
        """The whole text with another command in its place; without what comes behind it where `with_rest` is not."""
        text = self.before + command + self.after * with_rest
        return self.shell + shlex.quote(text) if self.shell else text


def codex_of(transport: Transport) -> RemoteCodex | None:
    """The conversation that a transport starts at its far end; None where it starts something else, or a shell, or
    where it is not understood."""
    found = _in_text(_text(transport))
    return found if found and found.command.mode == "tui" else None


def with_session(transport: Transport, codex: RemoteCodex, session_id: str) -> tuple[str, ...]:
    """The transport's command line with its Codex resuming `session_id` ("": beginning a new session).

    Flags stay as they were written, prompts go.
    """
    command = " ".join([codex.program, *codex.flags, *(("resume", session_id) if session_id else ())])
    return (*transport.connect, *_words(transport, codex.replaced(command)))


def with_script(transport: Transport, script: str) -> tuple[str, ...] | None:
    found = codex_of(transport)
    return found and _words(transport, found.replaced(f"sh -c {shlex.quote(script)}", with_rest=False))


def alone(transport: Transport) -> tuple[str, ...]:
    """The remote words of a transport of which only the way is known: a shell there, or the tmux there, with none of
    the commands that ran in them."""
    parts = commands(_text(transport))
    text = " ".join(word.raw for word in parts[0].words) if len(parts) == 1 else ""
    found = re.match(SHELL_ALONE, text) or re.match(TMUX_ALONE, text)
    if found and not re.search(r"""[$*?[{'"\\]""", found[0]):
        return _words(transport, found[0])
    return () if transport.program.opens_shell else ("sh",)


def _text(transport: Transport) -> str:
    """The remote command as a shell would read it."""
    return " ".join(transport.remote) if transport.by_shell else shlex.join(transport.remote)


def _words(transport: Transport, text: str) -> tuple[str, ...]:
    return (text,) if transport.by_shell else tuple(shlex.split(text))


def _in_text(text: str, shell: str = "") -> RemoteCodex | None:
    """The Codex in what a shell reads as one text; None where that is more than is understood here."""
    words = _start_of(without_cd(commands(text)))
    texts = [word.text for word in words]
    if not shell and command_at(texts):
        is_all = command_at(texts) == len(texts) - 1 and not text[words[-1].end :].strip()
        is_one = is_all and "$" not in words[-1].unsettled
        return _in_text(texts[-1], text[: words[-1].start]) if is_one else None
    return _plain(text, words, shell)


def _plain(text: str, words: list[Word], shell: str) -> RemoteCodex | None:
    """The Codex that these words of a text are."""
    texts = [word.text for word in words]
    program, args = split_program(texts) or ([], [])
    command = parse(args)
    if not program or any(_is_uncertain(word, word.text in command.flags) for word in words[len(program) :]):
        return None
    written = {word.text: word.raw for word in words}
    before, after = text[: words[0].start], text[words[-1].end :].rstrip()
    return RemoteCodex(
        program=" ".join(written[word] for word in program),
        flags=tuple(written[flag] for flag in command.flags),
        command=command,
        before=before,
        after=after,
        shell=shell,
    )


def _start_of(parts: list[Command]) -> list[Word]:
    """The words of the first command, without its environment; none where another Codex comes behind it."""
    if any("codex" in word for part in parts[1:] for word in part.texts):
        return []
    words = parts[0].words if parts else []
    return list(itertools.dropwhile(lambda word: word.raw in PREFIXES or is_assignment(word.text), words))


def _is_uncertain(word: Word, is_flag: bool) -> bool:
    """Whether a shell may make something else of a word, which then is an option or a prompt, who knows."""
    return bool(re.search(SEVERAL, word.bare)) if is_flag else "$" in word.unsettled
