"""The check of `doctor` that looks at tmux.conf: will the next tmux server load the plugin?"""

from __future__ import annotations

import os
import re

from codex_tmux.launcher import program, typed
from codex_tmux.setup import tmux_conf
from codex_tmux.setup.doctor_facts import BROKEN, OK, WARNING, DoctorFacts, Finding
from codex_tmux.setup.user_file import UserFile

LOADED_FILE = re.compile(r"(~?/[^'\"]*?/(?:codex\.tmux|codex-tmux))(?=['\"\s]|$)")
PYTHON = re.compile(r"/python3\.\d+/")


def check_conf(facts: DoctorFacts) -> Finding:
    """Does tmux.conf load the plugin, by a line that an upgrade of Python does not break?"""
    ours = tmux_conf.place_of_ours()
    if ours:
        return of_our_line(str(ours), tmux_conf.line_of_ours(UserFile(ours).read()), program())
    elsewhere = tmux_conf.other_line()
    if elsewhere:
        return of_other_line(str(elsewhere[0]), elsewhere[1])
    detail = f"no line in {tmux_conf.place()}; a file that it sources may load the plugin"
    return Finding(OK, detail)


def of_our_line(path: str, line: bytes, helper: str) -> Finding:
    """The finding for the line that `install` wrote."""
    if line == tmux_conf.load_line(helper):
        return Finding(OK, f"{path} loads the plugin")
    text = line.decode(errors="replace")
    gone = gone_file(text)
    if gone:
        detail = f"{path} loads {gone}, which is gone: the next tmux server starts without the plugin"
        return Finding(BROKEN, detail, typed("install"))
    return Finding(WARNING, f"{path} loads another copy: {text}", typed("install"))


def of_other_line(path: str, line: str) -> Finding:
    """The finding for a line that somebody wrote by hand, or for TPM."""
    gone = gone_file(line)
    better = f"in {path}, write: {tmux_conf.load_line(program()).decode(errors='replace')}"
    if gone:
        detail = f"{path} loads {gone}, which is gone: the next tmux server starts without the plugin"
        return Finding(BROKEN, detail, better)
    if PYTHON.search(line):
        detail = f"{path} names a version of Python: an upgrade will turn the plugin off"
        return Finding(WARNING, detail, better)
    return Finding(OK, f"{path} loads the plugin: {line}")


def gone_file(line: str) -> str:
    """The file that a line of tmux.conf runs, if it is not there; "" otherwise.

    >>> gone_file("run-shell '/nowhere/python3.10/codex.tmux'")
    '/nowhere/python3.10/codex.tmux'
    """
    found = None if "@plugin" in line else LOADED_FILE.search(line)
    return found[1] if found and not os.path.exists(os.path.expanduser(found[1])) else ""
