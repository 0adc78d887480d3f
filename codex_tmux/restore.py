"""`codex-tmux restore`: after a server restart, every conversation back in its place."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import click

from codex_tmux import tmux
from codex_tmux.codex.store import Store
from codex_tmux.errors import Problem
from codex_tmux.evidence import find_id
from codex_tmux.idle_shell import untouched
from codex_tmux.log import log
from codex_tmux.pass_once import Pass, see_that_tmux_reaps, sync_once
from codex_tmux.plain_text import printable
from codex_tmux.rebuild import EARLY, WAITING, Rebuilder, hint_of, launch_of
from codex_tmux.records import Record
from codex_tmux.restore_plan import TITLE_ID, Build, Plan, Spot, lost_records, make_plan, place
from codex_tmux.resume import run_command, wait_until_dead
from codex_tmux.resurrect import POST, PRE, processes_of, release_early, restores_at_start, would_start_codex
from codex_tmux.sync import server_lock
from codex_tmux.tell import tell
from codex_tmux.tmux import RESPAWN_PANE, Server, TmuxError

JSON_VERSION = 1
RESUMED, WAITS, REBUILT, SKIPPED, FAILED = "resumed", "waiting", "rebuilt", "skipped", "failed"
FILLS = 8
"""How many panes are filled in one tmux call: it may be 16 KB long, and a restore that is killed finishes it."""
SERVER_STARTUP = 10.0
"""Seconds until a tmux server that is reading its configuration has its first tmux session."""
CONTINUUM_DELAY = 20
"""Seconds after which tmux-continuum has restored, if it will: it gives up ten seconds after the server's start."""


class Result(NamedTuple):
    """What became of one session (None: a plain shell of its window), and in which pane."""

    session_id: str | None
    pane: str | None
    outcome: str
    reason: str
    where: str


@click.command(epilog="Example: codex-tmux restore --dry-run")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON object.")
@click.option("--at-start", is_flag=True, hidden=True, help="From the plugin: what @codex-restore says.")
@click.option("--ask", is_flag=True, hidden=True, help="From a hook: show the menu to the newest client.")
@click.option("--now", is_flag=True, hidden=True, help="From the menu: tell the outcome in tmux.")
@click.option("--choose", is_flag=True, hidden=True, help="From the menu's popup: choose which.")
@click.option("--resurrect", metavar="HOOK", hidden=True, help="From tmux-resurrect's hooks.")
def command(
    dry_run: bool, as_json: bool, at_start: bool, ask: bool, now: bool, choose: bool, resurrect: str | None
) -> int:
    """Bring back what a restart of the tmux server has lost.

    Missing tmux sessions, windows and panes are built again, where they were and as they were; existing ones are
    joined. A pane that is in use is left alone. Each conversation waits, without a process, until its window is
    shown (see @codex-restore-lazy); nothing of yours is moved meanwhile. Safe to interrupt, and to run again.
    """
    server = Server()
    if at_start:
        start(server)
    elif ask:
        show_menu(server)
    elif now:
        announce(server, restore(server))
    elif choose:
        choose_and_restore(server)
    elif resurrect is not None:
        after_resurrect(server, resurrect)
    elif dry_run:
        plan = Restore(server).plan_only()
        click.echo(as_document(planned(plan)) if as_json else plan_text(plan))
    else:
        return by_hand(server, as_json)
    return 0


def by_hand(server: Server, as_json: bool) -> int:
    """Restore for somebody who watches; the exit code."""
    results = restore(server) if as_json or not sys.stdout.isatty() else with_progress(server)
    if as_json:
        click.echo(as_document(results))
    else:
        for line in outcome_lines(results):
            click.echo(line)
    return 1 if any(r.outcome == FAILED for r in results) else 0


def restore(
    server: Server,
    *,
    sessions: frozenset[str] | None = None,
    rebuilt: bool = False,
    early: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[Result]:
    """Restore what this tmux server has lost, or of it the `sessions`; what became of each. Raises Problem.

    `rebuilt`: tmux-resurrect has just restored the layout; `early`: and is about to type commands into its panes.
    `progress` is told how many are done and how many there are.
    """
    return Restore(server, sessions, rebuilt, early).run(progress)


class Restore:
    """One restore, under the sync lock of its tmux server: neither a sync nor a second restore comes between.

    What is done is remembered in the panes themselves, by the very call that makes them: interrupted anywhere, the
    next sync sees which sessions have their pane, and only the others are still lost.
    """

    def __init__(
        self,
        server: Server,
        sessions: frozenset[str] | None = None,
        rebuilt: bool = False,
        early: bool = False,
    ) -> None:
        self.server = server
        self.sessions = sessions
        self.rebuilt = rebuilt
        self.early = early
        self.results: list[Result] = []
        self.drawing: dict[str, str] = {}  # the panes that are falling asleep, and their processes

    def plan_only(self) -> Plan:
        """What would be done; only the records are brought up to date."""
        with server_lock(self.server):
            return self.make_plan(sync_once(self.server))

    def run(self, progress: Callable[[int, int], None] | None) -> list[Result]:
        """Restore; what became of each session."""
        with server_lock(self.server):
            seen = sync_once(self.server)
            plan = self.make_plan(seen)
            if plan.records or plan.skips:
                self.perform(seen, plan, progress or (lambda done, of: None))
        return self.results

    def make_plan(self, seen: Pass) -> Plan:
        """The plan for what is lost."""
        lost = lost_records(seen.records, seen.snapshot.server, self.sessions)
        spots = spots_of(seen)
        if not lost:
            return Plan()
        wanted = set(place(lost, spots).values())
        free = untouched(self.server, wanted) if wanted else frozenset()
        return make_plan(lost, spots, free, rebuilt=self.rebuilt, fill_only=self.early)

    def perform(self, seen: Pass, plan: Plan, progress: Callable[[int, int], None]) -> None:
        """Do what the plan says, pane by pane and window by window."""
        records = [f.record for f in plan.fills] + [
            c.record for b in plan.builds for c in b.cells if c.record
        ]
        lazy = seen.reading.server["@codex-restore-lazy"] != "off"
        builder = Rebuilder(
            self.server,
            seen.reading.server["version"],
            {(r.mode, r.shell): run_command(self.server, launch_of(r)) for r in records},
            hints_of(records),
            EARLY if self.early else WAITING,
        )
        total, done = plan.records, 0
        progress(0, total)
        for skip in plan.skips:
            self.results.append(
                Result(skip.record.session_id, None, SKIPPED, skip.reason, where_of(skip.record))
            )
        left = list(plan.fills)
        while left:
            some = left[:FILLS]
            try:
                filled = builder.fill([(f.pane, f.record) for f in some])
            except TmuxError as e:
                # The first of them cannot be done; the others have another go.
                first = left.pop(0)
                self.results.append(
                    Result(first.record.session_id, first.pane, FAILED, str(e), where_of(first.record))
                )
                continue
            left = left[len(filled) :]
            for fill, (process, notes) in zip(some, filled):
                self.drawing[fill.pane] = process
                self.results.append(
                    Result(fill.record.session_id, fill.pane, WAITS, "; ".join(notes), where_of(fill.record))
                )
            done += len(filled)
            progress(done, total)
        base_index = int(self.server.try_run("show-options", "-gv", "base-index") or "0")
        sessions = builder.sessions() if plan.builds else set()
        for build in plan.builds:
            self.build(builder, build, base_index, build.tmux_session not in sessions)
            sessions = (
                sessions | {build.tmux_session} if self.results[-1].outcome != FAILED else builder.sessions()
            )
            done += sum(1 for c in build.cells if c.record)
            progress(done, total)
        wait_until_dead(self.server, self.drawing)
        see_that_tmux_reaps(self.server)  # only then does it draw their last line
        if not self.early:
            woken = wake(self.server, list(self.drawing), everything=not lazy)
            self.results = [r._replace(outcome=RESUMED) if r.pane in woken else r for r in self.results]
        sync_once(self.server)
        for result in self.results:
            if result.outcome != REBUILT:
                log(
                    f"restore.{result.outcome}",
                    session=result.session_id,
                    pane=result.pane,
                    why=result.reason or None,
                )

    def build(self, builder: Rebuilder, build: Build, base_index: int, new_session: bool) -> None:
        """Build one window, and note what became of its panes."""
        where = f"{build.tmux_session}:{build.window}"
        try:
            panes, notes = builder.build(build, base_index, new_session)
        except TmuxError as e:
            for cell in build.cells:
                if cell.record:
                    self.results.append(
                        Result(cell.record.session_id, None, FAILED, str(e), where_of(cell.record))
                    )
            return
        if build.moved is not None:
            notes.insert(0, f"window {build.tmux_session}:{build.moved} is in use: now {where}")
        for cell, (pane, pid) in zip(build.cells, panes):
            if cell.record:
                self.drawing[pane] = pid
            session = cell.record.session_id if cell.record else None
            outcome = WAITS if cell.record else REBUILT
            self.results.append(Result(session, pane, outcome, "; ".join(notes), where))


def spots_of(seen: Pass) -> tuple[Spot, ...]:
    """The panes there are, as the plan wants them."""
    alone: dict[tuple[str, int], int] = {}
    for pane in seen.snapshot.panes:
        alone[pane.tmux_session, pane.window] = alone.get((pane.tmux_session, pane.window), 0) + 1
    return tuple(
        Spot(
            pane=pane.id,
            tmux_session=pane.tmux_session,
            window=pane.window,
            pane_index=pane.pane_index,
            cwd=row["pane_current_path"],
            title_id=find_id(row["pane_title"])[:TITLE_ID],
            taken=pane.dead or pane.marked or bool(pane.running) or pane.starting or bool(pane.session),
            fresh=alone[pane.tmux_session, pane.window] == 1,
        )
        for row, pane in zip(seen.reading.panes, seen.snapshot.panes)
    )


def hints_of(records: list[Record]) -> dict[str, str]:
    """The line that names each session while it sleeps."""
    stores: dict[str, Store] = {}
    hints = {}
    for record in records:
        known = stores.setdefault(record.codex_home, Store(record.codex_home)).find(record.session_id)
        hints[record.session_id] = hint_of(known.title if known else "", record.session_id)
    return hints


def where_of(record: Record) -> str:
    """The record's place in tmux's own notation."""
    return f"{record.tmux_session}:{record.window}.{record.pane_index}"


def wake(server: Server, panes: list[str], everything: bool) -> set[str]:
    """Wake those of the panes that a client shows; `everything`: all of them, as soon as there is a client at all."""
    if not panes:
        return set()
    form = "#{pane_id} #{pane_dead} #{session_attached} #{window_active}"
    asked = ["set-option", "-g", "@codex_wake_at_attach", "1", ";"] if everything else []
    lines = server.run(*asked, "list-panes", "-a", "-F", form).splitlines()
    rows = [line.split(" ") for line in lines]
    attached = any(row[2] != "0" for row in rows)
    if everything and attached:
        server.try_run("set-option", "-gu", "@codex_wake_at_attach")
    awake = set()
    for pane, dead, clients, shown in rows:
        if pane in panes and dead == "1" and ((clients != "0" and shown == "1") or (everything and attached)):
            # A hook may have been quicker.
            server.try_run(RESPAWN_PANE, "-t", pane)
            awake.add(pane)
    return awake


# What people see


def with_progress(server: Server) -> list[Result]:
    """Restore behind a bar."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("restoring", total=None)
        return restore(server, progress=lambda done, of: bar.update(task, completed=done, total=of))


def outcome_lines(results: list[Result]) -> list[str]:
    """The outcome: one line of counts, then one for each session that is not simply there again."""
    lines = [summary(results)]
    for result in results:
        if result.reason and result.session_id:
            where = f"{result.where} ({result.pane})" if result.pane else result.where
            lines.append(printable(f"  {result.outcome}: {where} {result.session_id}: {result.reason}"))
    return lines


def summary(results: list[Result]) -> str:
    """One line: how many came back, and how."""
    count = {
        o: sum(1 for r in results if r.outcome == o and r.session_id)
        for o in (RESUMED, WAITS, SKIPPED, FAILED)
    }
    if not any(count.values()):
        return "nothing is lost: no session to restore"
    back = count[RESUMED] + count[WAITS]
    text = f"{back} {'session' if back == 1 else 'sessions'} restored"
    if count[WAITS]:
        text += f" ({count[WAITS]} of them {'sleeps' if count[WAITS] == 1 else 'sleep'} until shown)"
    for outcome in (SKIPPED, FAILED):
        if count[outcome]:
            text += f", {count[outcome]} {outcome}"
    return text


def as_document(results: list[Result]) -> str:
    """The results as `restore --json` prints them."""
    rows: list[dict[str, Any]] = [
        {"session_id": r.session_id, "pane": r.pane, "outcome": r.outcome, "reason": r.reason or None}
        for r in results
    ]
    return json.dumps({"version": JSON_VERSION, "results": rows}, indent=2)


def planned(plan: Plan) -> list[Result]:
    """The plan as results; a pane that is yet to be built is None."""
    found = [Result(f.record.session_id, f.pane, WAITS, "", where_of(f.record)) for f in plan.fills]
    for build in plan.builds:
        for cell in build.cells:
            reason = moved_text(build)
            outcome = WAITS if cell.record else REBUILT
            found.append(Result(cell.record.session_id if cell.record else None, None, outcome, reason, ""))
    return found + [Result(s.record.session_id, None, SKIPPED, s.reason, "") for s in plan.skips]


def moved_text(build: Build) -> str:
    """Why a window does not come back under its own index; "" where it does."""
    return "" if build.moved is None else f"window {build.tmux_session}:{build.moved} is in use"


def plan_text(plan: Plan) -> str:
    """The plan as a table."""
    rows = [("WHERE", "SESSION", "HOW", "DIRECTORY")]
    for fill in plan.fills:
        rows.append((where_of(fill.record), fill.record.session_id, f"in pane {fill.pane}", fill.record.cwd))
    for build in plan.builds:
        how = "new window" + (f" ({moved_text(build)})" if build.moved is not None else "")
        for at, cell in enumerate(build.cells):
            directory = cell.cwd if os.path.isdir(cell.cwd) else f"{cell.cwd} (gone: home instead)"
            session = cell.record.session_id if cell.record else "- shell"
            rows.append(
                (f"{build.tmux_session}:{build.window}.{at}", session, how if at == 0 else "split", directory)
            )
    for skip in plan.skips:
        rows.append(
            (where_of(skip.record), skip.record.session_id, f"skipped: {skip.reason}", skip.record.cwd)
        )
    if len(rows) == 1:
        return "nothing is lost: no session to restore"
    cells = [tuple(printable(c) for c in row) for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(4)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in cells)


# At server start


def start(server: Server) -> None:
    """What @codex-restore says, once a tmux server: restore, ask, or nothing; and nothing where nothing is lost."""
    mode = server.try_run("show-options", "-gqv", "@codex-restore") or "ask"
    if mode == "off" or not (lost := wait_for_lost(server)):
        return
    if restores_at_start(server) and not server.try_run("show-options", "-gqv", "@codex_second_look"):
        # Its own hook brings us in; should it not restore (no save file, another tmux server), a timer does.
        log("restore.left_to_continuum", lost=lost)
        server.run(
            *("set-option", "-g", "@codex_second_look", "1", ";"),
            *("run-shell", "-b", "-d", str(CONTINUUM_DELAY), "#{@codex_at_start}"),
        )
        return
    if mode == "on":
        announce(server, restore(server))
        return
    # Either the client that attaches next takes the question, or one that is there already: it is asked once.
    clients = server.run(
        "set-option", "-g", "@codex_lost", str(lost), ";", "list-clients", "-F", "#{client_name}"
    )
    if clients:
        server.run(
            "if-shell", "-F", "#{@codex_lost}", "set-option -gu @codex_lost ; run-shell -b '#{@codex_ask}'"
        )


def wait_for_lost(server: Server) -> int:
    """How many sessions are lost, asked as soon as the server has a tmux session."""
    end = time.monotonic() + SERVER_STARTUP
    while True:
        with server_lock(server):
            seen = sync_once(server)
        if seen.snapshot.panes or time.monotonic() > end:
            return len(lost_records(seen.records, seen.snapshot.server))
        time.sleep(0.05)


def show_menu(server: Server) -> None:
    """Ask the client that came last: all, choose, not now."""
    lost = wait_for_lost(server)
    lines = server.run(
        "list-clients", "-F", "#{client_created} #{client_control_mode} #{client_name}"
    ).splitlines()
    clients = [c for c in (line.split(" ", 2) for line in lines) if c[1] != "1"]
    if not lost or not clients:
        return
    client = max(clients, key=lambda c: int(c[0]))[2]
    helper = command_line(server)
    what = "1 Codex session" if lost == 1 else f"{lost} Codex sessions"
    items = [
        ("Restore all", "a", f"run-shell -b {tmux.quote(f'{helper} restore --now >/dev/null 2>&1 || :')}"),
        ("Choose…", "c", f"display-popup -E -w 90% -h 80% {tmux.quote(f'{helper} restore --choose')}"),
        ("Not now", "n", ""),
    ]
    words = [
        "display-menu",
        "-c",
        client,
        "-T",
        f" {what} lost with the last tmux server ",
        "-x",
        "C",
        "-y",
        "C",
    ]
    for name, key, text in items:
        words += [name, key, text]
    # A client that calls display-menu waits for the answer: tmux itself is to do it.
    menu = " ".join(tmux.quote(word) for word in words)
    server.run("set-option", "-g", "@codex_menu", menu, ";", "run-shell", "-bC", "#{@codex_menu}")


def command_line(server: Server) -> str:
    """The helper as words for sh, safe inside a menu, whose commands are formats."""
    import shlex

    from codex_tmux.resume import helper_command

    return shlex.join(helper_command(server)).replace("#", "##")


def announce(server: Server, results: list[Result]) -> None:
    """Tell the outcome to every client, or to the first one that attaches."""
    if not results:
        return
    text = summary(results)
    clients = server.try_run("list-clients", "-F", "#{client_name}")
    panes = (server.try_run("list-panes", "-a", "-F", "#{session_attached} #{pane_id}") or "").splitlines()
    watched = next((line.split(" ")[1] for line in panes if not line.startswith("0")), None)
    if clients and watched:
        tell(server, watched, text)
    else:
        server.try_run("set-option", "-g", "@codex_outcome", f"codex-tmux: {text}")


def choose_and_restore(server: Server) -> None:
    """Let the user tick which sessions to restore."""
    from prompt_toolkit.shortcuts import checkboxlist_dialog

    with server_lock(server):
        seen = sync_once(server)
    lost = lost_records(seen.records, seen.snapshot.server)
    if not lost:
        raise Problem("nothing is lost: no session to restore")
    hints = hints_of(list(lost))
    values = [
        (r.session_id, printable(f"{where_of(r)}  {hints[r.session_id].rpartition(' · ')[0]}  {r.cwd}"))
        for r in lost
    ]
    chosen = checkboxlist_dialog("Codex sessions", "Which ones shall come back?", values=values).run()
    if chosen:
        announce(server, restore(server, sessions=frozenset(chosen)))


def after_resurrect(server: Server, hook: str) -> None:
    """tmux-resurrect has rebuilt its layout: resume in its panes."""
    if (server.try_run("show-options", "-gqv", "@codex-restore") or "ask") == "off":
        return
    if hook == PRE:
        # Its own `codex` would come first: the panes are ours before it types.
        if would_start_codex(processes_of(server)):
            log("restore.before_resurrect", processes=processes_of(server))
            restore(server, rebuilt=True, early=True)
        return
    if hook != POST:
        raise Problem(f"restore --resurrect {hook}: not a hook of tmux-resurrect that codex-tmux uses")
    server.try_run("set-option", "-gu", "@codex_lost")
    early = release_early(server)
    lazy = server.try_run("show-options", "-gqv", "@codex-restore-lazy") != "off"
    woken = wake(server, early, everything=not lazy)
    results = [Result("", pane, RESUMED if pane in woken else WAITS, "", "") for pane in early]
    results = [r._replace(session_id="early") for r in results]
    announce(server, results + restore(server, rebuilt=True))
