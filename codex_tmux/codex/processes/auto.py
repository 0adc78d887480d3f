"""Chooses who is asked for processes: /proc where there is one, else psutil.

CODEX_TMUX_PROCESSES=psutil has psutil asked on Linux too, which is how that half is tested.
"""

import os

from codex_tmux.codex.processes import linux
from codex_tmux.codex.processes.process import System


def system() -> System:
    if os.path.exists("/proc/self/stat") and os.environ.get("CODEX_TMUX_PROCESSES") != "psutil":
        return linux
    from codex_tmux.codex.processes import other  # psutil

    return other
