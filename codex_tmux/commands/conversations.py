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
from codex_tmux.state.pane_options import Option
from codex_tmux.state.records import EXEC, TUI, Record
from codex_tmux.state.words import state_words
from codex_tmux.tmux import epoch
from codex_tmux.tmux.epoch import ALIVE, ELSEWHERE, GONE
from codex_tmux.tmux.server import Server

NEWEST = 500
"""Sessions of a store that are listed at once, besides those that codex-tmux knows."""
ALL = 100_000
NO_TITLE = "(no title)"


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
    """The tmux server one is in, and which of its panes need somebody, by pane id; without a server nothing."""

    epoch: str = ""
    socket: str = ""
    marks: dict[str, Attention] = field(default_factory=dict)
    fates: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, server: Server) -> "Here":
        chosen = ("socket_path", Option.UNREAD_AT, Option.TURNING)
        try:
            rows = server.listed("list-panes", "-a", plain=("pid", "pane_id", Option.UNREAD), chosen=chosen)
        except TmuxError:
            rows = []
        if not rows:
            return cls()
        marks = {row["pane_id"]: attention_of(row) for row in rows}
        return cls(epoch.of_server(rows[0]["pid"]), rows[0]["socket_path"], marks)

    def pane(self, record: Record) -> str:
        """The record's pane, if it is one of this tmux server; else ""."""
        return (
            record.pane if record.current and record.epoch == self.epoch and record.pane in self.marks else ""
        )

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
    that have a record: those that need the user first, then the unread, then the newest."""
    homes = dict.fromkeys([default_home, *(r.codex_home for r in records)])
    # The daemons think while we read.
    answer = activity.asking(homes, activity.IN_PASSING)
    here = Here.of(server)
    known = {s.id: (s, home) for home in homes for s in Store(home).recent(limit, word)}
    for record in records:
        home, session_id = record.codex_home, record.session_id
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
    found = [of_record(r._replace(session_id=s), known.get(s, unknown)[0], here) for s, r in newest.items()]
    found += [of_session(*known[s]) for s in known if s not in newest]
    return sorted((c for c in found if c.reachable), key=lambda c: c.updated, reverse=True)


def is_elsewhere(started: Record | Launch) -> bool:
    """Whether the session is in a store of another machine or server, so that ours not having it means nothing."""
    return bool(started.transport) or any(flag.startswith("--remote") for flag in started.flags)


def of_record(record: Record, session: Session | None, here: Here) -> Conversation:
    pane = here.pane(record)
    return Conversation(
        record,
        session.title if session else None,
        (session.updated if session else 0) or record.updated_at.timestamp(),
        pane,
        here.fate(record),
        here.name_of(record),
        mark=here.marks.get(pane, Attention()),
    )


def of_session(session: Session, home: str) -> Conversation:
    """The conversation of a session that codex-tmux has no record of."""
    record = Record(
        session_id=session.id,
        evidence="",
        mode=EXEC if session.exec_session else TUI,
        status="",
        server="",
        epoch="",
        pane="",
        tmux_session="",
        window=0,
        window_name="",
        window_layout="",
        pane_index=0,
        cwd=session.cwd or os.path.expanduser("~"),
        codex="",
        codex_home=home,
        flags=(),
        updated_at=datetime.fromtimestamp(session.created_ms / 1000, timezone.utc),
    )
    return Conversation(record, session.title, session.updated or session.created_ms / 1000)


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
