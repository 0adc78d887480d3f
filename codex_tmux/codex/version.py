"""Which version a Codex is, and what it cannot tell of its session."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Sequence

from codex_tmux.errors import Problem

Version = tuple[int, int, int]

PACKAGE = re.compile(r"@openai/codex(-.*)?")
"""npm's packages: `@openai/codex`, and `@openai/codex-linux-x64` with the native binary."""
PLACES_ABOVE = 8
"""How far above the binary npm's package may begin: `vendor/x86_64-unknown-linux-musl/bin/codex` needs four."""
SECONDS = 15.0
"""For `codex --version`: a cold Node start on a slow disk takes some."""

LIMITS: tuple[tuple[Version, str], ...] = (
    (
        (0, 117, 0),
        "sets no title and keeps no database, so its session is found only when codex-tmux looks for another reason",
    ),
    (
        (0, 130, 0),
        "cannot show the session id in the title, so its session is unknown before the first message",
    ),
    ((0, 154, 0), "does not lock sessions, so it cannot see that one is open elsewhere"),
)
"""(first version without it, what every version before cannot do). Measured on 0.98 to 0.169, see
docs/codex-versions.md."""


def limits_of(version: Version) -> list[str]:
    """What this version cannot do, the gravest first.

    >>> limits_of((0, 144, 6))
    ['does not lock sessions, so it cannot see that one is open elsewhere']
    """
    return [text for until, text in LIMITS if version < until]


def version_in(text: str) -> Version | None:
    """The first version in `text`; None where there is none. A Codex built from source says 0.0.0: None too."""
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    version = (int(found[1]), int(found[2]), int(found[3])) if found else None
    return version if version and any(version) else None


def ask_version(words: Sequence[str]) -> Version | None:
    """What the Codex that `words` start says of itself; None where it says nothing. Raises Problem where it hangs
    or cannot be run."""
    try:
        done = subprocess.run(
            [*words, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        raise Problem(f"{words[0]}: `--version` gave no answer ({type(e).__name__})") from e
    return version_in(done.stdout) if done.returncode == 0 else None


def version_beside(program: str) -> Version | None:
    """The version of the Codex at `program` by the files around it, without running it; None where none say.

    npm's packages have it in their package.json; Homebrew, mise and asdf in the name of a folder below `codex`.
    """
    folder = os.path.dirname(os.path.realpath(program))
    for _ in range(PLACES_ABOVE):
        above, name = os.path.split(folder)
        try:
            with open(os.path.join(folder, "package.json"), encoding="utf-8") as file:
                package = json.load(file)
            if isinstance(package, dict) and PACKAGE.fullmatch(str(package.get("name"))):
                return version_in(str(package.get("version")))
        except (OSError, ValueError):
            pass
        if re.fullmatch(r"v?\d+\.\d+\.\d+", name) and "codex" in os.path.basename(above).lower():
            return version_in(name)
        folder = above
    return None
