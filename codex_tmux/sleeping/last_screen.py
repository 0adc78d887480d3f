"""What a pane shows while it sleeps: its last screen, or after a restart the last exchange of its conversation.

A tmux buffer brings it to the pane, whose process draws it and ends. Fifty may do so at once: imports cost.
"""

import os
import re
import sys

from codex_tmux.sleeping.last_exchange import YOU, laid_out

SAID = "codex-said-"
"""Begins the name of a buffer that holds messages, not a screen; the session's id ends it."""
SEPARATOR = "\x1e"
SIZE = "#{pane_width} #{pane_height} #{==:#{@codex_control},close}"
KEPT = 16_000
"""Characters of each message that go into a buffer: more than the largest pane shows."""
HINT = "hint"
"""Who says the last line, where tmux cannot show it by itself."""
ASLEEP = "asleep since the restart · wakes when shown"
"""The last line of a pane that was restored and has not been shown yet."""
RECONNECTS = "reconnects"
DIM, REVERSE, PLAIN = "\x1b[2m", "\x1b[7m", "\x1b[0m"
NO_WRAP, WRAP = "\x1b[?7l", "\x1b[?7h"
"""A tmux that draws a sign wider than we think must not make two rows of one."""


def draw(buffer: str) -> int:
    """Draw what the buffer holds, and die with an exit status that lets tmux keep the pane."""
    data = tmux("save-buffer", "-b", buffer, "-")
    ask = ("display-message", "-p", "-t", os.environ.get("TMUX_PANE", ""), SIZE)
    size = re.fullmatch(rb"(\d+) (\d+) ([01])\n", tmux(*ask, ";", "delete-buffer", "-b", buffer))
    width, height, must_close = map(int, size.groups() if size else (80, 24, 0))
    if must_close:
        return 1  # nothing printed, nothing still to come: see `tmux/control_mode.py`
    said = buffer.startswith(SAID)
    screen = exchange_screen(unpacked(data), width, height) if said else without_death_line(data)
    if screen.partition(b"\n")[0].strip():
        # The line that tmux draws in a dead pane scrolls the first one off the screen.
        screen = b"\n" + screen
    sys.stdout.buffer.write(screen + PLAIN.encode())
    sys.stdout.flush()
    return 1


def tmux(*words: str) -> bytes:
    """What a tmux command prints; nothing where it fails."""
    # Without subprocess, whose import takes as long as Python's own start.
    reading, writing = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, writing, 1), (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)]
    program = os.environ.get("CODEX_TMUX_TMUX") or "tmux"
    try:
        child = os.posix_spawnp(program, [program, "-u", *words], os.environ, file_actions=actions)
    except OSError:
        os.close(reading)
        return b""
    finally:
        os.close(writing)
    with open(reading, "rb") as file:
        printed = file.read()
    return printed if os.waitpid(child, 0)[1] == 0 else b""


def packed(messages: list[tuple[str, str]]) -> bytes:
    """Messages as a buffer holds them: of each as much as a pane may show."""
    return "".join(
        f"{SEPARATOR}{who}\n{(text[:KEPT] if who == YOU else text[-KEPT:]).replace(SEPARATOR, '')}"
        for who, text in messages
    ).encode("utf-8", "replace")


def unpacked(data: bytes) -> list[tuple[str, str]]:
    parts = data.decode("utf-8", "replace").split(SEPARATOR)[1:]
    return [(who, text) for who, _, text in (part.partition("\n") for part in parts)]


def exchange_screen(messages: list[tuple[str, str]], width: int, height: int) -> bytes:
    """The bytes that draw messages in a pane, dim, with room for the line that tmux draws in a dead pane."""
    hints = [text for who, text in messages if who == HINT]
    said = [(who, text) for who, text in messages if who != HINT]
    rows = [f"{DIM}{row}{PLAIN}" for row in laid_out(said, width, height - 1 - len(hints))]
    rows += [f"{REVERSE}{row}{PLAIN}" for text in hints for row in laid_out([("", text)], width, 1)]
    return (NO_WRAP + "\n".join(rows) + WRAP).encode("utf-8", "replace") if rows else b""


def without_death_line(screen: bytes) -> bytes:
    """The screen down to its last words, without the line that tmux drew when the pane died: it will draw another."""
    screen = screen.rstrip(b"\n")
    above, _, last = screen.rpartition(b"\n")
    return above.rstrip(b"\n") if is_death_line(last) else screen


def is_death_line(line: bytes) -> bool:
    """Whether the last line of a dead pane's screen is tmux's word, or ours, about its death."""
    text = re.sub(rb"\x1b\[[0-9;]*m", b"", line).strip()
    begins = (b"Codex ended", b"Codex was killed", b"Codex failed")
    ours = text.startswith(begins) and b"\xc2\xb7" in text
    ours = ours or f" {RECONNECTS} · paste: codex resume ".encode() in text
    return ours or b"Pane is dead" in text or ASLEEP.encode() in text
