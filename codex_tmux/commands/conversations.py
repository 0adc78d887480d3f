"""Every conversation of this machine: what codex-tmux remembers, and what Codex's store has beside it."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
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
from codex_tmux.state.attention import Attention, attention_of
from codex_tmux.state.launch import Launch, launch_of
from codex_tmux.state.pane_options import Option, decode_launch
from codex_tmux.state.records import DEAD, EXEC, LIVE, TUI, Record
from codex_tmux.state.words import state_words
from codex_tmux.tmux import epoch
from codex_tmux.tmux.epoch import ALIVE, ELSEWHERE, GONE
from codex_tmux.tmux.server import Server

NEWEST = 500
"""Sessions of a store that are listed at once, besides those that codex-tmux knows."""
ALL = 100_000
NO_TITLE = "(no title)"
PLACE = ("pane", "tmux_session", "window", "pane_index")
UNKNOWN = Record("", "", TUI, "", "", "", "", "", 0, "", "", 0, "", "", "", (), datetime.min)
"""What is remembered of a session without a record."""


class Place(NamedTuple):
    pane: str
    tmux_session: str
    window: int
    pane_index: int
    dead: bool
    launch: Launch | None
    mark: Attention = Attention()


class Conversation(NamedTuple):
    """One conversation. `record` is what codex-tmux remembers of it; of one that it does not know, what it would, with
    the status "". `title` is None where Codex's store does not have it; `pane` is one of this tmux server; `fate` is
    that of the record's one, and `at` its name where it is another one; `activity` is one of ACTIVITIES, "" where it is
    not known."""

    record: Record
    title: str | None
    updated: float
    pane: str = ""
    fate: str = GONE
    at: str = ""
    activity: str = ""
    mark: Attention = Attention()

    @property
    def session_id(self) -> str:
        """Whole, if anybody knows the whole of it."""
        return self.record.session_id

    @property
    def status(self) -> str:
        return self.record.status

    @property
    def launch(self) -> Launch:
        return launch_of(self.record)._replace(shell=False)

    @property
    def name(self) -> str:
        """Its title, or what stands for that; unsafe to print as it is."""
        if is_elsewhere(self.record) and not self.title:
            transport = of_argv(self.record.transport)
            return f"({transport.name if transport else ' '.join(redact(self.record.flags))})"
        return self.title or ("(no message yet)" if self.status else NO_TITLE)

    @property
    def elsewhere(self) -> str:
        """The socket of the other tmux server that has its pane, and where that is; "" where none does."""
        if self.pane or not self.record.current:
            return ""
        server = self.record.server
        return {ALIVE: server, ELSEWHERE: f"{server} on another host"}.get(self.fate, "")

    @property
    def reachable(self) -> bool:
        """Whether it can be resumed, or has its pane."""
        return self.title is not None or bool(self.pane or self.elsewhere) or is_elsewhere(self.record)

    @property
    def state(self) -> str:
        return state_words(self.status, self.activity, self.unread)

    @property
    def unread(self) -> bool:
        return self.mark.unread_since is not None

    @property
    def rank(self) -> int:
        """What needs the user comes first, then what is unread."""
        return 0 if self.activity in activity.WAITING else 1 if self.unread else 2


@dataclass
class Here:
    """The tmux server one is in, and its panes by their sessions, or by their ids; without a server nothing."""

    epoch: str = ""
    socket: str = ""
    places: dict[str, Place] = field(default_factory=dict)
    fates: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, server: Server) -> "Here":
        plain = (
            *("pid", "pane_id", "pane_dead", "window_index", "pane_index"),
            *(Option.SESSION, Option.UNREAD),
        )
        chosen = ("socket_path", "session_name", Option.LAUNCH, Option.UNREAD_AT, Option.TURNING)
        try:
            rows = server.listed("list-panes", "-a", plain=plain, chosen=chosen)
        except TmuxError:
            rows = []
        if not rows:
            return cls()
        # A window linked into several tmux sessions lists its panes once for each: the first counts.
        places = {
            row[Option.SESSION] or row["pane_id"]: Place(
                row["pane_id"],
                row["session_name"],
                int(row["window_index"]),
                int(row["pane_index"]),
                row["pane_dead"] == "1",
                decode_launch(row[Option.LAUNCH]),
                attention_of(row),
            )
            for row in reversed(rows)
        }
        return cls(epoch.of_server(rows[0]["pid"]), rows[0]["socket_path"], places)

    def place(self, record: Record) -> Place | None:
        session = record.session_id or record.pane
        return self.places.get(session) or self.places.get(session[:CUT])

    def moved(self, record: Record) -> Record:
        """The record with the place that its session's pane has by now."""
        place = self.place(record)
        return record._replace(**{name: getattr(place, name) for name in PLACE}) if place else record

    def fate(self, record: Record) -> str:
        if record.epoch not in self.fates:
            self.fates |= epoch.fates([record.epoch], self.epoch)
        return self.fates[record.epoch]

    def name_of(self, record: Record) -> str:
        """The tmux server of a record as a list names it; "" for the one that one is in."""
        fate = self.fate(record)
        if fate == ELSEWHERE:
            return " @another host"
        if self.socket and record.server and os.path.realpath(record.server) != os.path.realpath(self.socket):
            return f" @{os.path.basename(record.server)}"
        # Its socket is another one's by now.
        return f" @process {epoch.pid_of(record.epoch)}" if fate == ALIVE else ""


Known = Mapping[str, tuple[Session, str]]
"""Sessions by their ids, each with the `CODEX_HOME` that has it."""


def gather(
    server: Server, records: tuple[Record, ...], default_home: str, limit: int, word: str = ""
) -> list[Conversation]:
    """The newest conversations of each store, with a `word` those that have it in their title, id or directory, and all
    that have a record or a pane: those that need the user first, then the unread, then the newest."""
    homes = dict.fromkeys([default_home, *(r.codex_home for r in records)])
    # The daemons think while we read.
    answer = activity.asking(homes, activity.IN_PASSING)
    here = Here.of(server)
    known = {s.id: (s, home) for home in homes for s in Store(home).recent(limit, word)}
    wanted = [*((r.session_id, r.codex_home) for r in records), *((s, default_home) for s in here.places)]
    for session_id, home in wanted:
        session = None if session_id in known else Store(home).find(session_id)
        if session and session.listed:
            known[session_id] = session, home
    return sorted(with_activity(merge(records, known, here), answer()), key=lambda c: c.rank)


def others(conversations: list[Conversation]) -> Iterator[Session]:
    """What the stores have besides these, those of each store newest first."""
    listed = {c.session_id for c in conversations}
    homes = dict.fromkeys([default_home(), *(c.record.codex_home for c in conversations)])
    return (s for home in homes for s in Store(home).recent(ALL) if s.id not in listed)


def with_activity(conversations: list[Conversation], doing: dict[str, str]) -> list[Conversation]:
    """The conversations with what each is doing, where `doing` (by session id) knows that."""
    # A session that has no message yet is known by the beginning of its id.
    doing = doing | {session_id[:CUT]: what for session_id, what in doing.items()}
    return [c._replace(activity=doing.get(c.session_id, "")) for c in conversations]


def find(server: Server, session_id: str) -> Conversation | None:
    """One conversation, without looking at the others."""
    records = remembered()
    mine = tuple(r for r in records if same_session(r.session_id, session_id))
    homes = [*(r.codex_home for r in mine), default_home(), *(r.codex_home for r in records)]
    stored = ((Store(home).find(session_id), home) for home in dict.fromkeys(homes))
    known = next(({session.id: (session, home)} for session, home in stored if session), {})
    return next(iter(merge(mine, known, Here.of(server))), None)


def merge(records: Iterable[Record], known: Known, here: Here) -> list[Conversation]:
    """Records and sessions as conversations, newest first; a record that cannot be resumed only while it has a pane."""
    whole = {session_id[:CUT]: session_id for session_id in known}
    # Of the records of a session the current one counts, else the newest: it comes last.
    ordered = sorted(records, key=lambda r: (r.current, r.updated_at))
    newest = {whole.get(r.session_id, r.session_id): r for r in ordered}
    unknown = (None, "")
    found = [
        of_record(here.moved(r._replace(session_id=s)), known.get(s, unknown)[0], here)
        for s, r in newest.items()
    ]
    found += [of_session(*known[s], here) for s in known if s not in newest]
    return sorted((c for c in found if c.reachable), key=lambda c: c.updated, reverse=True)


def is_elsewhere(started: Record | Launch) -> bool:
    """Whether the session is in a store of another machine or server, so that ours not having it means nothing."""
    return bool(started.transport) or any(flag.startswith("--remote") for flag in started.flags)


def of_record(record: Record, session: Session | None, here: Here) -> Conversation:
    place = here.place(record)
    return Conversation(
        record,
        session.title if session else None,
        (session.updated if session else 0) or record.updated_at.timestamp(),
        place.pane if place else "",
        here.fate(record),
        here.name_of(record),
        mark=place.mark if place else Attention(),
    )


def of_session(session: Session, home: str, here: Here) -> Conversation:
    """The conversation of a session that codex-tmux has no record of."""
    mode, created = EXEC if session.exec_session else TUI, session.created_ms / 1000
    record = UNKNOWN._replace(
        session_id=session.id,
        mode=mode,
        codex_home=home,
        updated_at=datetime.fromtimestamp(created, timezone.utc),
    )
    if place := here.places.get(session.id):
        started = place.launch or launch_of(record)
        record = here.moved(record)._replace(status=DEAD if place.dead else LIVE, **started._asdict())
    return of_record(record._replace(cwd=session.cwd or os.path.expanduser("~")), session, here)


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
