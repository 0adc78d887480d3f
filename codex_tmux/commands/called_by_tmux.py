"""`sync` and `run` as the command line lists them. tmux itself calls them past it (`codex_tmux.__main__`)."""

from __future__ import annotations

import sys

import click

from codex_tmux.run import main as run_main
from codex_tmux.sync import main as sync_main


@click.command(short_help="Update records and panes now, as the hooks do.", epilog="Example: codex-tmux sync")
def sync() -> None:
    """Update records and panes now.

    The plugin's hooks call this; you hardly ever need it. It prints nothing and always exits 0. Errors go to the log
    (codex-tmux log).
    """
    sys.exit(sync_main([]))


@click.command(
    short_help="Start Codex in this pane, resuming its session.",
    epilog="Example: tmux new-window -n api codex-tmux run -- -m gpt-5",
    context_settings={"ignore_unknown_options": True},
)
@click.option("--shell", is_flag=True, help="Start your shell when Codex ends, instead of closing the pane.")
@click.option("--fresh", is_flag=True, help="Start a new session.")
@click.argument("codex_args", nargs=-1, type=click.UNPROCESSED, metavar="[-- CODEX ARGS]")
def run(shell: bool, fresh: bool, codex_args: tuple[str, ...]) -> None:
    """Start Codex in this pane, resuming its session.

    A pane with this command resumes its conversation at every respawn. Prompts are never sent again. Flags after `--`
    are used at every start.
    """
    flags = [*(["--shell"] if shell else []), *(["--fresh"] if fresh else [])]
    sys.exit(run_main([*flags, *(["--", *codex_args] if codex_args else [])]))
