"""Will the next tmux server load the plugin, by a line that an upgrade of Python does not break?"""

import os
import re

from codex_tmux.launcher import program, typed
from codex_tmux.setup import tmux_conf
from codex_tmux.setup.doctor_facts import BROKEN, OK, WARNING, DoctorFacts, Finding

LOADED_FILE = re.compile(r"(~?/[^'\"]*?/(?:codex\.tmux|codex-tmux))(?=['\"\s]|$)")
PYTHON = re.compile(r"/python3\.\d+/")


def check_conf(facts: DoctorFacts) -> Finding:
    found = tmux_conf.loading()
    if found:
        return of_line(found, tmux_conf.load_line(program()))
    return Finding(OK, f"{tmux_conf.place()} does not load the plugin; a file that it sources may do so")


def of_line(found: tmux_conf.Loading, wanted: bytes) -> Finding:
    """The finding for the line that loads the plugin; `wanted` is what `install` would write."""
    fix = typed("install") if found.ours else f"in {found.path}, write: {wanted.decode(errors='replace')}"
    if found.line == wanted:
        return Finding(OK, f"{found.path} loads the plugin")
    if gone := gone_file(found.text):
        detail = f"{found.path} loads {gone}, which is gone: the next tmux server starts without the plugin"
        return Finding(BROKEN, detail, fix)
    if found.ours:
        return Finding(WARNING, f"{found.path} loads another copy: {found.text}", fix)
    if PYTHON.search(found.text):
        detail = f"{found.path} names a version of Python: an upgrade will turn the plugin off"
        return Finding(WARNING, detail, fix)
    return Finding(OK, f"{found.path} loads the plugin: {found.text}")


def gone_file(line: str) -> str:
    """The file that a line of tmux.conf runs, if it is not there; "" otherwise.

    >>> gone_file("run-shell '/nowhere/python3.10/codex.tmux'")
    '/nowhere/python3.10/codex.tmux'
    """
    found = None if "@plugin" in line else LOADED_FILE.search(line)
    return found[1] if found and not os.path.exists(os.path.expanduser(found[1])) else ""
