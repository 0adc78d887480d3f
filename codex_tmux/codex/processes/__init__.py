"""Facts about processes: which Codex a pane runs, what it holds open, whether a shell waits for a line.

A process may vanish or belong to somebody else at any moment: then there is no answer, never an error.
"""

from codex_tmux.codex.processes.held import lock_owner as lock_owner
from codex_tmux.codex.processes.table import Processes as Processes
