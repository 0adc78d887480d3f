"""Can tmux start the helper, is it this one, and will the next tmux server load the plugin?"""

import os
import re
import shlex
import shutil
import subprocess
import sys

from codex_tmux import __version__
from codex_tmux.launcher import program, typed
from codex_tmux.setup import tmux_conf
from codex_tmux.setup.doctor_facts import BROKEN, OK, WARNING, DoctorFacts, Finding
from codex_tmux.state.start_command import helper_named

LOADED_FILE = re.compile(r"(~?/[^'\"]*?/(?:codex\.tmux|codex-tmux))(?=['\"\s]|$)")


def check_helper(facts: DoctorFacts) -> Finding:
    helper = helper_named(facts.server.option("@codex_word"))
    found = shutil.which("codex-tmux", path=facts.path) or sys.argv[0]
    choose = (
        f"tmux set-option -g @codex-tmux-bin {shlex.quote(os.path.abspath(found))}; {facts.load_command()}"
    )
    if not helper:
        return Finding(BROKEN, "not set in tmux", choose)
    said = version_line(helper)
    if not said.startswith("codex-tmux"):
        return Finding(BROKEN, f"{helper} does not run: is it still installed?", choose)
    version = said.split()[-1]
    if version != __version__:
        return Finding(WARNING, f"{helper} is codex-tmux {version}, this one is {__version__}", choose)
    return Finding(OK, f"{helper} ({version})")


def version_line(helper: str) -> str:
    words = [helper, "--version"]
    try:
        return subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=True
        ).stdout.strip()
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""


def check_conf(facts: DoctorFacts) -> Finding:
    found = tmux_conf.loading()
    if not found:
        return Finding(OK, f"{tmux_conf.place()} does not load the plugin; a file that it sources may do so")
    wanted = tmux_conf.load_line(program())
    fix = typed("install") if found.ours else f"in {found.path}, write: {wanted.decode(errors='replace')}"
    if gone := gone_file(found.text):
        detail = f"{found.path} loads {gone}, which is gone: the next tmux server starts without the plugin"
        return Finding(BROKEN, detail, fix)
    if found.ours and found.line != wanted:
        return Finding(WARNING, f"{found.path} loads another copy: {found.text}", fix)
    return Finding(OK, f"{found.path} loads the plugin: {found.text}")


def gone_file(line: str) -> str:
    """The file that a line of tmux.conf runs, if it is not there; "" otherwise.

    >>> gone_file("run-shell '/nowhere/python3.10/codex.tmux'")
    '/nowhere/python3.10/codex.tmux'
    """
    found = None if "@plugin" in line else LOADED_FILE.search(line)
    return found[1] if found and not os.path.exists(os.path.expanduser(found[1])) else ""
