"""`codex-tmux list`: every record, where it is and how we know."""

from collections.abc import Collection
from datetime import datetime, timezone
from typing import Any

import click

from codex_tmux.codex.commandline import redact
from codex_tmux.codex.daemon import activity
from codex_tmux.codex.session_id import CUT, is_whole
from codex_tmux.codex.store import Store
from codex_tmux.commands.conversations import Conversation, Here, of_record, with_activity
from codex_tmux.commands.list_view import far_end, paste_of, show
from codex_tmux.commands.pick import find_said
from codex_tmux.elsewhere.transport import of_argv
from codex_tmux.errors import Problem, TmuxError
from codex_tmux.json_form import document
from codex_tmux.log import log
from codex_tmux.plain_text import plain_line
from codex_tmux.state import store
from codex_tmux.state.records import CURRENT, DEAD, LIVE, LOST, STATUS_WORDS, STATUSES, Record, now
from codex_tmux.tmux import epoch
from codex_tmux.tmux.epoch import ALIVE, ELSEWHERE
from codex_tmux.tmux.greeting import names_sessions
from codex_tmux.tmux.server import Server
from codex_tmux.tracking.model import Sighting, new_record
from codex_tmux.tracking.pass_once import Pass
from codex_tmux.tracking.sync import look

STATUS_OF = {word: status for status, word in STATUS_WORDS.items()} | {LIVE: LIVE, DEAD: DEAD}


@click.command(epilog="Example: codex-tmux list --json | jq -r '.panes[].session_id'")
@click.option("--all", "everything", is_flag=True, help="Include ended and closed.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice([*STATUS_OF]),
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
    wanted = tuple(map(STATUS_OF.__getitem__, statuses))
    found = collect(Server(), wanted or (STATUSES if everything else (*CURRENT, LOST)))
    if as_json:
        click.echo(document("panes", map(as_row, found)))
    elif found:
        show(found)
        give_hints([c.record for c in found])
    else:
        words = " or ".join(STATUS_WORDS[status] for status in wanted)
        click.echo(f"no pane is {words}" if words else "no Codex panes yet")
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


def give_hints(records: list[Record]) -> None:
    """Say what to paste at far ends, and what to do about panes whose session is not known."""
    for record in records:
        if (words := paste_of(record)) and record.status != LIVE:
            text = f"{record.pane}: to resume in {far_end(record)}, paste there: {words}"
            click.echo(plain_line(text))
    unknown = [record for record in records if not record.session_id]
    if unknown:
        # `setup` is no advice where it has been done.
        done = all(names_sessions(record.codex_home) for record in unknown)
        advice = "Bind" if done else "Run codex-tmux setup to have Codex name it, or bind"
        panes = ", ".join(record.pane for record in unknown)
        click.echo(f"{panes}: session unknown, so it cannot be resumed.", err=True)
        click.echo(f"{advice} one: codex-tmux adopt -t {unknown[0].pane} SESSION", err=True)


def collect(server: Server, statuses: Collection[str]) -> list[Conversation]:
    """The records of these `statuses`, and the panes that run Codex with a session not known, whose id is ""."""
    try:
        seen = look(server)
        records = (*seen.records, *unknown_panes(seen))
    except TmuxError as e:
        # Without a tmux server the records are still there to be read.
        log("list.no_server", why=e)
        records = store.peek()
    here = Here.of(server)
    found: list[Conversation] = []
    wanted: dict[str, set[str]] = {}
    for record in (r for r in records if r.status in statuses):
        codex_store = Store(record.codex_home)
        whole = codex_store.complete(record.session_id) or record.session_id
        found.append(of_record(record._replace(session_id=whole), codex_store.find(whole), here))
        wanted.setdefault(record.codex_home, set()).add(whole)
    found = with_activity(found, activity.ask_all(wanted))
    return sorted(found, key=lambda c: (STATUSES.index(c.status), c.record.server, *c.record.position))


def unknown_panes(seen: Pass) -> list[Record]:
    """What a record would say of each pane that runs Codex, and has none."""
    held = {r.pane for r in seen.records if seen.snapshot.holds(r)}
    return [
        new_record(seen.snapshot, p, p.running._replace(cwd=p.cwd), Sighting("", ""), LIVE, now())
        for p in seen.snapshot.panes
        if p.running and p.id not in held
    ]


def as_row(c: Conversation) -> dict[str, Any]:
    record, since = c.record, c.mark.unread_since
    transport = of_argv(record.transport)
    return {
        "session_id": record.session_id if is_whole(record.session_id) else None,
        "session_prefix": record.session_id[:CUT] or None,
        "evidence": record.evidence or None,
        "exact": bool(record.evidence) and record.exact,
        "status": record.status,
        "mode": record.mode,
        "server": record.server,
        "server_is": {ALIVE: ALIVE, ELSEWHERE: ELSEWHERE}.get(c.fate),
        "server_pid": epoch.pid_of(record.epoch),
        "pane": record.pane,
        "tmux_session": record.tmux_session,
        "window": record.window,
        "window_name": record.window_name,
        "pane_index": record.pane_index,
        "cwd": record.cwd,
        "codex_home": record.codex_home,
        "flags": redact(record.flags),
        "transport": transport
        and {"kind": transport.kind, "target": transport.target, "command": list(record.transport)},
        "paste": paste_of(record) or None,
        "title": c.title,
        "activity": c.activity or None,
        "unread_since": None if since is None else datetime.fromtimestamp(since, timezone.utc).isoformat(),
        "updated_at": record.updated_at.isoformat() if record.evidence else None,
    }
