"""Every conversation of this machine: what codex-tmux remembers, and what Codex's store has beside it."""

import os
from typing import NamedTuple

from codex_tmux.codex.commandline import redact
from codex_tmux.codex.daemon import activity
from codex_tmux.codex.home import default_home
from codex_tmux.codex.session_id import CUT, same_session
from codex_tmux.codex.store import Session, Store
from codex_tmux.elsewhere.transport import of_argv
from codex_tmux.errors import Problem, TmuxError
from codex_tmux.log import log
from codex_tmux.plain_text import plain_line
from codex_tmux.state import store
from codex_tmux.state.launch import Launch, launch_of
from codex_tmux.state.pane_options import Option, decode_launch
from codex_tmux.state.records import DEAD, EXEC, LIVE, TUI, Record
from codex_tmux.state.words import state_words
from codex_tmux.tmux import epoch
from codex_tmux.tmux.epoch import ALIVE, ELSEWHERE
from codex_tmux.tmux.server import Server

NEWEST = 500
"""Sessions of a store that are listed at once, besides those that codex-tmux knows."""
ALL = 100_000


class Place(NamedTuple):
    """A pane of this tmux server that has a session."""

    pane: str
    where: str
    dead: bool
    launch: Launch | None
    unread: bool = False


class Conversation(NamedTuple):
    """One conversation. `status` is "" for one that codex-tmux has no record of; `pane` is one of this tmux server,
    `elsewhere` the socket of the other one that has it; `activity` is one of ACTIVITIES, "" where it is not known."""

    session_id: str
    title: str
    status: str
    where: str
    pane: str
    elsewhere: str
    cwd: str
    codex_home: str
    launch: Launch
    evidence: str
    updated: float
    activity: str = ""
    unread: bool = False

    @property
    def state(self) -> str:
        """Status and activity in the words of a list."""
        return state_words(self.status, self.activity, self.unread)

    @property
    def rank(self) -> int:
        """What needs the user comes first, then what is unread."""
        return 0 if self.activity in activity.WAITING else 1 if self.unread else 2


class Here:
    """The tmux server one is in: its epoch, and by session the panes that have one. Without a server nothing."""

    def __init__(self, server: Server) -> None:
        self.epoch = epoch.of_server(server.try_run("display-message", "-p", "#{pid}") or "")
        self.fates: dict[str, str] = {}
        self.places = places(server) if self.epoch else {}

    def place(self, session_id: str) -> Place | None:
        return self.places.get(session_id) or self.places.get(session_id[:CUT])

    def elsewhere(self, record: Record) -> str:
        """The socket of the other tmux server that has a record's pane, and where it is; "" where none does."""
        if not record.current:
            return ""
        if record.epoch not in self.fates:
            self.fates |= epoch.fates([record.epoch], self.epoch)
        fate = self.fates[record.epoch]
        return {ALIVE: record.server, ELSEWHERE: f"{record.server} on another host"}.get(fate, "")


def gather(server: Server, records: tuple[Record, ...], default_home: str, limit: int) -> list[Conversation]:
    """The newest conversations of each store and all that have a record or a pane: those that need the user first, then
    the unread, then the newest."""
    homes = list(dict.fromkeys([default_home, *(r.codex_home for r in records)]))
    # The daemons think while we read.
    answer = activity.asking(dict.fromkeys(homes), activity.IN_PASSING)
    here = Here(server)
    sessions = {home: Store(home).recent(limit) for home in homes}
    listed = {s.id for found in sessions.values() for s in found}
    for home in homes:
        mine = {r.session_id for r in records if r.codex_home == home}
        if home == default_home:
            mine |= here.places.keys()
        sessions[home] += [s for s in map(Store(home).find, mine - listed) if s and s.listed]
    found = with_activity(merge(records, sessions, here), answer())
    return sorted(found, key=lambda c: c.rank)


def others(conversations: list[Conversation]) -> list[Conversation]:
    """What the stores have besides these, newest first."""
    listed = {c.session_id for c in conversations}
    homes = dict.fromkeys([default_home(), *(c.codex_home for c in conversations)])
    sessions = [(home, s) for home in homes for s in Store(home).recent(ALL) if s.id not in listed]
    found = [of_session(home, session, None) for home, session in sessions]
    return sorted(found, key=lambda c: c.updated, reverse=True)


def with_activity(conversations: list[Conversation], doing: dict[str, str]) -> list[Conversation]:
    """The conversations with what each is doing, where `doing` (by session id) knows that."""
    if not doing:
        return conversations
    # A session that has no message yet is known by the beginning of its id.
    doing = doing | {session_id[:CUT]: what for session_id, what in doing.items()}
    return [c._replace(activity=doing[c.session_id]) if c.session_id in doing else c for c in conversations]


def find(server: Server, session_id: str) -> Conversation | None:
    """One conversation, without looking at the others."""
    records = remembered()
    mine = tuple(r for r in records if same_session(r.session_id, session_id))
    homes = [*(r.codex_home for r in mine), default_home(), *(r.codex_home for r in records)]
    for home in dict.fromkeys(homes):
        session = Store(home).find(session_id)
        if session is not None:
            found = merge(mine, {home: [session]}, Here(server))
            return next((c for c in found if same_session(c.session_id, session_id)), None)
    return next(iter(merge(mine, {}, Here(server))), None)


def places(server: Server) -> dict[str, Place]:
    """The panes of a tmux server that have a session, by that."""
    plain = ("pane_id", "pane_dead", Option.SESSION, Option.UNREAD, "window_index", "pane_index")
    counted = ("session_name", "@codex_launch")
    try:
        rows = server.listed("list-panes", "-a", "-f", "#{@codex_session}", plain=plain, chosen=counted)
    except TmuxError:
        rows = []
    found: dict[str, Place] = {}
    for row in rows:
        where = f"{row['session_name']}:{row['window_index']}.{row['pane_index']}"
        launch = decode_launch(row["@codex_launch"])
        place = Place(row["pane_id"], where, row["pane_dead"] == "1", launch, bool(row[Option.UNREAD]))
        found.setdefault(row["@codex_session"], place)
    return found


def merge(records: tuple[Record, ...], sessions: dict[str, list[Session]], here: Here) -> list[Conversation]:
    """Records and sessions as conversations, newest first; a record that cannot be resumed only while it has a pane."""
    known = {s.id: (home, s) for home, found in sessions.items() for s in found}
    whole = {session_id[:CUT]: session_id for session_id in known}
    newest: dict[str, Record] = {}
    for record in sorted(records, key=lambda r: (r.current, r.updated_at), reverse=True):
        newest.setdefault(whole.get(record.session_id, record.session_id), record)
    found = []
    for session_id, record in newest.items():
        session = known[session_id][1] if session_id in known else None
        place, elsewhere = here.place(session_id), here.elsewhere(record)
        if session or place or elsewhere or is_elsewhere(record):
            found.append(of_record(record, session_id, session, place, elsewhere))
    others = {session_id: known[session_id] for session_id in known if session_id not in newest}
    found += [of_session(home, session, here.place(s)) for s, (home, session) in others.items()]
    return sorted(found, key=lambda c: c.updated, reverse=True)


def is_elsewhere(started: Record | Launch) -> bool:
    """Whether the session is in a store of another machine or server, so that ours not having it means nothing."""
    return bool(started.transport) or any(flag.startswith("--remote") for flag in started.flags)


def of_record(
    record: Record, session_id: str, session: Session | None, place: Place | None, elsewhere: str
) -> Conversation:
    launch = launch_of(record)._replace(shell=False)
    return Conversation(
        session_id=session_id,
        title=(session.title if session else "") or far_title(record) or "(no message yet)",
        status=record.status,
        where=place.where if place else record.where,
        pane=place.pane if place else "",
        elsewhere="" if place else elsewhere,
        cwd=record.cwd,
        codex_home=record.codex_home,
        launch=launch,
        evidence=record.evidence,
        updated=max(session.updated if session else 0.0, 0.0) or record.updated_at.timestamp(),
        unread=place is not None and place.unread,
    )


def far_title(record: Record) -> str:
    """What stands for the title of a session that only another machine knows; "" for one of this machine."""
    if not is_elsewhere(record):
        return ""
    transport = of_argv(record.transport)
    return f"({transport.name if transport else ' '.join(redact(record.flags))})"


def of_session(home: str, session: Session, place: Place | None) -> Conversation:
    """The conversation of a session that codex-tmux has no record of."""
    mode = EXEC if session.exec_session else TUI
    cwd = session.cwd or os.path.expanduser("~")
    return Conversation(
        session_id=session.id,
        title=session.title or "(no title)",
        status=(DEAD if place.dead else LIVE) if place else "",
        where=place.where if place else "",
        pane=place.pane if place else "",
        elsewhere="",
        cwd=cwd,
        codex_home=home,
        launch=(place.launch if place else None) or Launch(mode, "", home, cwd, (), False),
        evidence="",
        updated=session.updated or session.created_ms / 1000,
        unread=place is not None and place.unread,
    )


def remembered() -> tuple[Record, ...]:
    """The records; none where the state file cannot be used: Codex's store is there all the same."""
    try:
        return store.peek()
    except store.StateError as e:
        log("state.unusable", why=e)
        return ()


def known(server: Server, limit: int = NEWEST) -> list[Conversation]:
    """Conversations as `gather` has them. Raises Problem where there is none."""
    found = gather(server, remembered(), default_home(), limit)
    if not found:
        raise Problem("no conversations yet: start codex, and say something to it")
    return found


def one(server: Server, session_id: str) -> Conversation:
    """The conversation of an id. Raises Problem where there is none."""
    found = find(server, session_id)
    if found is None:
        raise Problem(f"session {plain_line(session_id)} is not known")
    return found
