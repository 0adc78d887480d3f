"""The log: one event a line, `time event key=value …`, in the state directory. Never raises, never prints.

How much of it is written, `@codex-log-level` says: `error`, what went wrong; `info`, also what was done and why;
`debug`, also what every sync saw. Until the option is read, it is `info`.
"""

import errno
import os
import time

from codex_tmux.paths import make_state_dir, state_dir

NAME = "log"
LIMIT = 512 * 1024
"""Bytes after which the log becomes `log.1`; the one before that is dropped."""

ERRORS = frozenset(
    "action.failed daemon.no_answer hooks.missing lock.timeout pane.not_asleep state.broken state.usable_again "
    "state.unusable sync.crashed sync.failed exec.not_saved".split()
)
"""The events that tell what went wrong, or is well again."""
_level = "info"
FOR_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK


def set_level(name: str) -> None:
    """From here on write what `@codex-log-level` says; anything but its three words is `info`."""
    global _level
    _level = name if name in ("error", "debug") else "info"


def debugging() -> bool:
    """Whether to log what only matters to whoever looks for a fault."""
    return _level == "debug"


def log(event: str, **fields: object) -> None:
    """Append one event. A log that cannot be written is let go: nothing may fail for its sake."""
    if _level == "error" and event not in ERRORS:
        return
    words = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), event]
    words += [f"{name}={field_text(value)}" for name, value in fields.items() if value is not None]
    try:
        path = os.path.join(make_state_dir(), NAME)
        fd = os.open(path, FOR_APPENDING | os.O_CREAT, 0o600)
        try:
            os.write(fd, (" ".join(words) + "\n").encode("utf-8", "backslashreplace"))
            if os.fstat(fd).st_size > LIMIT:
                os.replace(path, path + ".1")
        finally:
            os.close(fd)
    except OSError:
        pass


def unwritable() -> str:
    """Why the log cannot be written, "" where it can, or is not there yet. Writes nothing."""
    try:
        fd = os.open(os.path.join(state_dir(), NAME), FOR_APPENDING)
    except FileNotFoundError:
        return ""
    except OSError as e:
        return e.strerror or str(e)
    try:
        return "" if os.fstatvfs(fd).f_bavail else os.strerror(errno.ENOSPC)
    finally:
        os.close(fd)


def raised_at(error: Exception) -> str:
    """The four innermost places of an exception, `file.py:line`, the last first. traceback takes 5 ms to import."""
    places = []
    at = error.__traceback__
    while at is not None:
        places.append(f"{os.path.basename(at.tb_frame.f_code.co_filename)}:{at.tb_lineno}")
        at = at.tb_next
    return " < ".join(places[:-5:-1])


def field_text(value: object) -> str:
    """`value` on one line, printable, quoted where it holds a space or a quote."""
    text = str(value)
    if text.isprintable() and not any(c in text for c in " \"'=\\") and text:
        return text
    return '"' + "".join(printable(c) for c in text) + '"'


def printable(char: str) -> str:
    """`char` as it may stand in the log: control characters and direction marks as escapes."""
    if char in '"\\':
        return "\\" + char
    return char if char.isprintable() else char.encode("unicode_escape").decode()
