"""`sync` and `run` as the command line lists them. tmux itself calls them past it (`codex_tmux.__main__`)."""

from __future__ import annotations

import sys

import click


@click.command(
    short_help="Look at the whole tmux server now, as its hooks do.", epilog="Example: codex-tmux sync"
)
def sync() -> None:
    """Look at the whole tmux server now, and make records and panes say what is true.

    The plugin's hooks call this; by hand it is hardly ever needed. Silent, always exit 0; errors go to the log
    (codex-tmux log).
    """
    from codex_tmux.sync import main

    sys.exit(main([]))


@click.command(
    short_help="Become Codex in this pane, resuming what the pane had.",
    epilog="Example: tmux new-window -n api codex-tmux run -- -m gpt-5",
    context_settings={"ignore_unknown_options": True},
)
@click.option("--shell", is_flag=True, help="End in your shell when Codex ends, instead of closing the pane.")
@click.option("--fresh", is_flag=True, help="Start a new session whatever the pane had.")
@click.argument("codex_args", nargs=-1, type=click.UNPROCESSED, metavar="[-- CODEX ARGS]")
def run(shell: bool, fresh: bool, codex_args: tuple[str, ...]) -> None:
    """Become Codex in this pane, resuming the session that the pane had.

    As a pane's own command it brings the conversation back by any respawn. Prompts are never sent again; flags behind
    `--` are used at every start.
    """
    from codex_tmux.run import main

    flags = [*(["--shell"] if shell else []), *(["--fresh"] if fresh else [])]
    sys.exit(main([*flags, *(["--", *codex_args] if codex_args else [])]))
