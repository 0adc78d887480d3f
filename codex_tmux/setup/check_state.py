"""Can the state be kept, and read?"""

import errno
import os
import shlex
import stat

from codex_tmux import log
from codex_tmux.launcher import typed
from codex_tmux.paths import state_dir
from codex_tmux.setup.doctor_facts import BROKEN, OK, WARNING, DoctorFacts, Finding
from codex_tmux.state import store


def check_state(facts: DoctorFacts) -> Finding:
    """The directory, the state file, the last sync, the log: the first of them that is not in order."""
    directory = state_dir()
    found = of_directory(directory) or of_state_file(os.path.join(directory, store.NAME))
    if found.status != OK or not os.path.isdir(directory):
        return found
    room = f"df -h {shlex.quote(directory)}"
    fault = facts.options.get("@codex_fault")
    if fault:
        return Finding(BROKEN, f"the last sync could not save: {fault}", f"{room}; {typed('sync')}")
    if why := log.unwritable():
        path = shlex.quote(os.path.join(directory, log.NAME))
        fix = room if why == os.strerror(errno.ENOSPC) else f"mv {path} {path}.old"
        return Finding(WARNING, f"nothing is logged: {path} cannot be written: {why}", fix)
    return found


def of_directory(directory: str) -> Finding | None:
    quoted = shlex.quote(directory)
    try:
        status = os.stat(directory)
    except FileNotFoundError:
        return of_missing_directory(directory)
    if not stat.S_ISDIR(status.st_mode):
        return Finding(BROKEN, f"{directory} is not a directory", f"mv {quoted} {quoted}.old")
    if status.st_uid != os.geteuid():
        detail = f"{directory} belongs to user {status.st_uid}, not to you"
        return Finding(BROKEN, detail, f"sudo chown -R $(id -u) {quoted}")
    if os.statvfs(directory).f_flag & os.ST_RDONLY:
        detail = f"{directory} is on a file system that is mounted read-only"
        return Finding(BROKEN, detail, f"sudo mount -o remount,rw {shlex.quote(mount_of(directory))}")
    # Root may write anywhere: the mode is what tells.
    if status.st_mode & 0o700 != 0o700 or not os.access(directory, os.W_OK | os.X_OK):
        return Finding(BROKEN, f"{directory} cannot be written", f"chmod 700 {quoted}")
    if status.st_mode & 0o077:
        detail = f"{directory} is open to others (mode {stat.S_IMODE(status.st_mode):o})"
        return Finding(WARNING, detail, f"chmod 700 {quoted}")
    return None


def mount_of(path: str) -> str:
    path = os.path.realpath(path)
    while not os.path.ismount(path):
        path = os.path.dirname(path)
    return path


def of_missing_directory(directory: str) -> Finding:
    parent = os.path.dirname(directory)
    while not os.path.exists(parent):
        parent = os.path.dirname(parent)
    if os.access(parent, os.W_OK | os.X_OK):
        return Finding(OK, f"{directory} (not created yet)")
    return Finding(BROKEN, f"{directory} cannot be created", f"mkdir -p -m 700 {shlex.quote(directory)}")


def of_state_file(path: str) -> Finding:
    quoted = shlex.quote(path)
    try:
        records, wrong = store.parse(store.read_file(path))
    except FileNotFoundError:
        return Finding(OK, f"{path} (not created yet)")
    except store.NewerVersion as e:
        return Finding(BROKEN, str(e), "pipx upgrade codex-tmux")
    except store.StateError as e:
        return Finding(BROKEN, str(e), f"mv {quoted} {quoted}.old")
    except (ValueError, RecursionError) as e:
        why = (str(e) or type(e).__name__).splitlines()[0]
        detail = f"{path} cannot be parsed ({why}); the next command sets it aside and uses the last good one"
        return Finding(BROKEN, detail, typed("list", "--all"))
    except OSError as e:
        return Finding(BROKEN, f"{path} cannot be read: {e.strerror}", f"chmod 600 {quoted}")
    if wrong:
        return Finding(WARNING, f"{path}: {wrong[0]}", typed("list", "--all"))
    return Finding(OK, f"{path} ({len(records)} record{'' if len(records) == 1 else 's'})")
