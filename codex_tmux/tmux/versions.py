"""Where tmux versions differ for codex-tmux: each difference once, with the fact it rests on.

Every fact was seen on the real versions from 3.2a to next-3.8 (`make test-tmux-matrix`). plugin/options.sh knows
MINIMUM too, because it has to speak before there is a helper; hooks.tmux says itself where it asks for less.
"""

from typing import TypeAlias

Version: TypeAlias = tuple[int, int, str]


MINIMUM = (3, 2, "a")
"""3.2 has `pane-title-changed`, but only 3.2a fires it with the pane whose title it is."""
DEAD_SIGNAL = (3, 3, "")
"""`pane_dead_signal`: before, a pane that was killed has neither status nor signal, for good."""
DEAD_FORMAT = (3, 3, "")
"""`remain-on-exit-format`: before, tmux says in its own words that a pane is dead, and no hint can stand there."""
MESSAGE_CLIENT = (3, 3, "")
"""`display-message -c CLIENT`: 3.2a documents it and takes no value for it ("acd:INpt:F:v" in its source)."""
CONFIRM_BESIDE = (3, 3, "")
"""`confirm-before -b`."""
CONTROL_OF_THE_DEAD = (3, 3, "")
"""The first that lives on when a pane dies, and is kept, while a client in control mode waits for its last output."""
CONTROL_OF_THE_RESPAWNED = (3, 8, "")
"""The first in which a pane may be respawned after that (tmux issue 5498)."""
ONE_KEY = (3, 8, "")
"""`list-keys -T TABLE KEY`: 3.7 to 3.7c say nothing, whatever is bound; so the whole table is read everywhere."""
FOCUS_OF_THE_DEAD = (3, 5, "")
"""The first that lives on when a dead pane whose program had asked for focus events gains or loses the focus (tmux
issue 3776). It does so whatever `focus-events` says, when a client changes its tmux session."""
REAPS = (3, 6, "")
"""The first that sees every process end, though it was built with utempter (tmux issue 4559)."""


def version_of(text: str) -> Version:
    """`3.3a` → (3, 3, "a"); `next-3.8` and `openbsd-7.5` count by their numbers; unknown is (99, 0, "").

    >>> version_of("3.3a") >= DEAD_SIGNAL > version_of("3.2a")
    True
    """
    digits = text.split("-")[-1]
    major, _, rest = digits.partition(".")
    minor = rest.rstrip("abcdefghijklmnopqrstuvwxyz-")
    if not major.isdigit() or not minor.isdigit():
        return 99, 0, ""
    return int(major), int(minor), rest[len(minor) :]


def limits_of(version: Version) -> list[str]:
    """What is not to be had on this version, in words for people.

    >>> limits_of((3, 6, ""))
    []
    """
    limits = []
    if version < DEAD_FORMAT:
        limits.append("a pane that is asleep cannot show a hint (needs tmux 3.3)")
    if version < DEAD_SIGNAL:
        limits.append("the log cannot name the signal that ended Codex (needs tmux 3.3)")
    return limits
