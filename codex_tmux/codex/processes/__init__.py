"""Facts about processes: which Codex a pane runs, what it holds open, whether a shell waits for a line.

A process may vanish or belong to somebody else at any moment: then there is no answer, never an error.
"""

from codex_tmux.codex.commandline import is_app_server
from codex_tmux.codex.processes.find import CodexProcess, find_codex
from codex_tmux.codex.processes.held import lock_owner, sessions_held
from codex_tmux.codex.processes.process import Process
from codex_tmux.codex.processes.processes import Processes
from codex_tmux.codex.processes.terminal import (
    edits_lines,
    interrupts,
    jobs_of,
    let_interrupt,
    shell_is_idle,
)
from codex_tmux.codex.shells import SHELLS, is_typed_into, runs_one_command

__all__ = [
    "SHELLS",
    "CodexProcess",
    "Process",
    "Processes",
    "edits_lines",
    "find_codex",
    "interrupts",
    "is_app_server",
    "is_typed_into",
    "jobs_of",
    "let_interrupt",
    "lock_owner",
    "runs_one_command",
    "sessions_held",
    "shell_is_idle",
]
