"""Facts about processes: which Codex a pane runs, what it holds open, whether a shell waits for a line.

A process may vanish or belong to somebody else at any moment: then there is no answer, never an error.
"""

from codex_tmux.codex.processes.find import (
    SHELLS,
    CodexProcess,
    Process,
    Processes,
    edits_lines,
    find_codex,
    groups_of,
    interrupts,
    is_app_server,
    is_typed_into,
    jobs_of,
    let_interrupt,
    lock_owner,
    open_sessions,
    runs_one_command,
    sessions_held,
    shell_is_idle,
)

__all__ = [
    "SHELLS",
    "CodexProcess",
    "Process",
    "Processes",
    "edits_lines",
    "find_codex",
    "groups_of",
    "interrupts",
    "is_app_server",
    "is_typed_into",
    "jobs_of",
    "let_interrupt",
    "lock_owner",
    "open_sessions",
    "runs_one_command",
    "sessions_held",
    "shell_is_idle",
]
