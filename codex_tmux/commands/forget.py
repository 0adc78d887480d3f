"""`codex-tmux forget`: drop what codex-tmux knows of sessions. Codex's own data stays."""

import sys

import click

from codex_tmux.codex.store import NAMED_BY
from codex_tmux.commands.completion import PANE, REMEMBERED
from codex_tmux.commands.target import only, resolve
from codex_tmux.errors import Problem, TmuxError
from codex_tmux.log import log
from codex_tmux.plain_text import plain_line, tilde
from codex_tmux.sleeping.remain_on_exit import give_back, say_nothing
from codex_tmux.state import store
from codex_tmux.state.pane_options import KEPT_TRUE, Option, pane_options
from codex_tmux.state.records import ENDED, STATUS_WORDS, Record
from codex_tmux.tmux.server import Reading, Server
from codex_tmux.tracking.apply import run_all
from codex_tmux.tracking.model import Snapshot
from codex_tmux.tracking.pass_once import Pass, sync_once
from codex_tmux.tracking.sync import server_lock

OF_A_DEATH = (Option.ASLEEP, Option.WAITING, Option.TITLE_ID, Option.TITLE_AT, Option.CLEARED)
"""Options of a pane beside `KEPT_TRUE` that a pane without Codex has not."""


@click.command(epilog="Example: codex-tmux forget --all-ended")
@click.option(
    "-t",
    "--target",
    shell_complete=PANE,
    metavar="PANE",
    help="The session of this pane (%3, or any tmux target).",
)
@click.option("--all-ended", is_flag=True, help="All sessions whose Codex you quit.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.argument("sessions", nargs=-1, shell_complete=REMEMBERED, metavar="[SESSION]...")
def command(target: str | None, all_ended: bool, yes: bool, sessions: tuple[str, ...]) -> int:
    """Forget sessions. Codex keeps them: nothing of Codex's is deleted.

    SESSION is an id or its first characters (8 or more), as `codex-tmux list --all` shows it. A running session cannot
    be forgotten: codex-tmux would see it again at once.
    """
    if not (target or all_ended or sessions):
        raise click.UsageError("name a PANE, a SESSION, or --all-ended")
    server = Server()
    chosen = meant(server, resolve(server, target) if target else None, sessions, all_ended)
    if not chosen:
        click.echo("nothing to forget")
        return 0
    # Asked without the lock: nobody's pane may wait for a person.
    if not yes and sys.stdin.isatty() and not agreed(chosen):
        click.echo("nothing forgotten")
        return 1
    with server_lock(server):
        said = drop(server, look(server), chosen)
    click.echo(said)
    return 0


def meant(server: Server, pane_id: str | None, words: tuple[str, ...], all_ended: bool) -> list[Record]:
    """The records that are to be forgotten, each once. Raises Problem where one of them runs."""
    with server_lock(server):
        seen = look(server)
        chosen = [of_session(seen.records, word) for word in words]
        if pane_id:
            record = seen.record(pane_id)
            if record is None:
                raise Problem(f"pane {pane_id} has no known session")
            chosen.append(record)
        chosen += [r for r in seen.records if all_ended and r.status == ENDED]
        for record in chosen:
            refuse_running(seen, record)
    return list(dict.fromkeys(chosen))


def agreed(chosen: list[Record]) -> bool:
    for r in chosen:
        click.echo(
            plain_line(
                f"{r.session_id}  {STATUS_WORDS[r.status]}  {r.tmux_session}:{r.window}  {tilde(r.cwd)}"
            )
        )
    return click.confirm(f"Forget {counted(chosen)}?", default=True)


def counted(records: list[Record]) -> str:
    return records[0].session_id if len(records) == 1 else f"{len(records)} sessions"


def forget_session(server: Server, word: str) -> str:
    """Forget the session that `word` names, unasked; what to say of it. Raises Problem where nothing was done."""
    with server_lock(server):
        seen = look(server)
        return drop(server, seen, [of_session(seen.records, word)])


def look(server: Server) -> Pass:
    """The tmux server as it is; one without panes where none runs."""
    try:
        return sync_once(server)
    except TmuxError:
        return Pass(Reading({}, [], "", "", "", {}), Snapshot("", "", ()), store.peek())


def of_session(records: tuple[Record, ...], word: str) -> Record:
    """The one record that `word` names. Raises Problem."""
    prefix = word.lower()
    named = [r for r in records if len(prefix) >= NAMED_BY and r.session_id.startswith(prefix)]
    found = {record.session_id: record for record in named}
    return found[only(word, found)]


def refuse_running(seen: Pass, record: Record) -> None:
    """Raise Problem for a session that a pane is seen to run."""
    pane = seen.pane(record.pane) if seen.snapshot.holds(record) else None
    if pane and (pane.starting or (pane.running and pane.sighting)):
        raise Problem(f"quit Codex in pane {pane.id} first: it runs session {record.session_id}")


def drop(server: Server, seen: Pass, chosen: list[Record]) -> str:
    """Take the records out of the state file, and what the panes remember of them; what to say of it.

    Under the sync lock. Raises Problem, and drops nothing, where one of them runs.
    """
    gone = {r.session_id for r in chosen}
    for record in seen.records:
        if record.session_id in gone:
            refuse_running(seen, record)
    # The panes first: a sync would recall a record that only they remember.
    for pane in seen.snapshot.panes:
        if pane.session in gone:
            # As one that never ran Codex; a dead one stays as it is, but for the promise to resume.
            own = pane_options(pane.id, dict.fromkeys((*KEPT_TRUE, *OF_A_DEATH), ""))
            run_all(server, [*own, *give_back(pane.id), *say_nothing(pane.id)], loaded=False)
    with store.lock():
        store.save(tuple(r for r in store.load() if r.session_id not in gone))
    for record in chosen:
        log("session.forgotten", session=record.session_id, pane=record.pane, was=record.status)
    look(server)
    return f"forgotten: {counted(chosen)} (Codex still has the data)"
