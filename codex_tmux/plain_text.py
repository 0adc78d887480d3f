"""Text from elsewhere (a model, a command, a directory's name) made fit for the user's terminal."""

import os
import re
import unicodedata

# Whole control sequences first, so that their printable tails do not stay behind as litter: OSC, DCS, SOS, PM
# and APC with their bodies, where they are terminated; then CSI; then the two- and three-character escapes.
SEQUENCES = (
    "(?:\x1b[]P^_X]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)"
    "|(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"
    "|\x1b[ -/]+[0-~]"
    "|\x1b[0-Z\\\\^-~]"
)
JOINERS = "\u200c\u200d"
"""Format characters that scripts and emoji need; the others only hide or reorder text."""


def plain(text: str) -> str:
    """`text` without anything a terminal obeys: newlines and tabs stay, carriage returns become newlines.

    Escape sequences, control characters, direction marks and other invisible format characters go; half a
    surrogate pair, which no terminal encoding can print, becomes U+FFFD.
    """
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    text = re.sub(SEQUENCES, "", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(plain_char(c) for c in text)


def plain_char(char: str) -> str:
    """What stands for one character of `plain`'s answer: itself, nothing, a newline or U+FFFD."""
    if char in "\n\t" or char in JOINERS:
        return char
    category = unicodedata.category(char)
    if category == "Cs":
        return "\ufffd"
    if category in ("Zl", "Zp"):
        return "\n"
    return "" if category in ("Cc", "Cf") else char


def plain_line(text: str) -> str:
    """`plain`, on one line: runs of white space become one space."""
    return " ".join(plain(text).split())


def printable(text: str) -> str:
    """`text` with its spaces, what a terminal would act on shown as U+FFFD: for a line that is laid out already."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def visible(text: str) -> str:
    """`text` with what a terminal would act on, and what nobody can see, written out: newlines and tabs stay.

    >>> visible("echo \\x1b[31m\\u202ered")
    'echo \\\\x1b[31m\\\\u202ered'
    """
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def shortened(text: str, width: int) -> str:
    """`text`, or its beginning and an ellipsis: at most `width` characters."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def in_cells(text: str, width: int) -> str:
    """`text` in exactly `width` cells of a terminal, where some characters take two: cut with an ellipsis, or filled.

    >>> in_cells("日本語", 5), in_cells("abc", 5)
    ('日本…', 'abc  ')
    """
    from rich.cells import cell_len, set_cell_size

    return set_cell_size(text, width) if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def tilde(path: str) -> str:
    """A path with `~` for the home."""
    home = os.path.expanduser("~")
    return "~" + path[len(home) :] if path == home or path.startswith(home + "/") else path


def age(seconds: float) -> str:
    """A span of time in its largest unit, as `list` and `pick` show it."""
    for size, unit in ((86400 * 365, "y"), (86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"
