"""What a shell completes behind a command: panes, sessions, clients, as they are at that moment.

Whatever goes wrong, nothing is offered: a shell would print an error into the line that is being typed.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem, get_completion_class

from codex_tmux.codex.home import default_home
from codex_tmux.codex.store import Store
from codex_tmux.errors import Problem
from codex_tmux.plain_text import plain_line, shortened, tilde
from codex_tmux.state import store
from codex_tmux.tmux.server import Server

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

NEWEST = 200
"""How many sessions of Codex's store are offered."""
WIDTH = 50
"""Characters of what zsh and fish show beside a word."""

Offered = Iterable[tuple[str, str]]
Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def offering(offer: Callable[[click.Context, str], Offered]) -> Completion:
    """The completion of a word; `offer` lists what it may be, each with what it is."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            offered = [*offer(ctx, incomplete)]
        except (Problem, OSError, ValueError):
            return []
        return [
            CompletionItem(word, help=shortened(plain_line(what), WIDTH))
            for word, what in offered
            if word.startswith(incomplete)
        ]

    return complete


def panes(ctx: click.Context, incomplete: str) -> Offered:
    """The panes of the tmux server: those with a conversation first."""
    plain = ("pane_id", "window_index", "pane_index", "@codex_session", "@codex_state")
    rows = Server().listed("list-panes", "-a", plain=plain, chosen=("session_name", "window_name"))
    for row in sorted(rows, key=lambda row: not row["@codex_session"]):
        where = f"{row['session_name']}:{row['window_index']}.{row['pane_index']} {row['window_name']}"
        yield row["pane_id"], where + (f" ({row['@codex_state']})" if row["@codex_state"] else "")


def clients(ctx: click.Context, incomplete: str) -> Offered:
    for row in Server().listed("list-clients", plain=(), chosen=("client_name", "session_name")):
        yield row["client_name"], row["session_name"]


def remembered(ctx: click.Context, incomplete: str) -> Offered:
    """The sessions that codex-tmux has a record of, the last changed first."""
    for record in sorted(store.peek(), key=lambda r: r.updated_at, reverse=True):
        yield record.session_id, f"{record.status} {record.tmux_session}:{record.window} {tilde(record.cwd)}"


def sessions(ctx: click.Context, incomplete: str) -> Offered:
    """The sessions of Codex's store, the newest first; all of them where a good part of an id is typed."""
    given = ctx.params.get("codex_home")
    codex_store = Store(os.path.abspath(os.path.expanduser(given)) if given else default_home())
    newest = codex_store.recent(NEWEST)
    yield from ((s.id, s.title) for s in newest)
    known = {s.id for s in newest}
    for session_id in codex_store.named(incomplete) if incomplete else ():
        session = codex_store.find(session_id) if session_id not in known else None
        if session:
            yield session_id, session.title


@click.command(epilog='Example: eval "$(codex-tmux completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash (4.4 or newer), in ~/.bashrc:
        eval "$(codex-tmux completion bash)"
    zsh, in ~/.zshrc, after compinit:
        eval "$(codex-tmux completion zsh)"
    fish, in ~/.config/fish/config.fish:
        codex-tmux completion fish | source
    """
    script = get_completion_class(shell)
    assert script is not None
    click.echo(script(ctx.find_root().command, {}, "codex-tmux", "_CODEX_TMUX_COMPLETE").source())


PANE = offering(panes)


def pane_option(meant: str) -> Callable[[Decorated], Decorated]:
    """`-t PANE`; `meant` is what its help calls the pane."""
    text = f"{meant} (%3, or any tmux target); default: this one."
    return click.option("-t", "--target", "pane", shell_complete=PANE, metavar="PANE", help=text)


PANE_OPTION = pane_option("The pane")
CLIENT = offering(clients)
FROM_KEY = click.option(
    "--from-key", is_flag=True, hidden=True, help="Say everything in tmux: a key binding has no terminal."
)
ITS_CLIENT = click.option(
    "-c", "--client", default="", hidden=True, help="The tmux client whose key was pressed."
)
REMEMBERED = offering(remembered)
SESSION = offering(sessions)
DIRECTORY = click.Path(file_okay=False)
PROGRAM = click.Path(dir_okay=False)
