"""`codex-tmux pick`: find any conversation of this machine, and go to it or bring it back."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time

import click
from rich.cells import cell_len

from codex_tmux.codex.daemon import activity
from codex_tmux.codex.home import default_home
from codex_tmux.codex.store import Store
from codex_tmux.commands.completion import SESSION
from codex_tmux.commands.conversations import Conversation, find, gather, with_activity
from codex_tmux.commands.forget import forget_session
from codex_tmux.commands.fork import fork
from codex_tmux.commands.pick_menu import ACTIONS, COPY, FORGET, FORK, GO, SPLIT, show_menu
from codex_tmux.commands.preview import preview
from codex_tmux.commands.reopen import current_of, reopen
from codex_tmux.errors import Problem
from codex_tmux.log import log
from codex_tmux.plain_text import age, plain_line, tilde
from codex_tmux.sleeping.resume import helper_command
from codex_tmux.state import store
from codex_tmux.state.records import DEAD, LIVE, LOST, Record
from codex_tmux.tmux.server import Server
from codex_tmux.tmux.tell import tell_client

FZF_KEYS = {"": GO, "enter": GO, "ctrl-s": SPLIT, "ctrl-f": FORK, "ctrl-y": COPY, "ctrl-x": FORGET}
HEADER = "Enter: go or resume   ^S: split   ^F: fork   ^Y: copy id   ^X: forget"
COLOURS = {LIVE: "32", DEAD: "31", LOST: "33"}
COLOURS_OF_RANK = ("1;35", "1;36")
"""What needs the user, and what is unread."""
TITLE_WIDTH = 60
"""Columns from which a title pushes what stands behind it to the right."""
AGE_WIDTH = 4


@click.command(
    short_help="Find any conversation of this machine, and go to it.",
    epilog="Example: codex-tmux pick, or prefix P",
)
@click.option(
    "--preview",
    "previewed",
    type=SESSION,
    metavar="ID",
    help="Print what is known of one conversation, and its end.",
)
@click.option("-c", "--client", default="", hidden=True, help="The tmux client that asks.")
@click.option("--from-key", is_flag=True, hidden=True, help="Open the popup, or the menu, on that client.")
@click.option("--from-menu", is_flag=True, hidden=True, help="Another page of the menu.")
@click.option("--into", default="", hidden=True, help="The pane that a conversation without one comes up in.")
@click.option("--page", default=0, hidden=True)
@click.option("--action", type=click.Choice(ACTIONS), default=GO, hidden=True)
@click.option("--do", "chosen", metavar="ID", default="", hidden=True)
def command(
    previewed: str | None,
    client: str,
    from_key: bool,
    from_menu: bool,
    into: str,
    page: int,
    action: str,
    chosen: str,
) -> int:
    """Find a conversation: all that codex-tmux remembers or Codex's store has.

    Those that need you come first, then the unread, then the newest. Titles and ids are searched whole.

    Enter goes to a running one, and resumes any other: in its old pane if it is asleep there, else in a new window in
    its directory. Ctrl-S opens it in a split, Ctrl-F a fork of it. Ctrl-Y copies its id, Ctrl-X lets codex-tmux forget
    it. With fzf where that is installed, else by tmux's own menu.
    """
    server = Server()
    if previewed is not None:
        return print_preview(server, previewed)
    client = client or own_client(server)
    try:
        if chosen:
            act(server, chosen, action, client, into)
        elif from_key and shutil.which("fzf"):
            open_popup(server, client, into)
        elif not (from_key or from_menu) and shutil.which("fzf") and sys.stdout.isatty():
            with_fzf(server, client, into)
        elif client:
            show_menu(server, known(server), client, page, action, into)
        else:
            raise Problem(
                "pick needs a terminal and fzf, or a tmux client: run it in a tmux pane, or press prefix P"
            )
    except Problem as e:
        # In a popup, and from a key or the menu, there is no terminal that would stay.
        if not client or not (from_key or from_menu or chosen or os.environ.get("CODEX_TMUX_POPUP")):
            raise
        tell_client(server, client, str(e))
        return 1
    return 0


def own_client(server: Server) -> str:
    """The client that shows the tmux session we run in, the one last used; "" outside tmux."""
    session = os.environ.get("TMUX", "").rpartition(",")[2]
    if not session:
        return ""
    listed = (
        server.try_run("list-clients", "-t", f"${session}", "-F", "#{client_activity} #{client_name}") or ""
    )
    clients = sorted(line.split(" ", 1) for line in listed.splitlines())
    return clients[-1][1] if clients else ""


def remembered() -> tuple[Record, ...]:
    """The records; none where the state file cannot be used: Codex's store is there all the same."""
    try:
        return store.peek()
    except store.StateError as e:
        log("state.unusable", why=e)
        return ()


def known(server: Server) -> list[Conversation]:
    """All conversations. Raises Problem where there is none."""
    found = gather(server, remembered(), default_home())
    if not found:
        raise Problem("no conversations yet: start codex, and say something to it")
    return found


def one(server: Server, session_id: str) -> Conversation:
    """The conversation of an id. Raises Problem where there is none."""
    found = find(server, remembered(), default_home(), session_id)
    if found is None:
        raise Problem(f"session {plain_line(session_id)} is not known")
    return found


def print_preview(server: Server, session_id: str) -> int:
    """Print a conversation's preview."""
    conversation = one(server, session_id)
    if conversation.status:
        home = conversation.codex_home
        [conversation] = with_activity(
            [conversation], activity.asking({home: [session_id]}, activity.IN_PASSING)()
        )
    rollout = Store(conversation.codex_home).rollout(conversation.session_id)
    # fzf says how large its window is.
    size = [os.environ.get(name, "") for name in ("FZF_PREVIEW_COLUMNS", "FZF_PREVIEW_LINES")]
    room = [int(value) for value in size if value.isdecimal()]
    for line in preview(conversation, rollout, *(room if len(room) == 2 else [])):
        click.echo(line)
    return 0


def open_popup(server: Server, client: str, into: str) -> None:
    """Run ourselves in a popup of the client; tmux's own client process takes our place."""
    # Not by -e: a popup has that from tmux 3.3 on.
    words = ["env", "CODEX_TMUX_POPUP=1", *helper_command(server), "pick", "--client", client]
    words += ["--into", into] if into else []
    argv = server.argv("display-popup", "-E", "-c", client, "-w", "90%", "-h", "85%", shlex.join(words))
    os.execvp(argv[0], argv)


def with_fzf(server: Server, client: str, into: str) -> None:
    """Let the user choose with fzf and do what is asked; again after something that leaves the list open."""
    header, query = HEADER, ""
    while chosen := ask_fzf(server, header, query):
        session_id, action, query = chosen
        if action != FORGET:
            act(server, session_id, action, client, into)
            return
        # Said here: behind a popup nobody sees the status line.
        try:
            header = forget(server, one(server, session_id))
        except Problem as e:
            header = str(e)
        header = f"{HEADER}\n{plain_line(header)}"


def ask_fzf(server: Server, header: str, query: str) -> tuple[str, str, str] | None:
    """What the user chose with fzf: the session, what to do, and what was typed; None for nothing."""
    conversations = known(server)
    helper = shlex.join(helper_command(server))
    argv = [
        *("fzf", "--ansi", "--no-multi", "--no-height", "--layout=reverse", "--tiebreak=index", "--print0"),
        *("--delimiter=\t", "--with-nth=2..", "--tabstop=1", "--prompt=conversation> ", f"--header={header}"),
        *("--expect=ctrl-s,ctrl-f,ctrl-y,ctrl-x", f"--preview={helper} pick --preview {{1}}"),
        *("--preview-window=down,55%,wrap,border-top", "--bind=ctrl-z:ignore"),
        *("--print-query", f"--query={query}"),
    ]
    now, widths = time.time(), widths_of(conversations)
    lines = "\n".join(fzf_line(c, now, *widths) for c in conversations)
    # The preview is quoted for a POSIX shell, whatever the user's is.
    done = subprocess.run(
        argv,
        input=lines.encode("utf-8", "replace"),
        stdout=subprocess.PIPE,
        env={**os.environ, "SHELL": "/bin/sh"},
    )
    if done.returncode not in (0, 1, 130):
        raise Problem(f"fzf failed (exit {done.returncode})")
    typed, key, line = [*done.stdout.decode("utf-8", "replace").split("\0"), "", "", ""][:3]
    session_id = line.partition("\t")[0].strip()
    if done.returncode != 0 or not session_id:
        return None
    return session_id, FZF_KEYS.get(key, GO), typed


def widths_of(conversations: list[Conversation]) -> tuple[int, int]:
    """How wide the states of these are, and their titles, as far as those behind them can line up."""
    return (
        max(len(c.state) for c in conversations),
        min(TITLE_WIDTH, max(cell_len(plain_line(c.title)) for c in conversations)),
    )


def fzf_line(conversation: Conversation, now: float, width: int, title_width: int) -> str:
    """One line for fzf: the id, then what is shown and searched, state and title of these widths at least.

    Nothing is cut: what fzf does not show it still finds. Nothing but our own colours does anything in a terminal.
    """
    colour = [*COLOURS_OF_RANK, COLOURS.get(conversation.status, "90")][conversation.rank]
    title = plain_line(conversation.title)
    place = plain_line(conversation.where) if conversation.status else ""
    seconds = now - conversation.updated
    words = [
        coloured(f"{conversation.state:<{width}}", colour),
        f"{age(seconds) if seconds >= 60 else 'now':>{AGE_WIDTH}}",
        title + " " * (title_width - cell_len(title)),
        coloured(tilde(plain_line(conversation.cwd)), "36"),
        coloured(place, "90"),
        coloured(conversation.session_id, "90"),
    ]
    return f"{conversation.session_id}\t" + "  ".join(word for word in words if word).replace("\t", " ")


def coloured(text: str, colour: str) -> str:
    """`text` in a colour, where the user wants any."""
    return text if os.environ.get("NO_COLOR") else f"\x1b[{colour}m{text}\x1b[0m"


def act(server: Server, session_id: str, action: str, client: str, into: str = "") -> None:
    """Do what was chosen. Raises Problem."""
    conversation = one(server, session_id)
    if action in (GO, SPLIT):
        pane = reopen(server, conversation, client, split=action == SPLIT, into=into)
        if not client:
            argv = server.argv("attach-session", "-t", pane)
            os.execvp(argv[0], argv)
    elif action == FORK:
        fork(server, conversation.launch, session_id, current_of(server, client, "#{pane_id}"))
    elif action == COPY:
        server.run("set-buffer", *(["-w", "-t", client] if client else []), "--", conversation.session_id)
        if client:
            tell_client(server, client, f"copied {conversation.session_id}")
    elif action == FORGET:
        said = forget(server, conversation)
        if client:
            tell_client(server, client, said)


def forget(server: Server, conversation: Conversation) -> str:
    """Let codex-tmux forget a conversation; Codex keeps it. What was done; raises Problem where nothing was."""
    if not conversation.status:
        raise Problem("nothing to forget: that session exists only in Codex")
    return forget_session(server, conversation.session_id)
