"""The question in a pane: which key means what, and that nothing can leave it hanging or answer it by accident."""

import contextlib
import os
import pty
import sys
import time
from collections.abc import Iterator

import pytest

from codex_tmux.pane.ask_in_pane import ENTER, Choice, answer, lines

CHOICES = (Choice(ENTER, "start a new session"), Choice("p", "find another"), Choice("q", "go to a shell"))


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        (b"\r", ENTER),
        (b"\n", ENTER),
        (b"p", "p"),
        (b"P", "p"),
        (b"q", "q"),
        (b"quit", "q"),
        (b"\x03", "q"),
        (b"\x04", "q"),
        (b"", "q"),
        (b"x", None),
        (b" ", None),
        (b"\x1b", None),
        (b"\x1b[A", None),
        (b"\x1b]11;rgb:0000/0000/0000\x07", None),
        (b"\x1b[I", None),
        ("é".encode(), None),
        (b"\xff", None),
        (b"x\x1b[A\r", ENTER),
        (b"\x1bOPq", "q"),
        (b"\x1b]11;rgb:0/0/0\x1b\\q", "q"),
    ],
)
def test_answers(typed: bytes, means: str | None) -> None:
    assert answer(typed, CHOICES, "q") == means


def test_it_fits_and_lines_up() -> None:
    shown = lines("session 01a201da-7561-7551-a7df-a07aa6f38cdb had no message yet.", CHOICES)
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
    ("typed", "given"), [(b"\r", b"Enter"), (b"q", b"q"), (b"\x03", b"q"), (b"xy\x1b[A", None)]
)
def test_on_a_terminal(typed: bytes, given: bytes | None) -> None:
    with asking() as (_, terminal):
        # The second line is typed ahead: no answer.
        os.write(terminal, b"go\nq\r")
        assert b"Enter  new" in read_until(terminal, b"shell")
        os.write(terminal, typed)
        if given is None:
            time.sleep(0.3)
            os.write(terminal, b"\r")
        assert b"answer: " + (given or b"Enter") in read_until(terminal, b"answer: " + (given or b"Enter"))


def test_a_terminal_that_goes_ends_it() -> None:
    with asking() as (pid, terminal):
        os.write(terminal, b"go\n")
        read_until(terminal, b"shell")
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, 0)
