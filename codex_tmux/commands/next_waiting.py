"""`codex-tmux next`: jump to the next pane whose conversation needs the user, or is unread."""

from typing import NamedTuple

import click

from codex_tmux.commands.completion import CLIENT, FROM_KEY
from codex_tmux.commands.conversations import Conversation
from codex_tmux.commands.list_panes import collect
from codex_tmux.errors import Problem
from codex_tmux.plain_text import plain_line, shortened
from codex_tmux.state.records import CURRENT, LIVE
from codex_tmux.state.words import ACTIVITY_WORDS, UNREAD
from codex_tmux.tmux.clients import of_client, own_client, show
from codex_tmux.tmux.epoch import OURS
from codex_tmux.tmux.server import Server
from codex_tmux.tmux.tell import PREFIX, problems_told, tell_client

Place = tuple[str, int, int]


class Stop(NamedTuple):
    """A pane that one may want to go to: what it needs in words, "" for nothing; since when it is unread."""

    pane: str
    place: Place
    needs: str = ""
    unread_since: int | None = None
    title: str = ""


@click.command(epilog="Example: codex-tmux next, or prefix N")
@click.option(
    "-c",
    "--client",
    shell_complete=CLIENT,
    metavar="CLIENT",
    help="The tmux client to move; default: the one you use.",
)
@FROM_KEY
def command(client: str | None, from_key: bool) -> None:
    """Jump to the next pane that needs you or is unread.

    Those that need you, for an approval or an answer, come in window order: it starts after the pane you are in and
    goes round. Then come the unread, the oldest first: a turn has ended there while nobody looked at the pane.
    """
    server = Server()
    client = client or own_client(server) or server.try_run("display-message", "-p", "#{client_name}") or ""
    with problems_told(server, from_key, client):
        said = jump(server, client)
    if from_key:
        tell_client(server, client, said)
    else:
        click.echo(said)


def jump(server: Server, client: str) -> str:
    """Show the client the next pane; what to say about it. Raises Problem where there is none to go to."""
    server.run("display-message", "-p", "")  # says so where there is no server at all
    here = [c for c in collect(server, CURRENT) if c.fate == OURS]
    stops = in_order([stop_of(c) for c in here], *place_of_client(server, client))
    mute = sum(c.status == LIVE and not c.activity for c in here)
    if not stops and mute:
        raise Problem(f"none is unread, and none is known to need you ({mute} gave no answer)")
    if not stops:
        raise Problem("no conversation needs you, and none is unread")
    show(server, stops[0].pane, client)
    return said_of(stops)


def stop_of(c: Conversation) -> Stop:
    """A conversation as a place to stop at; what needs the user is not unread. A Codex without the daemon says in its
    title that it needs the user, not for what."""
    needs = ACTIVITY_WORDS.get(c.activity, "")
    if c.mark.needs_you and not c.activity:
        needs = "needs you"
    pane, title = c.record.pane, plain_line(c.title or "")
    return Stop(pane, c.record.position, needs, None if needs else c.mark.unread_since, title or pane)


def in_order(stops: list[Stop], here: Place, front: str) -> list[Stop]:
    """Where to go, in this order: those that need the user, from the place `here` on, then the unread, oldest first.

    Who has come to one that needs him and leaves it so (it is `front`, the pane he sees) goes on to those behind it,
    then to the unread, and only then round to the first again.
    """
    leaves = any(stop.needs and stop.pane == front for stop in stops)

    def rank(stop: Stop) -> tuple[int, int, Place]:
        if not stop.needs:
            return 2, stop.unread_since or 0, stop.place
        if stop.pane == front:
            return 4, 0, stop.place
        before = 3 if leaves else 1
        return 0 if stop.place > here else before, 0, stop.place

    wanted = [s for s in stops if s.needs or (s.unread_since is not None and s.pane != front)]
    return sorted(wanted, key=rank)


def said_of(stops: list[Stop]) -> str:
    """What to say on coming to the first of these, in one line of 80 columns with the rest of the message.

    >>> said_of([Stop("%1", ("a", 1, 0), "needs approval", title="Fix it"), Stop("%2", ("a", 2, 0), "", 7)])
    'needs approval (1 more unread): Fix it'
    """
    first, *others = stops
    needing, unread = sum(bool(s.needs) for s in others), sum(not s.needs for s in others)
    counts = [f"{needing} more need{'s' * (needing == 1)} you"] if needing else []
    counts += [f"{unread} more unread"] if unread else []
    more = f" ({', '.join(counts)})" if counts else ""
    what = f"{first.needs or UNREAD}{more}: "
    return what + shortened(first.title, min(40, 80 - len(PREFIX + what)))


def place_of_client(server: Server, client: str) -> tuple[Place, str]:
    """Where a client is, and the pane it shows; before everything where that is not known."""
    form = "#{window_index} #{pane_index} #{pane_id} #{session_name}"
    words = of_client(server, client, form).split(" ", 3)
    if len(words) < 4:
        return ("", -1, -1), ""
    window, index, pane, session = words
    return (session, int(window), int(index)), pane
