"""Which options a Codex accepts. It is asked: options go, and so do values of options that stay.

Codex reads its whole command line before it answers `--version`, and starts nothing for that. A refused one ends with
status 2. Measured on 0.144.6 and 0.169.0: 10 ms for the binary, 80 ms where npm's node stands before it.
"""

import subprocess
from collections.abc import Sequence

from codex_tmux.codex.commandline import around_exec, options_of, redact

USAGE_ERROR = 2
SECONDS = 15.0
"""A cold Node start on a slow disk takes some."""


def accepted(program: Sequence[str], flags: Sequence[str], mode: str = "tui") -> list[str]:
    """`flags` without those that the Codex which `program` starts refuses. One that cannot be asked refuses none."""
    if accepts(program, flags, mode):
        return list(flags)
    kept = [word for words in options_of(flags) if accepts(program, words, mode) for word in words]
    # Each for itself is fine, and together they are not: better without than not at all.
    return kept if accepts(program, kept, mode) else []


def left_out(flags: Sequence[str], kept: Sequence[str]) -> str:
    """What `kept` lacks of `flags`, fit to be shown."""
    there = list(options_of(kept))
    return " ".join(word for words in options_of(flags) if words not in there for word in redact(words))


def accepts(program: Sequence[str], flags: Sequence[str], mode: str) -> bool:
    if not flags:
        return True
    before, behind = around_exec(flags) if mode == "exec" else (list(flags), [])
    words = [*before, *(["exec"] if mode == "exec" else []), *behind, "--version"]
    try:
        done = subprocess.run(
            [*program, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return True
    return done.returncode != USAGE_ERROR
