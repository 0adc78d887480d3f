"""`codex-tmux restore`: by hand, and as the plugin and tmux-resurrect call it."""

from __future__ import annotations

import sys

import click

from codex_tmux.restore import FAILED, Restore, Result, restore
from codex_tmux.restore_start import after_resurrect, announce, choose_and_restore, show_menu, start
from codex_tmux.restore_view import as_document, outcome_lines, plan_text, planned
from codex_tmux.tmux import Server


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


def with_progress(server: Server) -> list[Result]:
    """Restore behind a bar."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("restoring", total=None)
        return restore(server, progress=lambda done, of: bar.update(task, completed=done, total=of))
