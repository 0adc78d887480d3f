"""Which version a Codex is, and what it cannot tell of its session."""

import re
import subprocess

from codex_tmux.errors import Problem

Version = tuple[int, int, int]

NEWEST_TESTED = (0, 169, 0)
"""The tests run with it: CODEX_VERSION in the Makefile."""

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


def ask_version(program: str) -> Version | None:
    """What this Codex says of itself; None where it says nothing. Raises Problem where it hangs or cannot be run."""
    try:
        done = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        raise Problem(f"{program}: `--version` gave no answer ({type(e).__name__})") from e
    return version_in(done.stdout) if done.returncode == 0 else None
