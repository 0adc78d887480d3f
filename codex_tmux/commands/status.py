"""`codex-tmux status`: the text behind `#{@codex_status}`."""

import click

from codex_tmux.errors import TmuxError
from codex_tmux.log import log
from codex_tmux.state import store
from codex_tmux.state.records import LOST
from codex_tmux.tmux.server import Server
from codex_tmux.tracking.apply import summary
from codex_tmux.tracking.sync import look


@click.command(epilog="Example: set -g status-right '%H:%M #{@codex_status}'")
def command() -> None:
    """Print the text of #{@codex_status} and #{E:@codex_waits}.

    It counts the conversations: running, asleep, or lost in a tmux restart; then those that need you, and the unread.
    In a status line use #{@codex_status} and #{E:@codex_waits}: it is the same text and starts no process.

    For one pane, as in pane-border-format: #{@codex_state}, #{@codex_unread}, #{@codex_session}, #{@codex_evidence}.
    """
    click.echo(text(Server()))


def text(server: Server) -> str:
    """The text, as true as can be: looked up anew, or from the state file where no tmux server runs."""
    try:
        seen = look(server)
        waits = server.try_run("display-message", "-p", "#{E:@codex_waits}") or ""
        return f"{summary(seen.records, seen.snapshot)} {waits}".strip()
    except TmuxError as e:
        log("status.no_server", why=e)
        # Without a server every pane is gone: what was current is lost.
        lost = sum(r.current or r.status == LOST for r in store.peek())
        return f"{lost} lost" if lost else ""
