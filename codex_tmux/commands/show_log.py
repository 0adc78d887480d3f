"""`codex-tmux log`: what was saved, restored, refused, and why."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Iterator

import click

from codex_tmux.errors import Problem
from codex_tmux.log import NAME
from codex_tmux.paths import state_dir
from codex_tmux.plain_text import plain_line

LAST = 10
"""Lines that -f shows of what was there before."""
LOOK_EVERY = 0.2
"""Seconds between two looks of -f: only while somebody watches."""


@click.command(epilog="Example: codex-tmux log -f")
@click.option("-f", "--follow", is_flag=True, help="Follow new entries.")
@click.option(
    "-n", "--lines", type=click.IntRange(min=0), metavar="N", help="The last N lines (with -f: 10)."
)
def command(follow: bool, lines: int | None) -> None:
    """Print what was saved, restored and refused, and why.

    Each line is one event: `time event key=value …`. The tmux option @codex-log-level sets the detail: error, info (the
    default) or debug.
    """
    path = os.path.join(state_dir(), NAME)
    follower = Follower(path)
    if follow and lines is None:
        lines = LAST
    past = follower.new_lines()
    try:
        for line in past if lines is None else deque(past, lines):
            click.echo(plain_line(line))
        if not follow and not os.path.exists(path):
            click.echo("nothing has been logged yet", err=True)
        while follow:
            sys.stdout.flush()
            time.sleep(LOOK_EVERY)
            for line in follower.new_lines():
                click.echo(plain_line(line))
    except KeyboardInterrupt:
        if not follow:
            raise
    finally:
        follower.close()


class Follower:
    """The lines of a log that becomes `<path>.1` when it is full, while others write it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = -1
        self.begun = False
        self.rest = b""

    def new_lines(self) -> Iterator[str]:
        """The lines that came since the last call; at the first, all there are. Raises Problem."""
        if not self.begun:
            self.begun = True
            yield from self.whole(f"{self.path}.1")
            self.open()
        while True:
            yield from self.read()
            if not self.was_replaced():
                return
            # What was written between the last read and the rename is in the file we still hold.
            yield from self.read()
            old = self.close()
            # It was full twice within one look: there is a whole log between ours and the one that is written now.
            if old is not None and file_id(f"{self.path}.1") not in (old, None):
                yield from self.whole(f"{self.path}.1")
            self.open()

    def read(self) -> Iterator[str]:
        """The whole lines behind where the last read ended."""
        if self.fd < 0:
            return
        if os.fstat(self.fd).st_size < os.lseek(self.fd, 0, os.SEEK_CUR):
            os.lseek(self.fd, 0, os.SEEK_SET)  # emptied by hand
            self.rest = b""
        while chunk := os.read(self.fd, 1 << 16):
            *lines, self.rest = (self.rest + chunk).split(b"\n")
            for line in lines:
                yield line.decode("utf-8", "replace")

    def open(self) -> None:
        """Open the log that is written now; it may not be there yet."""
        self.fd = open_file(self.path)
        self.rest = b""

    def close(self) -> tuple[int, int] | None:
        """Let go of the open log; which file it was."""
        if self.fd < 0:
            return None
        status = os.fstat(self.fd)
        os.close(self.fd)
        self.fd = -1
        return status.st_dev, status.st_ino

    def was_replaced(self) -> bool:
        """Whether the path now names another file than the open one."""
        now = file_id(self.path)
        if self.fd < 0:
            return now is not None
        status = os.fstat(self.fd)
        return now is not None and now != (status.st_dev, status.st_ino)

    def whole(self, path: str) -> Iterator[str]:
        """All lines of a log that nobody writes any more."""
        fd = open_file(path)
        if fd >= 0:
            with os.fdopen(fd, "rb") as file:
                for line in file:
                    yield line.decode("utf-8", "replace").removesuffix("\n")


def file_id(path: str) -> tuple[int, int] | None:
    """Which file a path names, None for none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def open_file(path: str) -> int:
    """A descriptor for a log; -1 where there is none. Raises Problem where it cannot be read."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return -1
    except OSError as e:
        raise Problem(f"{path} cannot be read: {e.strerror}; check its owner and mode") from e
