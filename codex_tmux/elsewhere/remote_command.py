"""The command that runs at the far end of a transport: is it a Codex, and how is it said to resume a session.

Pure. Only what is fully understood is rebuilt: a plain command line of Codex, behind `cd DIR &&`, assignments, `env`
or `exec`, or in the one argument of `sh -c`. What stands there unexpanded (`~`, `"$HOME"`) goes back as written.
"""

import os
import re
import shlex
from typing import NamedTuple

from codex_tmux.codex.commandline import CommandLine, parse, split_program
from codex_tmux.codex.script import is_assignment
from codex_tmux.codex.shells import SHELLS, command_at
from codex_tmux.elsewhere.shell_text import Word, commands
from codex_tmux.elsewhere.transport import Transport

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


def with_session(transport: Transport, session_id: str) -> tuple[str, ...] | None:
    """The transport's command line with its Codex resuming `session_id` ("": beginning a new session).

    Flags stay as they were written, prompts go. None where no conversation is in it, or one that is not understood.
    """
    found = codex_of(transport)
    if found is None:
        return None
    command = " ".join([found.program, *found.flags, *(("resume", session_id) if session_id else ())])
    return (*transport.connect, *_words(transport, found.replaced(command)))


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
    parts = commands(text)
    while (
        len(parts) > 1
        and len(parts[0].words) == 2
        and parts[0].texts[0] == "cd"
        and parts[0].then in ("&&", ";")
    ):
        parts = parts[1:]
    if not parts or any("codex" in word for part in parts[1:] for word in part.texts):
        return None
    words = parts[0].words
    while words and (words[0].raw in ("exec", "env", "command") or is_assignment(words[0].text)):
        words = words[1:]
    texts = [word.text for word in words]
    if words and not shell and os.path.basename(texts[0]) in SHELLS:
        is_one = (
            len(parts) == 1 and 0 < command_at(texts) == len(texts) - 1 and "$" not in words[-1].unsettled
        )
        return _in_text(texts[-1], text[: words[-1].start]) if is_one else None
    split = split_program(texts)
    if split is None:
        return None
    program = " ".join(word.raw for word in words[: len(split[0])])
    command = parse(split[1])
    if any(_is_uncertain(word, word.text in command.flags) for word in words):
        return None
    written = {word.text: word.raw for word in words}
    flags = tuple(written[flag] for flag in command.flags)
    before, after = text[: words[0].start], text[words[-1].end :].rstrip()
    return RemoteCodex(program, flags, command, before, after, shell)


def _is_uncertain(word: Word, is_flag: bool) -> bool:
    """Whether a shell may make something else of a word, which then is an option or a prompt, who knows."""
    return bool(re.search(SEVERAL, word.bare)) if is_flag else "$" in word.unsettled
