"""One name for a conversation and its window: Codex's for the window, a renamed window's for the conversation."""

from __future__ import annotations

import re
from collections.abc import Mapping

from codex_tmux.codex.session_id import is_whole, same_session
from codex_tmux.codex.store import SQLITE_HOME, Store
from codex_tmux.log import log
from codex_tmux.paths import first_time
from codex_tmux.plain_text import plain_line
from codex_tmux.state.pane_options import Option, decode_launch, pane_option
from codex_tmux.state.records import Record
from codex_tmux.tmux.server import Reading, Server
from codex_tmux.tmux.tell import tell
from codex_tmux.tracking.model import Snapshot

WITHIN = 5.0
"""Seconds that Codex's daemon may take to name a conversation."""
LONGEST = 120
"""Characters of a name that a pane's option keeps; what a window shows of them, its format says."""
OBEYED = re.compile(r"#+(?=[\[({])")
TOLD = "told-of-names"
"""The file in the state directory that says that the message without a daemon was shown, once for good."""


def shown_name(name: str) -> str:
    """A conversation's name as a window may have it: one line, nothing that a terminal or a status line obeys.

    >>> shown_name("Fix #12\\n#[fg=red]#(id)")
    'Fix #12 [fg=red](id)'
    """
    return OBEYED.sub("", plain_line(name))[:LONGEST].rstrip()


def wanted_names(reading: Reading, snapshot: Snapshot, by_pane: Mapping[str, Record]) -> dict[str, str]:
    """What the conversation of each pane is to be called; a pane that keeps what it has is not in it."""
    if are_off(reading):
        return {pane.id: "" for pane in snapshot.panes}
    shown = {pane.id: by_pane[pane.id] for pane in snapshot.panes if pane.running and pane.id in by_pane}
    found = names_of(reading, shown)
    # One that is not found tells nothing: a database may be busy. But another conversation's name goes.
    former = {pane.id: pane.session for pane in snapshot.panes}
    changed = {pane for pane, record in shown.items() if not same_session(former[pane], record.session_id)}
    return dict.fromkeys(changed, "") | found


def are_off(reading: Reading) -> bool:
    """Whether the user wants no name of the one to be the other's."""
    return reading.server["@codex-names"] == "off"


def names_of(reading: Reading, shown: Mapping[str, Record]) -> dict[str, str]:
    """Codex's names for the sessions of this machine that have one, by what `shown` goes by."""
    if are_off(reading):
        return {}
    stores: dict[tuple[str, str | None], dict[str, str]] = {}
    for pane, record in shown.items():
        if not record.transport:
            place = (record.codex_home, dict(record.env).get(SQLITE_HOME))
            stores.setdefault(place, {})[pane] = record.session_id
    found: dict[str, str] = {}
    for place, sessions in stores.items():
        names = Store(*place).names(list(sessions.values()))
        found |= {pane: shown_name(names[session]) for pane, session in sessions.items() if session in names}
    return found


def name_conversation(server: Server, window: str) -> None:
    """Give the one conversation of a window that was just renamed the window's name, by Codex's daemon.

    Where that cannot be done the log says why, and the first time a message does. Raises TmuxError.
    """
    rows = server.listed(
        *("list-panes", "-t", window),
        plain=("pane_id",),
        chosen=("window_name", Option.SESSION, Option.LAUNCH),
    )
    conversations = [row for row in rows if row[Option.SESSION]]
    name = plain_line(rows[0]["window_name"])
    launch = decode_launch(conversations[0][Option.LAUNCH]) if len(conversations) == 1 and name else None
    if launch is None or launch.transport:
        return
    pane, session = conversations[0]["pane_id"], conversations[0][Option.SESSION]
    if why := set_name(launch.codex_home, session, name):
        log("session.not_named", session=session, pane=pane, why=why)
        if first_time(TOLD):
            tell(server, pane, f"Codex keeps its own name ({why}): type /rename in it")
    else:
        log("session.named", session=session, pane=pane)
        server.try_run(*pane_option(pane, Option.NAME, shown_name(name)))


def set_name(codex_home: str, session: str, name: str) -> str:
    """Have Codex's daemon name a session; why it did not, "" where it did."""
    # Imported for a rename alone, not by each sync.
    from codex_tmux.codex.daemon.client import DaemonError, daemon_of, has_daemon

    if not is_whole(session):
        return "no message yet"
    if not has_daemon(codex_home):
        return "no daemon runs"
    try:
        with daemon_of(codex_home, WITHIN) as client:
            client.call("thread/name/set", threadId=session, name=name)
            # A refusal, and a daemon too old to know the question, say nothing: the name tells.
            thread = client.call("thread/read", threadId=session, includeTurns=False).get("thread")
    except DaemonError as e:
        return f"its daemon: {e}"
    named = thread.get("name") if isinstance(thread, dict) else None
    return "" if named == name else "its daemon did not take this one"
