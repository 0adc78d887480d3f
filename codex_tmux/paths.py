"""Where codex-tmux keeps its files, and where programs are."""

import errno
import itertools
import os
import stat
from collections.abc import Sequence


def state_dir() -> str:
    """The state directory, not necessarily there yet.

    `CODEX_TMUX_STATE_DIR`, else `codex-tmux` in `XDG_STATE_HOME`, else in `~/.local/state`, on macOS too. A `~` in the
    first is the home: where it stands in quotes, no shell has expanded it.
    """
    own = os.environ.get("CODEX_TMUX_STATE_DIR")
    if own:
        return os.path.abspath(os.path.expanduser(own))
    base = os.environ.get("XDG_STATE_HOME") or ""
    if not os.path.isabs(base):  # the XDG specification: a relative path counts as unset
        base = os.path.expanduser("~/.local/state")
    return os.path.join(base, "codex-tmux")


def first_time(name: str) -> bool:
    """Whether this was never asked before of the thing `name`, which is noted by a file, once for good."""
    try:
        # Exclusive: of two that ask at once one is told so; none where it cannot be noted.
        path = os.path.join(make_state_dir(), name)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError:
        return False
    return True


def make_state_dir() -> str:
    """The state directory, made 0700 where it was missing. Raises OSError where it cannot be."""
    path = state_dir()
    try:
        try:
            os.mkdir(path, 0o700)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.mkdir(path, 0o700)
    except FileExistsError:
        status = os.stat(path)
        if status.st_uid != os.geteuid():
            raise PermissionError(f"{path} belongs to user {status.st_uid}, not to you") from None
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "it is not a directory", path) from None
        if status.st_mode & 0o077:
            os.chmod(path, 0o700)
    return path


def on_path(name: str, path: str | None = None, cwd: str = "") -> str:
    """The program that is run by this name with the PATH `path` (None: our own), by its full path; "" for none. A part
    of PATH that is no full path counts only where `cwd`, in which it is run, is told.

    It is shutil's `which` without what that imports, which costs a hook 2 ms.
    """
    path = os.environ.get("PATH", os.defpath) if path is None else path
    if "/" in name and not cwd:
        name = os.path.abspath(name)
    for folder in [cwd] if "/" in name else path.split(os.pathsep):
        program = os.path.join(cwd, folder, name)
        if os.path.isabs(program) and os.path.isfile(program) and os.access(program, os.X_OK):
            return program
    return ""


def names_in(folder: str) -> list[str]:
    """The names in a folder; none where it cannot be read."""
    try:
        return os.listdir(folder)
    except (OSError, ValueError):
        return []


def own_words(argv: Sequence[str]) -> tuple[str, str]:
    """The codex-tmux that a command line starts, by script or by module, and its command; "" where it starts another.

    >>> own_words(["/usr/bin/python3", "-I", "/opt/bin/codex-tmux", "run"]), own_words(["vim", "codex-tmux", "run"])
    (('/opt/bin/codex-tmux', 'run'), ('', ''))
    """
    words = list(argv)
    if words and os.path.basename(words[0]).startswith("python"):
        words = list(itertools.dropwhile(lambda word: word.startswith("-"), words[1:]))
    # Versions up to November 2026 had hook.py.
    is_own = len(words) > 1 and (
        os.path.basename(words[0]) in ("codex-tmux", "hook.py") or words[0] == "codex_tmux"
    )
    return (words[0], words[1]) if is_own else ("", "")
