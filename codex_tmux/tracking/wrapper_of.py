"""The wrapper of the Codex that a pane runs, by the pane's command and the processes above Codex."""

import os

from codex_tmux.codex.processes.find import CodexProcess
from codex_tmux.elsewhere.wrapper import ARGUMENTS, DEFAULT_SHELL, is_unknown, of_command, of_words
from codex_tmux.paths import on_path
from codex_tmux.state.start_command import shell_words
from codex_tmux.tracking.model import Pane


def wrapper_of(pane: Pane, codex: CodexProcess) -> tuple[str, ...]:
    """What stands before the Codex of this pane, its program by its whole path; () for nothing."""
    if codex.root and pane.ours:
        return pane.launch.wrapper if pane.launch is not None else ()
    found = as_written(pane, codex)
    if not found or is_unknown(found) or found[0] == DEFAULT_SHELL:
        return found
    path = on_path(found[0], codex.path, codex.cwd) or found[0]
    return () if found[1:] == () and path == codex.program[-1] else (path, *found[1:])


def as_written(pane: Pane, codex: CodexProcess) -> tuple[str, ...]:
    if not codex.root:
        return of_words(codex.above[-1], codex.args) if codex.above else ()
    found = of_command(pane.start_command, codex.args)
    if is_unknown(found) and not codex.args and passes_arguments_on(pane, codex):
        return tuple(shell_words(pane.start_command))
    return found


def passes_arguments_on(pane: Pane, codex: CodexProcess) -> bool:
    """Whether a pane's command is a script alone that would give its arguments to Codex: only its text tells."""
    name, *more = shell_words(pane.start_command)
    path = on_path(name, codex.path, codex.cwd)
    try:
        with open(path or os.devnull, "rb") as file:
            text = file.read(64 * 1024)
    except OSError:
        return False
    return not more and text.startswith(b"#!") and ARGUMENTS.encode() in text
