"""One name for a conversation and its window: Codex's for the window, a renamed window's for the conversation."""

import re
from collections.abc import Mapping

from codex_tmux.codex.session_id import is_whole, same_session
from codex_tmux.codex.store import SQLITE_HOME, Store
from codex_tmux.errors import TmuxError
from codex_tmux.log import log
from codex_tmux.paths import first_time
from codex_tmux.plain_text import plain_line
from codex_tmux.state.launch import Launch
from codex_tmux.state.pane_options import Option, decode_launch, pane_option
from codex_tmux.state.records import Record
from codex_tmux.tmux.server import Reading, Server, escape
from codex_tmux.tmux.tell import tell
from codex_tmux.tracking.model import Snapshot

WITHIN = 5.0
"""Seconds that Codex's daemon may take to name a conversation."""
RENAMED_AGAIN = 3
"""Names of a window that are given one after the other, where it is renamed while one is given."""
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
    # One that is not found tells nothing: a database may be busy. But the name of a conversation that is gone goes.
    gone = [
        pane.id
        for pane in snapshot.panes
        if pane.running and not (pane.id in shown and same_session(pane.session, shown[pane.id].session_id))
    ]
    return dict.fromkeys(gone, "") | found


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


def name_conversation(server: Server, window: str, session: str) -> None:
    """Give a conversation the name of its window, which was renamed while it was the only one in it.

    Where that cannot be done the log says why, and the first time a message does.
    """
    given = ""
    # Renamed once more meanwhile, another one of us may have given the later name before.
    for _ in range(RENAMED_AGAIN):
        pane, name, launch = named_by(server, window, session)
        if launch is None or name in ("", given):
            return
        if why := set_name(launch.codex_home, session, name):
            log("session.not_named", session=session, pane=pane, why=why)
            if first_time(TOLD):
                tell(server, pane, kept(why))
            return
        log("session.named", session=session, pane=pane)
        server.try_run(*map(escape, pane_option(pane, Option.NAME, shown_name(name))))
        given = name


def kept(why: str) -> str:
    """The message about a conversation that could not be named, from what the log says of that.

    >>> kept("its daemon is silent: TimeoutError: no answer in time")
    'not renamed in Codex (its daemon is silent): use /rename there'
    """
    return f"not renamed in Codex ({why.partition(':')[0]}): use /rename there"


def named_by(server: Server, window: str, session: str) -> tuple[str, str, Launch | None]:
    """The pane that a conversation of this machine has alone in its window, the window's name, and how it was started;
    None where it does not, by now."""
    try:
        rows = server.listed(
            *("list-panes", "-t", window),
            plain=("pane_id",),
            chosen=("window_name", Option.SESSION, Option.LAUNCH),
        )
    except TmuxError:  # the window is closed
        rows = []
    conversations = [row for row in rows if row[Option.SESSION]]
    if len(conversations) != 1 or not same_session(conversations[0][Option.SESSION], session):
        return "", "", None
    launch = decode_launch(conversations[0][Option.LAUNCH])
    # Another server's conversations no daemon of this machine knows.
    if launch and (launch.transport or any(flag.startswith("--remote") for flag in launch.flags)):
        launch = None
    return conversations[0]["pane_id"], plain_line(rows[0]["window_name"]), launch


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
        return f"its daemon is silent: {e}"
    named = thread.get("name") if isinstance(thread, dict) else None
    return "" if named == name else "its daemon refused"
