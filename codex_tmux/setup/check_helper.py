"""Can tmux start the helper, is it this one, and does one of them hang?"""

import os
import shlex
import shutil
import subprocess
import sys
import time

from codex_tmux import __version__
from codex_tmux.codex.processes.held import lock_owner
from codex_tmux.codex.processes.table import Processes
from codex_tmux.paths import names_in, state_dir
from codex_tmux.plain_text import plain_line
from codex_tmux.setup.doctor_facts import BROKEN, OK, WARNING, DoctorFacts, Finding
from codex_tmux.state.start_command import helper_named

HANGS_AFTER = 3.0
"""Seconds after which a helper that keeps a lock hangs: a sync takes a moment."""


def check_helper(facts: DoctorFacts) -> Finding:
    helper = helper_named(facts.options.get("@codex_word", ""))
    found = shutil.which("codex-tmux", path=facts.path) or sys.argv[0]
    choose = (
        f"tmux set-option -g @codex-tmux-bin {shlex.quote(os.path.abspath(found))}; {facts.load_command()}"
    )
    if not helper:
        return Finding(BROKEN, "not set in tmux", choose)
    if not os.access(helper, os.X_OK) or os.path.isdir(helper):
        return Finding(BROKEN, f"{helper} cannot be run: is it still installed?", choose)
    said = version_line(helper)
    if not said.startswith("codex-tmux"):
        return Finding(BROKEN, f"{helper} does not run", choose)
    if hanging := one_that_hangs():
        return hanging
    version = said.split()[-1]
    if version != __version__:
        return Finding(WARNING, f"{helper} is codex-tmux {version}, this one is {__version__}", choose)
    chosen = os.path.expanduser(facts.options.get("@codex-tmux-bin", ""))
    if chosen and os.path.realpath(chosen) != os.path.realpath(helper):
        return Finding(WARNING, f"@codex-tmux-bin is {chosen}, but {helper} is used", facts.load_command())
    return Finding(OK, f"{helper} ({version})")


def version_line(helper: str) -> str:
    words = [helper, "--version"]
    try:
        return subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=True
        ).stdout.strip()
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""


def one_that_hangs() -> Finding | None:
    directory = state_dir()
    paths = [os.path.join(directory, n) for n in sorted(names_in(directory)) if n.endswith(".lock")]
    held = {path: pid for path in paths if (pid := lock_owner(path)) is not None}
    if held:
        time.sleep(HANGS_AFTER)
    for path, pid in held.items():
        if lock_owner(path) == pid:
            command = plain_line(shlex.join(Processes().argv(pid)))[:80]
            detail = f"process {pid} hangs: it has held {path} for {HANGS_AFTER:g} s ({command})"
            return Finding(BROKEN, detail, f"kill -CONT {pid}; kill {pid}")
    return None
