"""Whose title is it? A title outlives the process that set it, and a shell's jobs share one title. Pure.

A title counts for the process that was in the foreground of the pane when it was set. tmux does not tell which that
was, so each sync that finds a new title works it out, and notes the answer beside the title.
"""

from collections.abc import Callable
from typing import NamedTuple

from codex_tmux.codex.session_id import find_id

NOBODY = "-"
"""Noted as the owner where the title is of no process that a sync has seen."""


class Title(NamedTuple):
    """A pane's title. `session_id` is the id in it, whole or cut, "" for none; `owner` what a sync has noted since it
    was set: a process's name, NOBODY, or "" for nothing yet; `came` when it was set, in whole seconds since 1970,
    None where that is not known."""

    session_id: str
    owner: str = ""
    came: int | None = None

    def noted(self, counted: bool, process: str) -> str:
        """What `@codex_title_at` should say: when it came, and whose it is.

        >>> Title("id", came=7).noted(True, "1:2"), Title("id").noted(False, "1:2")
        ('7 1:2', ' -')
        >>> Title("id", "3:4", 7).noted(False, "1:2"), Title("", "3:4", 7).noted(False, "1:2")
        ('7 3:4', '7')
        """
        came = "" if self.came is None else str(self.came)
        if not self.session_id:
            return came
        return f"{came} {process if counted else self.owner or NOBODY}"


def title_of(row: dict[str, str], named: Callable[[str], bool] = lambda _: False) -> Title:
    """The title of a pane, with what is noted of it; `named` as for `find_id`."""
    came, _, owner = row["@codex_title_at"].partition(" ")
    return Title(find_id(row["pane_title"], named), owner, int(came) if came.isdigit() else None)


class Asker(NamedTuple):
    """The process the title may be of: its name, when it began (seconds since 1970, by the clock as it is set now),
    whether it is in the foreground, and whether it has itself taken away the id that stood there before."""

    process: str
    began: float
    foreground: bool = True
    cleared: bool = False


class Before(NamedTuple):
    """The process that the pane ran at the last sync, and its session; "" for none."""

    process: str = ""
    session_id: str = ""


def counts(title: Title, asker: Asker, before: Before) -> bool:
    """Whether a title says which session a process shows."""
    if title.owner or not title.session_id:
        return bool(title.session_id) and title.owner == asker.process
    if not asker.foreground:
        return False
    if before.process == asker.process:
        return True
    again = bool(before.process) and before.session_id.startswith(title.session_id)
    if title.came is None:
        return not again
    if title.came == int(asker.began):
        return asker.cleared or not again  # it may have come before the process, in the same second
    return title.came > int(asker.began)


def is_last_of(title: Title, before: Before, respawned: float | None = None) -> bool:
    """Whether the process that has just ended, the one of `before`, had changed to the title's session at the end.

    `respawned`: when the pane has been respawned since, in seconds since 1970; 0 where it was, and nobody knows when.
    What the respawn started sets a title too, and may have ended by now.
    """
    known = before.session_id.startswith(title.session_id) or title.session_id.startswith(
        before.session_id or "-"
    )
    if respawned is not None and (title.came is None or title.came >= int(respawned)):
        return False
    return bool(title.session_id) and not known and title.owner in ("", before.process)
