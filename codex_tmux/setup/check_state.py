"""Can the state be kept, and read?"""

import os
import shlex
import stat

from codex_tmux import log
from codex_tmux.launcher import typed
from codex_tmux.paths import state_dir
from codex_tmux.setup.doctor_facts import BROKEN, OK, WARNING, DoctorFacts, Finding
from codex_tmux.state import store


def check_state(facts: DoctorFacts) -> Finding:
    """The directory, the last sync, the state file, the log: the first of them that is not in order."""
    directory = state_dir()
    path, quoted = os.path.join(directory, store.NAME), shlex.quote(directory)
    if not os.path.lexists(directory):
        return Finding(OK, f"{path} (not created yet)")
    if found := of_directory(directory):
        return found
    if fault := facts.server.option("@codex_fault"):
        return Finding(BROKEN, f"the last sync could not save: {fault}", f"df -h {quoted}; {typed('sync')}")
    if why := log.unwritable():
        fix = f"df -h {quoted}; mv {quoted}/{log.NAME} {quoted}/{log.NAME}.old"
        return Finding(WARNING, f"nothing is logged: {directory}/{log.NAME} cannot be written: {why}", fix)
    return of_state_file(path)


def of_directory(directory: str) -> Finding | None:
    quoted = shlex.quote(directory)
    status = os.stat(directory)
    if not stat.S_ISDIR(status.st_mode):
        return Finding(BROKEN, f"{directory} is not a directory", f"mv {quoted} {quoted}.old")
    if status.st_uid != os.geteuid():
        detail = f"{directory} belongs to user {status.st_uid}, not to you"
        return Finding(BROKEN, detail, f"sudo chown -R $(id -u) {quoted}")
    # Root may write anywhere: the mode is what tells.
    if status.st_mode & 0o700 != 0o700 or not os.access(directory, os.W_OK):
        return Finding(BROKEN, f"{directory} cannot be written", f"chmod 700 {quoted}; df -h {quoted}")
    if status.st_mode & 0o077:
        detail = f"{directory} is open to others (mode {stat.S_IMODE(status.st_mode):o})"
        return Finding(WARNING, detail, f"chmod 700 {quoted}")
    return None


def of_state_file(path: str) -> Finding:
    quoted = shlex.quote(path)
    try:
        records, broken = store.read()
    except store.NewerVersion as e:
        return Finding(BROKEN, str(e), "pipx upgrade codex-tmux")
    except store.StateError as e:
        fix = f"mv {quoted} {quoted}.old" if os.access(path, os.R_OK) else f"chmod 600 {quoted}"
        return Finding(BROKEN, str(e), fix)
    if broken:
        detail = f"{path}: {broken}; the next command sets it aside and uses the last good one"
        return Finding(BROKEN, detail, typed("list", "--all"))
    return Finding(OK, f"{path} ({len(records)} record{'' if len(records) == 1 else 's'})")
