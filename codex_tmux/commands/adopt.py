"""`codex-tmux adopt`: bind a session to a pane by hand."""

import os
import shutil

import click

from codex_tmux.codex.home import default_home
from codex_tmux.codex.session_id import same_session
from codex_tmux.codex.store import Session, Store
from codex_tmux.commands.completion import DIRECTORY, PANE_OPTION, SESSION
from codex_tmux.commands.target import only, resolve
from codex_tmux.errors import Problem
from codex_tmux.log import log
from codex_tmux.pane.run import REASONS
from codex_tmux.plain_text import plain_line, shortened
from codex_tmux.sleeping.resume import put_to_sleep, wait_until_dead
from codex_tmux.state import store
from codex_tmux.state.launch import Launch
from codex_tmux.state.pane_options import Option, encode_launch, pane_options
from codex_tmux.state.records import ADOPTED, DEAD, ENDED, EXEC, LIVE, LOST, TUI, Record, now
from codex_tmux.tmux.epoch import ELSEWHERE, server_name
from codex_tmux.tmux.server import Server
from codex_tmux.tracking.model import RANK, Pane, Sighting, new_record
from codex_tmux.tracking.pass_once import Pass, sync_once
from codex_tmux.tracking.sync import server_lock


@click.command(epilog="Example: codex-tmux adopt -t %3 01a201da-7561")
@PANE_OPTION
@click.option(
    "--codex-home",
    type=DIRECTORY,
    metavar="DIR",
    help="Codex's home with the session; default: the pane's, then $CODEX_HOME, ~/.codex.",
)
@click.option("--force", is_flag=True, help="Take it from another tmux server, or another host.")
@click.argument("session", shell_complete=SESSION, metavar="SESSION")
def command(pane: str | None, codex_home: str | None, force: bool, session: str) -> None:
    """Bind a session to a pane by hand.

    SESSION is an id, its first characters (8 or more), or the name you gave it in Codex. The pane may run Codex, be
    asleep, or be a shell. If it is asleep or a shell, resume it with `codex-tmux respawn` or prefix R.
    """
    server = Server()
    pane_id = resolve(server, pane)
    with server_lock(server):
        seen = sync_once(server)
        its = seen.require(pane_id)
        home = home_of(its, seen.record(pane_id), codex_home)
        found = find(Store(home), session, running=its.running is not None)
        launch = launch_of(server, its, found, home)
        refuse_pane(its, launch, found)
        refuse_taken(seen, its, found, force)
        bind(server, seen, its, launch, found.id)
        bound = sync_once(server).record(pane_id)
    if bound is None or not bound.current or bound.session_id != found.id:
        raise Problem(f"pane {pane_id} now shows another session: nothing was bound")
    what = "" if bound.status == LIVE else f"; to resume it: codex-tmux respawn -t {pane_id}"
    click.echo(
        f"pane {pane_id} has session {found.id} ({shortened(plain_line(found.title), 40) or 'no title'}){what}"
    )


def home_of(pane: Pane, record: Record | None, given: str | None) -> str:
    """The `CODEX_HOME` to look in. A Codex that runs has one already."""
    known = pane.running or pane.launch or record
    if given:
        given = os.path.abspath(os.path.expanduser(given))
        if pane.running and os.path.realpath(given) != os.path.realpath(pane.running.codex_home):
            raise Problem(f"the Codex in pane {pane.id} uses {pane.running.codex_home}, not {given}")
        return given
    return (known and known.codex_home) or default_home()


def find(codex_store: Store, word: str, running: bool) -> Session:
    """The one session that `word` means and that a pane can have. Raises Problem."""
    session = only(word, codex_store.named(word), f" in {codex_store.codex_home}")
    resumable, why = codex_store.resumable(session)
    # The Codex that runs has it open: there need not be anything to resume yet.
    if not resumable and not (running and why == "no-message"):
        raise Problem(REASONS.get(why, "session {session} cannot be resumed").format(session=session))
    found = codex_store.find(session)
    return found or Session(session, "", "", "", "", "", False, False, False, created_ms=0, updated=0.0)


def launch_of(server: Server, pane: Pane, session: Session, codex_home: str) -> Launch:
    """How the session's Codex starts in this pane: as what runs or ran there, in the session's own directory."""
    known = pane.running or pane.launch
    if pane.running:
        return pane.running
    cwd = session.cwd if os.path.isdir(session.cwd) else pane.cwd or (known.cwd if known else "")
    if known:
        return known._replace(cwd=cwd, codex_home=codex_home)
    codex = server.option("@codex-command") or shutil.which("codex") or "codex"
    mode = EXEC if session.exec_session else TUI
    return Launch(mode, codex, codex_home, cwd, (), shell=not pane.dead)


def refuse_pane(pane: Pane, launch: Launch, session: Session) -> None:
    """Raise Problem where the pane shows something else, or cannot show the session."""
    if pane.starting:
        raise Problem(f"pane {pane.id} is just starting Codex: try again in a moment")
    if session.exec_session and launch.mode != EXEC:
        raise Problem(
            f"session {session.id} belongs to codex exec: a pane with Codex's own screen cannot show it"
        )
    shown = pane.sighting if pane.running else None
    if shown and not same_session(shown.session_id, session.id) and RANK[shown.evidence] >= RANK[ADOPTED]:
        raise Problem(
            f"pane {pane.id} shows session {shown.session_id} (by its {shown.evidence}): it is bound to that"
        )


def refuse_taken(seen: Pass, pane: Pane, session: Session, force: bool) -> None:
    """Raise Problem where another pane has the session; with `force` only where that is one of this tmux server."""
    snapshot, here = seen.snapshot, seen.snapshot.place(pane.id)
    for record in seen.records:
        there = snapshot.fates.get(record.epoch)
        taken = record.status == LIVE or (there == ELSEWHERE and record.status in (DEAD, LOST))
        free = not taken or record.place == here or not snapshot.may_hold(record)
        if free or not same_session(record.session_id, session.id):
            continue
        if record.epoch == snapshot.epoch:
            raise Problem(
                f"session {session.id} is in pane {record.pane}, where it is running: it can be in one pane only"
            )
        if not force:
            where = f"pane {record.pane} of {server_name(record.epoch, record.server)}"
            named = {ELSEWHERE: "a pane of another host"}.get(str(there), where)
            raise Problem(f"session {session.id} is in {named}: --force takes it from there")


def bind(server: Server, seen: Pass, pane: Pane, launch: Launch, session_id: str) -> None:
    """Make pane options and state file name the session; a shell's or a dead pane's next respawn resumes it."""
    if not pane.running:
        shown = {Option.MARK: "1", Option.LAUNCH: encode_launch(launch), Option.STATE: DEAD}
        server.run_commands(pane_options(pane.id, shown))
    server.run_commands(pane_options(pane.id, {Option.SESSION: session_id, Option.EVIDENCE: ADOPTED}))
    with store.lock():
        records = store.load()
        store.save(with_binding(records, seen, pane, launch, session_id))
    for old in records:
        another = seen.snapshot.holds(old) and old.pane != pane.id
        if another and same_session(old.session_id, session_id):
            # A dead pane that had it: its next respawn must not bring it back there.
            server.try_commands(pane_options(old.pane, {Option.SESSION: "", Option.EVIDENCE: ""}))
    log("session.adopted", session=session_id, pane=pane.id)
    if pane.dead and not pane.asleep:
        wait_until_dead(server, {pane.id: put_to_sleep(server, pane.id, launch, pane.exit)})


def with_binding(
    records: tuple[Record, ...], seen: Pass, pane: Pane, launch: Launch, session_id: str
) -> tuple[Record, ...]:
    """The records with this pane's being of this session, and no other one of it."""
    status = LIVE if pane.running else DEAD
    bound = new_record(seen.snapshot, pane, launch, Sighting(session_id, ADOPTED), status, now())
    kept = [
        r._replace(status=ENDED, updated_at=now()) if r.current and r.place == bound.place else r
        for r in records
        if not same_session(r.session_id, session_id)
    ]
    return (*kept, bound)
