"""`codex-tmux list`: every record, where it is and how we know."""

import json
from collections.abc import Collection
from datetime import datetime, timezone
from operator import itemgetter
from typing import Any

import click

from codex_tmux.codex.commandline import redact
from codex_tmux.codex.daemon import activity
from codex_tmux.codex.session_id import CUT
from codex_tmux.codex.store import Store
from codex_tmux.commands.list_view import show
from codex_tmux.commands.pick import find_said
from codex_tmux.elsewhere.run_again import paste
from codex_tmux.elsewhere.transport import of_argv
from codex_tmux.errors import Problem, TmuxError
from codex_tmux.log import log
from codex_tmux.plain_text import plain_line
from codex_tmux.state import store
from codex_tmux.state.attention import attention
from codex_tmux.state.launch import Launch, launch_of
from codex_tmux.state.records import CURRENT, DEAD, LIVE, LOST, STATUS_WORDS, STATUSES, Record, now
from codex_tmux.tmux import epoch
from codex_tmux.tmux.epoch import ALIVE, ELSEWHERE, GONE
from codex_tmux.tmux.greeting import names_sessions
from codex_tmux.tmux.server import Server
from codex_tmux.tracking.model import Pane, Sighting, new_record
from codex_tmux.tracking.pass_once import Pass
from codex_tmux.tracking.sync import look

JSON_VERSION = 1
PLACE = itemgetter("server", "tmux_session", "window", "pane_index")
STATUS_OF = {word: status for status, word in STATUS_WORDS.items()}


@click.command(
    short_help="List panes, their Codex sessions, and what each is doing.",
    epilog="Example: codex-tmux list --json | jq -r '.panes[].session_id'",
)
@click.option("--all", "everything", is_flag=True, help="Include ended and closed.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice([*STATUS_WORDS.values(), LIVE, DEAD]),
    metavar=f"[{'|'.join(STATUS_WORDS.values())}]",
    help="Only these; can be repeated.",
)
@click.option(
    "--search", "word", metavar="WORD", help="Every conversation with this in its title or transcript."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def command(everything: bool, statuses: tuple[str, ...], word: str | None, as_json: bool) -> int:
    """List panes, their Codex sessions, and what each is doing.

    `exact`: something names the session: the pane's title, a lock that Codex holds, its command line, its last screen,
    or you (adopted). `inferred`: it is the only session that fits.

    What a conversation is doing (idle, working, needs approval or an answer) is known if Codex runs in its shared
    daemon. There, its work continues even while its pane is asleep. `unread`: a turn has ended, and nobody has looked
    at the pane since.
    """
    if word is not None:
        return list_found(word, as_json)
    wanted = tuple(STATUS_OF.get(status, status) for status in statuses) or (
        STATUSES if everything else (*CURRENT, LOST)
    )
    server = Server()
    rows = collect(server, wanted)
    add_activity(rows)
    add_unread(server, rows)
    if as_json:
        click.echo(json.dumps({"version": JSON_VERSION, "panes": rows}, indent=2, ensure_ascii=True))
    elif rows:
        show(rows, server.socket or server.try_run("display-message", "-p", "#{socket_path}"))
        if unknown := [row["pane"] for row in rows if row["session_id"] is None]:
            click.echo(
                unknown_text(unknown, {row["codex_home"] for row in rows if row["pane"] in unknown}), err=True
            )
    elif statuses:
        click.echo(f"no pane is {' or '.join(STATUS_WORDS[s] for s in wanted)}")
    else:
        click.echo("no Codex panes yet")
    return 0


def list_found(word: str, as_json: bool) -> int:
    """List the conversations with a word in them; the exit code is 1 where there is none, as grep's."""
    if not word.strip():
        raise Problem("--search needs a word")
    found = find_said.find_said(Server(), word)
    if as_json:
        click.echo(find_said.as_json(found))
    elif found:
        find_said.show_found(found)
    else:
        click.echo(f"no conversation has {plain_line(word)!r} in it", err=True)
    return 0 if found else 1


def unknown_text(panes: list[str], homes: set[str]) -> str:
    """What to do about panes whose session is not known; `setup` is no advice where it has been done."""
    done = all(names_sessions(home) for home in homes)
    setup = "" if done else "run codex-tmux setup to have Codex name it, or "
    text = f"{setup}bind one: codex-tmux adopt -t {panes[0]} SESSION"
    return f"{', '.join(panes)}: session unknown, so it cannot be resumed.\n{text[0].upper()}{text[1:]}"


def collect(server: Server, statuses: Collection[str] = STATUSES) -> list[dict[str, Any]]:
    """One row a record of these `statuses`, and one for each pane that runs Codex with a session not known.

    As `list --json` has them, but for the activity.
    """
    seen: Pass | None = None
    try:
        seen = look(server)
    except TmuxError as e:
        # Without a tmux server the records are still there to be read.
        log("list.no_server", why=e)
    records = seen.records if seen else store.peek()
    stores: dict[str, Store] = {}
    fates = seen.snapshot.fates if seen else epoch.fates(r.epoch for r in records)
    rows = [
        row_of_record(r, stores.setdefault(r.codex_home, Store(r.codex_home)), fates.get(r.epoch, GONE))
        for r in records
        if r.status in statuses
    ]
    if seen and LIVE in statuses:
        held = {r.pane for r in records if seen.snapshot.holds(r)}
        rows += [row_of_pane(seen, p) for p in seen.snapshot.panes if p.running and p.id not in held]
    return sorted(rows, key=lambda row: (STATUSES.index(row["status"]), *PLACE(row)))


def add_activity(rows: list[dict[str, Any]]) -> None:
    """Fill in what each conversation is doing, where its Codex home has a daemon that knows."""
    wanted: dict[str, set[str]] = {}
    for row in rows:
        if row["session_id"]:
            wanted.setdefault(row["codex_home"], set()).add(row["session_id"])
    doing = activity.ask_all(wanted)
    for row in rows:
        row["activity"] = doing.get(row["session_id"])


def add_unread(server: Server, rows: list[dict[str, Any]]) -> None:
    """Fill in since when a pane of this tmux server is unread."""
    marks = attention(server)
    socket = server.try_run("display-message", "-p", "#{socket_path}") if marks else None
    for row in rows:
        mark = marks.get(row["pane"])
        if mark and mark.unread_since is not None and row["server"] == socket and row["status"] in CURRENT:
            row["unread_since"] = datetime.fromtimestamp(mark.unread_since, timezone.utc).isoformat()


def row_of_record(record: Record, codex_store: Store, fate: str) -> dict[str, Any]:
    """A record as a row; `fate` is that of its tmux server."""
    whole = len(record.session_id) == 36
    session_id = record.session_id if whole else codex_store.complete(record.session_id)
    session = codex_store.find(session_id) if session_id else None
    return row(record, session_id, session.title if session else None, fate)


def row_of_pane(seen: Pass, pane: Pane) -> dict[str, Any]:
    """A pane that runs Codex and whose session is not known, as a row."""
    assert pane.running is not None
    launch = pane.running._replace(cwd=pane.cwd)
    record = new_record(seen.snapshot, pane, launch, Sighting("", ""), LIVE, now())
    unknown = dict.fromkeys(("session_prefix", "evidence", "updated_at"))
    return row(record, None, None, GONE) | unknown | {"exact": False}


def row(record: Record, session_id: str | None, title: str | None, fate: str) -> dict[str, Any]:
    """What a row has of a record: `session_id` is whole, or None; what it is doing is not asked here."""
    return {
        "session_id": session_id,
        "session_prefix": record.session_id[:CUT],
        "evidence": record.evidence,
        "exact": record.exact,
        "status": record.status,
        "mode": record.mode,
        "server": record.server,
        "server_is": fate if fate in (ALIVE, ELSEWHERE) else None,
        "server_pid": epoch.pid_of(record.epoch),
        "pane": record.pane,
        "tmux_session": record.tmux_session,
        "window": record.window,
        "window_name": record.window_name,
        "pane_index": record.pane_index,
        "cwd": record.cwd,
        "codex_home": record.codex_home,
        "flags": redact(record.flags),
        **elsewhere(launch_of(record), record.session_id),
        "title": title,
        "activity": None,
        "unread_since": None,
        "updated_at": record.updated_at.isoformat(),
    }


def elsewhere(launch: Launch, session_id: str) -> dict[str, Any]:
    """The columns of a Codex that runs at the far end of a transport: which, and what a person types there to resume,
    where codex-tmux cannot."""
    transport = of_argv(launch.transport) if launch.transport else None
    if transport is None:
        return {"transport": None, "paste": None}
    return {
        "transport": {"kind": transport.kind, "target": transport.target, "command": list(launch.transport)},
        "paste": paste(session_id) if launch.typed and session_id else None,
    }
