"""`codex-tmux undo`: what was closed last comes back at its place; again: what was closed before that."""

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta

import click

from codex_tmux.codex.session_id import CUT
from codex_tmux.commands.completion import FROM_KEY, ITS_CLIENT
from codex_tmux.errors import Problem, TmuxError
from codex_tmux.log import log
from codex_tmux.pane.new_pane import open_pane
from codex_tmux.restore.at_start import offer, sessions_text
from codex_tmux.restore.build import session_target
from codex_tmux.restore.plan import Plan, builds, lost_records
from codex_tmux.restore.restore import FAILED, RESUMED, Restore, Result, spots_of
from codex_tmux.restore.view import summary
from codex_tmux.state import store
from codex_tmux.state.launch import launch_of
from codex_tmux.state.pane_options import Option
from codex_tmux.state.records import CLOSED, LOST, Record
from codex_tmux.tmux import epoch
from codex_tmux.tmux.clients import own_client, show
from codex_tmux.tmux.control_mode import respawn
from codex_tmux.tmux.server import RESPAWN_PANE, Server
from codex_tmux.tmux.tell import problems_told, tell_client
from codex_tmux.tracking.model import Snapshot
from codex_tmux.tracking.pass_once import Pass, sync_once
from codex_tmux.tracking.sync import server_lock

TOGETHER = timedelta(seconds=1)
"""How far apart the records of one closing may be: they have whole seconds."""
CELL = re.compile(r"\d+x\d+,\d+,\d+,(\d+)")
"""A pane in a layout, with its number."""

Window = tuple[str, int]


@click.command(epilog="Example: codex-tmux undo, or prefix U")
@FROM_KEY
@ITS_CLIENT
def command(from_key: bool, client: str) -> None:
    """Bring back the conversation whose pane was closed last.

    It comes back in its window, at its place and in its size. If its window or its whole tmux session was closed,
    that is made again, with the other conversations that were closed with it. Run it again for the one before.
    """
    server = Server()
    client = client or own_client(server)
    with problems_told(server, from_key, client):
        results = undo(server, client)
    if results and not from_key:
        click.echo(said(results))
    elif len(results) > 1 or any(result.reason for result in results):
        tell_client(server, client, said(results))


def said(results: list[Result]) -> str:
    """What to say of an undo, in one line."""
    return ": ".join([summary(results), *sorted({result.reason for result in results if result.reason})])


def undo(server: Server, client: str) -> list[Result]:
    """Bring back what was closed last and show it to the client; what became of each. Raises Problem.

    Where nothing was closed since a restart that has lost conversations, the menu of those is shown instead.
    """
    with server_lock(server):
        seen = sync_once(server)
        lost = lost_records(seen.records, seen.snapshot)
        group = closed_last(seen.records, seen.snapshot, former=not lost)
        if group:
            return bring_back(server, seen, group, client)
    if not lost:
        raise Problem("nothing to undo: no pane with a conversation was closed")
    if client and offer(server, client):
        return []
    raise Problem(f"nothing was closed. {sessions_text(len(lost))} to restore: codex-tmux restore")


def closed_last(records: Iterable[Record], snapshot: Snapshot, former: bool) -> tuple[Record, ...]:
    """What was closed last in this tmux server, with `former` also in an earlier run of it, and what was closed with
    it: the others of its window, and of its tmux session where that is gone. The newest comes first.

    One window's panes that were closed one after the other have not seen the same layout.

    Not what is in a pane again, nor what had to give its pane to something else: that pane is not closed.
    """
    shown = {pane.session[:CUT] for pane in snapshot.panes if pane.session}
    here = {pane.id for pane in snapshot.panes}
    sessions = {pane.tmux_session for pane in snapshot.panes}

    def is_closed(record: Record) -> bool:
        ours = record.epoch == snapshot.epoch
        mine = record.server == snapshot.server and (ours or (former and not snapshot.may_hold(record)))
        there = record.session_id[:CUT] in shown or (ours and record.pane in here)
        return record.status == CLOSED and mine and not there

    closed = sorted(
        filter(is_closed, records), key=lambda r: (r.epoch == snapshot.epoch, r.updated_at), reverse=True
    )
    if not closed:
        return ()
    last = closed[0]

    def is_with_it(record: Record) -> bool:
        if record.epoch != last.epoch or last.updated_at - record.updated_at > TOGETHER:
            return False
        if record.window == last.window or record.tmux_session != last.tmux_session:
            return (record.tmux_session, record.window_layout) == (last.tmux_session, last.window_layout)
        return last.tmux_session not in sessions

    return tuple(filter(is_with_it, closed))


def window_of(record: Record, snapshot: Snapshot) -> Window | None:
    """The window that a closed pane was in, as it is called now: that of a pane that its layout names beside it; None
    where there is none of those."""
    numbers = CELL.findall(record.window_layout) if record.epoch == snapshot.epoch else []
    beside = [pane for pane in snapshot.panes if pane.id.lstrip("%") in numbers]
    return (beside[0].tmux_session, beside[0].window) if beside else None


def bring_back(server: Server, seen: Pass, group: tuple[Record, ...], client: str) -> list[Result]:
    """Bring back these records, the first of them onto the client's screen; what became of each. Under the sync lock.

    Meanwhile they are lost ones: a sync takes those up in the panes that say they have their sessions.
    """
    put((r._replace(status=LOST, epoch=epoch.taken_over()) for r in group), CLOSED)
    results: list[Result] = []
    try:
        results = placed(server, seen, group)
    finally:
        back = {result.session_id: result.pane for result in results if result.pane}
        put((r for r in group if r.session_id not in back), LOST)
    log("undo", sessions=" ".join(r.session_id for r in group), back=len(back))
    if pane := back.get(group[0].session_id):
        # It sleeps if its window was made anew. The person who asked for it may be asked in turn.
        with suppress(TmuxError):
            respawn(server, pane, [[RESPAWN_PANE, "-t", pane]])
        show(server, pane, client)
    return results


def placed(server: Server, seen: Pass, group: tuple[Record, ...]) -> list[Result]:
    restore = Restore(server)
    by_window: dict[Window | None, list[Record]] = {}
    for record in group:
        by_window.setdefault(window_of(record, seen.snapshot), []).append(record)
    gone = by_window.pop(None, [])
    for window, records in by_window.items():
        restore.results += join(server, window, records) if window else []
    restore.perform(seen, Plan((), tuple(builds(gone, spots_of(seen)))))
    return restore.results


def put(records: Iterable[Record], instead_of: str) -> None:
    """Save these in place of their sessions' records, where those have this status."""
    new = {record.session_id: record for record in records}
    with store.lock():
        known = store.load()
        store.save(tuple(new.get(r.session_id, r) if r.status == instead_of else r for r in known))


def join(server: Server, window: Window, records: list[Record]) -> list[Result]:
    """Bring records back into the window that they were in, each between the panes it stood between."""
    target = f"{session_target(window[0])}:{window[1]}"
    listed = server.run("list-panes", "-t", target, "-F", "#{pane_index} #{pane_id}").splitlines()
    base, panes = int(listed[0].split()[0]), [line.split()[1] for line in listed]
    results = []
    for record in sorted(records, key=lambda r: r.pane_index):
        at = max(0, min(record.pane_index - base, len(panes)))
        beside = ["-t", panes[at - 1]] if at else ["-b", "-t", panes[0]]
        had = {Option.SESSION: record.session_id, Option.EVIDENCE: record.evidence}
        try:
            pane = open_pane(server, ["split-window", *beside], launch_of(record), had)
        except Problem as e:
            results.append(Result.of(record, FAILED, reason=str(e)))
            continue
        panes.insert(at, pane)
        results.append(Result.of(record, RESUMED, pane))
    layout = max(records, key=lambda r: len(CELL.findall(r.window_layout))).window_layout
    if len(CELL.findall(layout)) == len(panes):
        server.try_run("select-layout", "-t", target, layout)
    return results
