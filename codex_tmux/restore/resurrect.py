"""tmux-resurrect beside us: it rebuilds the layout, we resume the sessions in its panes."""

import os
import shlex

from codex_tmux.restore.build import EARLY, WAITING
from codex_tmux.tmux.server import Server

POST = "post-restore-all"
PRE = "pre-restore-pane-processes"
"""tmux-resurrect's hooks that we chain into: behind all, and before it types commands into panes."""

CODEX_WORDS = ("codex", "node", "codex-tmux")


def would_start_codex(processes: str) -> bool:
    """Whether `@resurrect-processes` of this value makes tmux-resurrect start Codex by itself.

    >>> would_start_codex("vim ssh")
    False
    >>> would_start_codex('ssh "~codex->codex resume *"')
    True
    """
    if processes.strip() == ":all:":
        return True
    try:
        words = shlex.split(processes)
    except ValueError:
        words = processes.split()
    matched = (word.partition("->")[0].lstrip("~").split(" ")[0] for word in words)
    return any(os.path.basename(name) in CODEX_WORDS for name in matched)


def release_early(server: Server) -> list[str]:
    """Let the panes that were filled before tmux-resurrect typed its commands wake when shown; their ids."""
    lines = (server.try_run("list-panes", "-a", "-F", f"#{{pane_id}} #{{{EARLY}}}") or "").splitlines()
    panes = [line.split(" ")[0] for line in dict.fromkeys(lines) if line.endswith(" 1")]
    for pane in panes:
        server.try_run(
            *("set-option", "-p", "-t", pane, WAITING, "1", ";"),
            *("set-option", "-pu", "-t", pane, EARLY),
        )
    return panes
