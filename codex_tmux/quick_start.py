"""The quick way to start codex-tmux: the very interpreter and package that run now, by `hook.py`.

A sync tells it to the plugin's hooks by the option `@codex_quick`. The hooks, and the stored commands of panes, fall
back on the installed helper where it does not work any more: an upgrade may move the package.
"""

from __future__ import annotations

import os
import sys

HOOK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hook.py")

STORED = 'p=$1 h=$2; shift 2; [ -x "$p" ] && [ -f "$h" ] && exec "$p" -I -S "$h" "$@"; exec "$0" "$@"'
"""For `sh -c`, with the helper, the interpreter, hook.py and the command behind it."""


def is_for(helper: str) -> bool:
    """Whether starting `helper` starts just what runs now. A wrapper of the user's own is not passed by."""
    try:
        with open(helper, "rb") as f:
            lines = f.read(4096).split(b"\n")
    except OSError:
        return False
    interpreter = os.fsencode(sys.executable)
    # pip writes the second form where a path is too long for the first, or holds a space.
    return lines[0].split(b" ")[0] == b"#!" + interpreter or (
        lines[0] == b"#!/bin/sh" and lines[1:2] == [b"'''exec' \"" + interpreter + b'" "$0" "$@"']
    )


def shell_text() -> str:
    """The quick way as words for a shell."""
    return f"{quoted(sys.executable)} -I -S {quoted(HOOK)}"


def quoted(word: str) -> str:
    """`word` as one word for a shell."""
    return "'" + word.replace("'", "'\\''") + "'"


def stored(helper: str, quick: str) -> list[str]:
    """The words of a pane's stored command that start codex-tmux, without its arguments: quick, else by the helper.

    `quick` is what `shell_text` once returned.
    """
    from codex_tmux.options import shell_words

    words = shell_words(quick)
    if len(words) != 4:
        return [helper]
    return ["/bin/sh", "-c", STORED, helper, words[0], words[3]]
