"""tmux-resurrect beside us: it rebuilds the layout, we resume the sessions in its panes."""

import os
import shlex

from codex_tmux.sleeping.waking import EARLY
from codex_tmux.state.pane_options import Option
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


def release_early(server: Server, waiting: str) -> list[str]:
    """Let the panes that were filled before tmux-resurrect typed its commands wait as the others do; their ids."""
    are_early = f"#{{==:#{{{Option.WAITING}}},{EARLY}}}"
    panes = (server.try_run("list-panes", "-a", "-f", are_early, "-F", "#{pane_id}") or "").splitlines()
    for pane in panes:
        server.try_run("set-option", "-p", "-t", pane, Option.WAITING, waiting)
    return list(dict.fromkeys(panes))
