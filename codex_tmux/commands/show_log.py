"""`codex-tmux log`: what was saved, restored, refused, and why."""

import os
import sys
from collections import deque

import click

from codex_tmux.errors import Problem
from codex_tmux.log import NAME
from codex_tmux.paths import state_dir
from codex_tmux.plain_text import plain_line

LAST = 10
"""Lines that -f shows of what was there before."""


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
    if follow and lines is None:
        lines = LAST
    full, begun = whole_lines(f"{path}.1"), whole_lines(path)
    past = (full + begun).split(b"\n")[:-1]
    for line in deque(past, lines):
        click.echo(plain_line(line.decode("utf-8", "replace")))
    if follow:
        # It goes on in the next log when this one is full; what it says of that is no entry.
        sys.stdout.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
        os.execvp("tail", ["tail", "-c", f"+{len(begun) + 1}", "-F", path])
    if not past:
        click.echo("nothing has been logged yet", err=True)


def whole_lines(path: str) -> bytes:
    """What a log has, but for a line that is not at its end yet; b"" where there is none. Raises Problem."""
    try:
        # O_NONBLOCK: a FIFO in its place must not hang us.
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return b""
    except OSError as e:
        raise Problem(f"{path} cannot be read: {e.strerror}; check its owner and mode") from e
    return data[: data.rfind(b"\n") + 1]
