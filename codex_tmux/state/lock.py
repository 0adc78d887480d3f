"""Locks in the state directory: one writer of the state, one sync a tmux server."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from codex_tmux.codex.processes.held import lock_owner
from codex_tmux.errors import Problem
from codex_tmux.log import log
from codex_tmux.paths import make_state_dir, state_dir

LOCK_WAIT = 5.0
"""Seconds to wait for another writer before giving up."""


class StateError(Problem):
    """The state file cannot be used; the message says why and what to do."""


class Held(StateError):
    """Another process keeps a lock."""


@contextmanager
def lock(name: str = "state", wait: float = LOCK_WAIT, otherwise: str = "") -> Iterator[None]:
    """Hold the lock `name` of the state directory; where that holds none, the directory `otherwise` itself, if given.

    Raises Held when another process keeps it for more than `wait` seconds, so that a stopped holder hangs nobody,
    and StateError where it cannot be had. The kernel lets go of it when its holder dies.
    """
    fd, path = opened(name, otherwise)
    try:
        take(fd, path, wait)
        yield
    finally:
        # One that cannot be closed is closed all the same, or worked around; and what was done under it is done.
        with suppress(OSError):
            os.close(fd)


def opened(name: str, otherwise: str) -> tuple[int, str]:
    """What holds the lock, open, and its path. Raises StateError."""
    path = os.path.join(state_dir(), f"{name}.lock")
    try:
        make_state_dir()
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), path
    except OSError as e:
        try:
            return os.open(otherwise, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), otherwise
        except OSError:
            raise StateError(f"{e.filename or state_dir()}: {reason(e)}") from e


def take(fd: int, path: str, wait: float) -> None:
    """Take the lock. Raises Held."""
    end = time.monotonic() + wait
    delay = 0.001
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as e:
            if time.monotonic() > end:
                log("lock.timeout", lock=path, waited=wait)
                holder = lock_owner(path) or "unknown"
                text = (
                    f"the lock has been held for {wait:g} s by another codex-tmux (process {holder}): {path}"
                )
                raise Held(text) from e
            # flock has no timeout of its own; a signal-driven one would not survive being imported.
            time.sleep(delay)
            delay = min(delay * 2, 0.02)


def reason(e: OSError) -> str:
    """Why the disk refuses, and what to do about it."""
    said = e.strerror or str(e)
    if e.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{said}; make room there"
    if e.errno == errno.EROFS:
        return f"{said}; make it writable, or name another place in CODEX_TMUX_STATE_DIR"
    if e.errno in (errno.EACCES, errno.EPERM, None):
        return f"{said}; check who owns it"
    return f"{said}; check that disk, or name another place in CODEX_TMUX_STATE_DIR"
