"""`codex-tmux restore`: by hand, and as the plugin and tmux-resurrect call it."""

import sys
from collections.abc import Callable

import click

from codex_tmux.commands.completion import REMEMBERED
from codex_tmux.commands.forget import of_session
from codex_tmux.errors import Problem
from codex_tmux.restore.at_start import (
    after_resurrect,
    announce,
    before_resurrect_types,
    choose_and_restore,
    start,
    tell_lost,
)
from codex_tmux.restore.plan import lost_records
from codex_tmux.restore.restore import FAILED, Restore, Result, taken_over
from codex_tmux.restore.view import as_document, outcome_lines, plan_text, steps_of
from codex_tmux.state.records import STATUS_WORDS
from codex_tmux.tmux.server import Server
from codex_tmux.tracking.sync import look

UNASKED: dict[str, Callable[[Server], None]] = {
    "start": start,
    "ask": tell_lost,
    "now": lambda server: announce(server, Restore(server).run()),
    "choose": choose_and_restore,
}
"""What nobody typed."""
OF_RESURRECT: dict[str, Callable[[Server], None]] = {
    "pre-restore-pane-processes": before_resurrect_types,
    "post-restore-all": after_resurrect,
}
"""By tmux-resurrect's hooks."""


@click.command(epilog="Example: codex-tmux restore --dry-run")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--force", is_flag=True, help="Also what another host or container has: it must not run there.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@click.option(
    "--at-start", "do", flag_value="start", hidden=True, help="From the plugin: what @codex-restore says."
)
@click.option(
    "--ask", "do", flag_value="ask", hidden=True, help="From a hook: tell the newest client how to restore."
)
@click.option("--now", "do", flag_value="now", hidden=True, help="From the menu: tell the outcome in tmux.")
@click.option("--choose", "do", flag_value="choose", hidden=True, help="From the menu's popup: choose which.")
@click.option(
    "--resurrect", type=click.Choice([*OF_RESURRECT]), hidden=True, help="From tmux-resurrect's hooks."
)
@click.argument("sessions", nargs=-1, shell_complete=REMEMBERED, metavar="[SESSION]...")
def command(
    dry_run: bool,
    force: bool,
    as_json: bool,
    do: str | None,
    resurrect: str | None,
    sessions: tuple[str, ...],
) -> int:
    """Bring back what a restart of the tmux server has lost.

    It brings back all of it, or the SESSIONs you name. A SESSION is an id or its first characters (8 or more), as
    `codex-tmux list --all` shows it.

    Missing tmux sessions, windows and panes are built again where they were. A pane in use is left alone, and nothing
    of yours moves. Each conversation starts when you open its window (see @codex-restore-lazy). You can interrupt it
    and run it again.
    """
    server = Server()
    if do:
        UNASKED[do](server)
    elif resurrect:
        OF_RESURRECT[resurrect](server)
    elif dry_run:
        plan = Restore(server, named(server, sessions, force), force=force).plan_only()
        click.echo(as_document(result for result, _, _ in steps_of(plan)) if as_json else plan_text(plan))
    else:
        return by_hand(Restore(server, named(server, sessions, force), force=force), as_json)
    return 0


def named(server: Server, words: tuple[str, ...], force: bool) -> frozenset[str] | None:
    """The lost sessions that these words name; None where all are meant. Raises Problem."""
    if not words:
        return None
    seen = look(server)
    known = taken_over(seen.records, seen, None) if force else seen.records
    lost = {r.session_id for r in lost_records(known, seen.snapshot)}
    for record in (chosen := [of_session(seen.records, word) for word in words]):
        if record.session_id not in lost:
            raise Problem(
                f"session {record.session_id} is {STATUS_WORDS[record.status]}, not lost: codex-tmux pick finds it"
            )
    return frozenset(record.session_id for record in chosen)


def by_hand(restore: Restore, as_json: bool) -> int:
    """Restore for somebody who watches; the exit code."""
    results = restore.run() if as_json or not sys.stdout.isatty() else with_progress(restore)
    if as_json:
        click.echo(as_document(results))
    else:
        for line in outcome_lines(results):
            click.echo(line)
    return 1 if any(r.outcome == FAILED for r in results) else 0


def with_progress(restore: Restore) -> list[Result]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("restoring", total=None)
        return restore.run(lambda done, of: bar.update(task, completed=done, total=of))
