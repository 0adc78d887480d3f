"""No focus events for a Codex whose pane is kept when it dies, in a tmux that would end with it.

tmux before 3.5 ends, and every pane with it, when a dead pane whose program had asked for focus events, as Codex does,
gains or loses the focus (tmux issue 3776). A pane is dead as soon as its terminal is closed; tmux runs `pane-died` only
when it has heard of the end of the process too. So nothing done then is in time, and Codex's request is taken back
while it lives. Codex takes itself for focused from then on.
"""

import os

from codex_tmux.tmux.versions import FOCUS_OF_THE_DEAD, version_of

NO_FOCUS_EVENTS = b"\x1b[?1004l"


def asked_since(version: str, row: dict[str, str], process: str) -> str:
    """What `@codex_unfocused` should say of a pane whose own Codex, this process, may have asked since; "" where there
    is nothing to do.

    Codex asks before it sets its first title, and a sync may see it earlier: so the title counts as well, when it came,
    and whether `codex-tmux run` has taken the former one away, which may have named the same session.
    """
    if version_of(version) >= FOCUS_OF_THE_DEAD or not process:
        return ""
    title = f"{row['@codex_cleared']} {row['@codex_title_at'].partition(' ')[0]} {row['@codex_title_id']}"
    seen = f"{process} {row['@codex_looked']} {title}"
    return "" if seen == row["@codex_unfocused"] else seen


def take_back(tty: str) -> None:
    """Tell tmux, in the name of the program on this terminal, that it wants no focus events."""
    try:
        fd = os.open(tty, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return  # the pane has gone
    try:
        os.write(fd, NO_FOCUS_EVENTS)
    except OSError:
        pass  # it has gone just now, or is stopped (Ctrl-S)
    finally:
        os.close(fd)
