"""A tmux client on a pseudo-terminal, standing in for a person's terminal."""

import contextlib
import fcntl
import os
import re
import select
import struct
import subprocess
import termios
import threading

# What a terminal is asked at start, and what one with a light-on-dark palette answers.
COLOURS = {b"10": b"rgb:ffff/ffff/ffff", b"11": b"rgb:0000/0000/0000"}
COLOUR_QUERY = re.compile(rb"\x1b\](10|11);\?(?:\x07|\x1b\\)")
DEVICE_QUERY = re.compile(rb"\x1b\[(>?)0?c")
LONGEST_QUERY = 16
"""Bytes kept from one read to the next: a query may arrive in two."""
KEPT_OUTPUT = 1 << 20


class Client:
    """`command` on a terminal of `width` x `height`: drains its output, answers its questions, until `close`.

    `output` is what the terminal got so far, escape sequences and all (the last mebibyte).
    """

    def __init__(self, command: list[str], env: dict[str, str], width: int, height: int) -> None:
        self.output = b""
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        try:
            self.process = subprocess.Popen(
                command, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
            )
        finally:
            os.close(slave)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def send(self, keys: bytes) -> None:
        """Press keys, given as the bytes a terminal would send."""
        os.write(self._master, keys)

    def drained(self) -> bool:
        """Whether the command has ended and all that it wrote is in `output`."""
        return self.process.poll() is not None and not self._thread.is_alive()

    def close(self) -> None:
        """End the client; a second call does nothing."""
        if self._closing.is_set():
            return
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._closing.set()
        self._thread.join()
        os.close(self._master)

    def _drain(self) -> None:
        rest = b""
        while not self._closing.is_set():
            if not select.select([self._master], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(self._master, 65536)
            except OSError:  # Linux says EIO when the last process has left the terminal
                return
            if not data:
                return
            self.output = (self.output + data)[-KEPT_OUTPUT:]
            with contextlib.suppress(OSError):
                rest = self._answer(rest + data)

    def _answer(self, text: bytes) -> bytes:
        end = 0
        for query in COLOUR_QUERY.finditer(text):
            os.write(self._master, b"\x1b]" + query[1] + b";" + COLOURS[query[1]] + b"\x1b\\")
            end = max(end, query.end())
        for query in DEVICE_QUERY.finditer(text):
            os.write(self._master, b"\x1b[>41;370;0c" if query[1] else b"\x1b[?62;22c")
            end = max(end, query.end())
        return text[end:][-LONGEST_QUERY:]
