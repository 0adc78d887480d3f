"""A pane whose Codex has ended: what it held, and whether its user quit it.

The pane's options remember what it held; a session that it changed to at the very end stands in its title, and one that
nothing named in what Codex says last, `codex resume <id>`.
"""

from typing import TYPE_CHECKING

from codex_tmux.codex.session_id import CUT, find_id, is_whole, same_session
from codex_tmux.state.launch import store_of
from codex_tmux.state.records import DEAD, EXEC, INFERRED, SCREEN, TITLE
from codex_tmux.tracking import whose_title
from codex_tmux.tracking.far_pane import completed_by_screen
from codex_tmux.tracking.model import Pane, Sighting

if TYPE_CHECKING:
    from codex_tmux.tracking.identify import Identifier  # which imports this module

QUIT_LINES = 12
"""How many lines above a shell's prompt may be of the Codex that has just ended: its last message takes six."""


def find_resume_hint(screen: str) -> str:
    """The id that Codex named last as it ended (`codex resume <id>`); "" where the screen shows none.

    A terminal breaks long lines, so the words are looked for without their white space.
    """
    _, found, behind = "".join(screen.split()).rpartition("codexresume")
    return behind[:36] if found and is_whole(behind[:36]) else ""


def dead_pane(identifier: "Identifier", row: dict[str, str], pane: Pane) -> Pane:
    """A pane whose process has ended: what it held is remembered, or stands on its last screen."""
    if pane.asleep or not pane.launch:
        return pane
    if pane.was_elsewhere:
        return completed_by_screen(identifier, pane, find_resume_hint(screen(identifier, pane)))
    if newer := last_title(identifier, row, pane):
        return pane._replace(sighting=newer)
    if pane.session:
        return completed(pane)
    found = find_resume_hint(screen(identifier, pane))
    return pane._replace(sighting=Sighting(found, SCREEN)) if found else pane


def lost_pane(identifier: "Identifier", row: dict[str, str], pane: Pane) -> Pane:
    """A shell that Codex returned to: was it quit, or killed?"""
    # What was killed stays so: whatever is written and cleared there since is another program's.
    if row["@codex_state"] == DEAD:
        return completed(pane)
    if newer := last_title(identifier, row, pane):
        return pane._replace(sighting=newer)
    if pane.launch and pane.launch.mode == EXEC:
        # A conversation through `codex exec` has no title, and says itself that its user leaves.
        return completed(pane)._replace(quit=not row["@codex_mode"])
    was_quit = quit_by_title(row["pane_title"])
    guessed = not pane.session or pane.evidence == INFERRED
    hint = exit_message(identifier, pane) if guessed or was_quit is None else ""
    if not guessed and not same_session(hint, pane.session):
        hint = ""
    return completed(named_at_the_end(identifier, pane, hint))._replace(quit=bool(was_quit or hint))


def named_at_the_end(identifier: "Identifier", pane: Pane, session_id: str) -> Pane:
    """A pane whose Codex named this session as it ended ("": none)."""
    if not session_id:
        return pane
    if pane.was_elsewhere:
        return completed_by_screen(identifier, pane, session_id)
    if pane.session and pane.evidence != INFERRED:
        return pane
    doubted = bool(pane.session) and session_id != pane.session
    return pane._replace(sighting=Sighting(session_id, SCREEN), doubted=doubted)


def quit_by_title(title: str) -> bool | None:
    """Whether a Codex that has gone was quit, by its title; None where that does not tell.

    Signals leave the title as it was; a quit clears it. What a shell in front has set since may be of anything.

    >>> quit_by_title(""), quit_by_title("fix it | 01a201da-7561-7551-a7df-a07aa"), quit_by_title("~/src")
    (True, False, None)
    """
    if title:
        return False if find_id(title) else None
    return True


def exit_message(identifier: "Identifier", pane: Pane) -> str:
    """The session that Codex named as it ended, right above a shell's prompt; "" where nothing there does."""
    said = (line for line in screen(identifier, pane).splitlines() if line.strip())
    # What to paste, which `run` has shown there itself, is no Codex's last word.
    lines = [line for line in said if not line.startswith("codex-tmux: ")]
    return find_resume_hint("\n".join(lines[-QUIT_LINES:]))


def last_title(identifier: "Identifier", row: dict[str, str], pane: Pane) -> Sighting | None:
    """The session that a pane's Codex had just changed to when it ended; None where it had not."""
    # The hook has seen it: what stands there from before is taken away when a Codex starts.
    if not row["@codex_title_id"] or pane.launch is None or pane.was_elsewhere:
        return None
    store = store_of(pane.launch)
    title = whose_title.title_of(row, store.is_in_a_name)
    before = whose_title.Before(pane.last_process, pane.session)
    if not whose_title.is_last_of(title, before, respawned_at(identifier, pane)):
        return None
    found = store.complete(title.session_id) or title.session_id
    return Sighting(found, TITLE) if identifier.may_show(found, pane, store) else None


def respawned_at(identifier: "Identifier", pane: Pane) -> float | None:
    """When a pane was respawned since the last sync, in seconds since 1970; 0 where what that started has ended.
    None where it was not."""
    if not pane.respawned:
        return None
    root = identifier.processes.get(int(pane.root_pid))
    return identifier.processes.started_at(root.start) if root is not None else 0.0


def completed(pane: Pane) -> Pane:
    """The pane with the whole id of its session, where only the beginning was known."""
    if len(pane.session) != CUT or not pane.launch:
        return pane
    whole = store_of(pane.launch).complete(pane.session)
    return pane._replace(sighting=Sighting(whole, pane.evidence)) if whole else pane


def screen(identifier: "Identifier", pane: Pane) -> str:
    return identifier.server.try_run("capture-pane", "-p", "-J", "-t", pane.id, "-S", "-20") or ""
