"""The question in a pane: which key means what, and that nothing can leave it hanging or answer it by accident."""

import contextlib
import os
import pty
import sys
import time
from collections.abc import Iterator

import pytest

from codex_tmux.pane.ask_in_pane import ENTER, Choice, lines


def test_it_fits_and_lines_up() -> None:
    choices = (
        Choice(ENTER, "start a new session"),
        Choice("p", "find another"),
        Choice("q", "go to a shell"),
    )
    shown = lines("session 01a201da-7561-7551-a7df-a07aa6f38cdb had no message yet.", choices)
    assert all(len(line) <= 80 for line in shown)
    assert shown[1:] == ["  Enter  start a new session", "  p      find another", "  q      go to a shell"]


@contextlib.contextmanager
def asking() -> Iterator[tuple[int, int]]:
    """A program that asks on a terminal of its own; its process, and the other side of the terminal."""
    program = (
        "import sys; from codex_tmux.pane.ask_in_pane import *\n"
        "print('typed', flush=True); sys.stdin.readline()\n"
        "print('answer:', ask('Gone.', [Choice(ENTER, 'new'), Choice('q', 'shell')], 'q'), flush=True)"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", program])
    try:
        read_until(terminal, b"typed")
        yield pid, terminal
    finally:
        os.close(terminal)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)


def read_until(terminal: int, text: bytes) -> bytes:
    """What the program wrote until `text` is among it."""
    seen, end = b"", time.monotonic() + 10
    while text not in seen and time.monotonic() < end:
        seen += os.read(terminal, 1024)
    return seen


@pytest.mark.parametrize(
    ("typed", "given"),
    [
        *((key, "Enter") for key in (b"\r", b"\n")),
        *((key, "q") for key in (b"q", b"Q", b"\x03", b"\x04")),
        # No answer: another key, an arrow, the focus, the terminal's colour.
        *((key, "") for key in (b"x", b"\xff", b"\x1b[A", b"\x1b[I", b"\x1b]11;rgb:0/0/0\x1b\\")),
    ],
)
def test_keys(typed: bytes, given: str) -> None:
    with asking() as (_, terminal):
        # The second line is typed ahead: no answer.
        os.write(terminal, b"go\nq\r")
        assert b"Enter  new" in read_until(terminal, b"shell")
        os.write(terminal, typed)
        if not given:
            time.sleep(0.2)
            os.write(terminal, b"\r")
        wanted = f"answer: {given or 'Enter'}".encode()
        assert wanted in read_until(terminal, wanted)


def test_a_terminal_that_goes_ends_it() -> None:
    with asking() as (pid, terminal):
        os.write(terminal, b"go\n")
        read_until(terminal, b"shell")
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, 0)
