"""The conversations in fzf: what its keys do, and what a line of it shows."""

import contextlib
import os
import shlex
import subprocess
import threading
import time
from typing import Any, NamedTuple

import click
from rich.cells import cell_len

from codex_tmux.codex.store import Session
from codex_tmux.commands.conversations import NO_TITLE, Conversation, known, one, others
from codex_tmux.commands.daemon.tell import tell
from codex_tmux.commands.forget import forget_session
from codex_tmux.commands.fork import fork
from codex_tmux.commands.list_view import cells_of, style_of
from codex_tmux.commands.pick.find_said import Found, find_said
from codex_tmux.commands.reopen import current_of, reopen
from codex_tmux.errors import Problem
from codex_tmux.plain_text import age, plain_line, shortened, tilde
from codex_tmux.sleeping.resume import helper_command
from codex_tmux.state.words import NO_RECORD
from codex_tmux.tmux.server import Server
from codex_tmux.tmux.tell import tell_client

GO, SPLIT, FORK, COPY = "go", "split", "fork", "copy"
SAID, HERE, TELL, FORGET = "said", "here", "tell", "forget"
"""What leaves the list open: search what was said, show one directory, send a message, forget one."""
ACTION_OF = {
    "": GO,
    "enter": GO,
    "ctrl-s": SPLIT,
    "ctrl-f": FORK,
    "ctrl-y": COPY,
    "ctrl-x": FORGET,
    "ctrl-t": SAID,
    "ctrl-d": HERE,
    "ctrl-o": TELL,
}
HEADER = """\
Enter: go or resume   ^S: split   ^F: fork   ^Y: copy id   ^X: forget
^T: search what was said   ^D: this directory   ^O: send a message"""
TITLE_WIDTH = 60
"""Columns from which a title pushes what stands behind it to the right."""
SAID_WIDTH = 200
"""Characters shown of what was said."""
AGE_WIDTH = 4


class View(NamedTuple):
    """What is typed, the word that was searched for, the only directory shown ("": all), and a line for the user."""

    query: str = ""
    said: str = ""
    directory: str = ""
    note: str = ""


class Choice(NamedTuple):
    """What the user chose: a session, "" for none, and what to do."""

    action: str
    session_id: str
    query: str


def with_fzf(server: Server, client: str, into: str) -> None:
    """Let the user choose with fzf and do what is asked; again after something that leaves the list open."""
    view = View()
    while choice := ask_fzf(server, view):
        if choice.action in (GO, SPLIT, FORK, COPY):
            act(server, choice.session_id, choice.action, client, into)
            return
        # Said here: behind a popup nobody sees the status line.
        try:
            view = next_view(server, view, choice, client)
        except Problem as e:
            view = view._replace(query=choice.query, note=str(e))


def act(server: Server, session_id: str, action: str, client: str, into: str) -> None:
    """Do with a conversation what closes the list. Raises Problem."""
    conversation = one(server, session_id)
    if action == FORK:
        fork(server, conversation.launch, session_id, current_of(server, client, "#{pane_id}"))
    elif action == COPY:
        server.run("set-buffer", *(["-w", "-t", client] if client else []), "--", conversation.session_id)
        if client:
            tell_client(server, client, f"copied {conversation.session_id}")
    else:
        pane = reopen(server, conversation, client, split=action == SPLIT, into=into)
        if not client:
            server.become("attach-session", "-t", pane)


def next_view(server: Server, view: View, choice: Choice, client: str) -> View:
    """What the list shows after a choice that leaves it open. Raises Problem."""
    if choice.action == SAID:
        return View(said=choice.query.strip(), directory=view.directory)
    view = view._replace(query=choice.query, note="")
    if choice.action == HERE:
        directory = "" if view.directory else current_of(server, client, "#{pane_current_path}")
        return view._replace(directory=directory)
    conversation = one(server, choice.session_id)
    if choice.action == FORGET:
        if not conversation.status:
            raise Problem("nothing to forget: that session exists only in Codex")
        return view._replace(note=forget_session(server, conversation.session_id))
    title = shortened(plain_line(conversation.name), TITLE_WIDTH)
    try:
        message = click.prompt(f"Message for {title!r} (empty: none)", default="", show_default=False)
    except click.Abort:
        message = ""
    return view._replace(note=tell(server, conversation, message) if message.strip() else "")


def header_of(view: View) -> str:
    kept = [
        f"Said: {plain_line(view.said)} (^T with nothing typed: all)" if view.said else "",
        f"In {tilde(plain_line(view.directory))} (^D: everywhere)" if view.directory else "",
        plain_line(view.note),
    ]
    return "\n".join([HEADER, *filter(None, kept)])


def ask_fzf(server: Server, view: View) -> Choice | None:
    """What the user chose with fzf; None for nothing."""
    found = find_said(server, view.said) if view.said else [(c, "") for c in known(server)]
    helper = shlex.join(helper_command(server))
    keys = ",".join(key for key in ACTION_OF if key.startswith("ctrl-"))
    argv = [
        *("fzf", "--ansi", "--no-multi", "--no-height", "--layout=reverse", "--tiebreak=index", "--print0"),
        *("--delimiter=\t", "--with-nth=2..", "--tabstop=1", "--prompt=conversation> "),
        *(f"--header={header_of(view)}", f"--expect={keys}", f"--preview={helper} pick --preview {{1}}"),
        *("--preview-window=down,55%,wrap,border-top", "--bind=ctrl-z:ignore"),
        *("--print-query", f"--query={view.query}"),
    ]
    # The preview is quoted for a POSIX shell, whatever the user's is.
    environment = {**os.environ, "SHELL": "/bin/sh"}
    reading, writing = os.pipe()
    with subprocess.Popen(argv, stdin=reading, stdout=subprocess.PIPE, env=environment) as fzf:
        os.close(reading)
        # Beside it: the choice may come long before the last line, and is not to wait for that.
        threading.Thread(target=feed, args=(writing, view, found), daemon=True).start()
        assert fzf.stdout
        printed = fzf.stdout.read().decode("utf-8", "replace")
    if fzf.returncode not in (0, 1, 130):
        raise Problem(f"fzf failed (exit {fzf.returncode})")
    return None if fzf.returncode == 130 else choice_of(printed)


def feed(writing: int, view: View, found: Found) -> None:
    """Write what the list shows to this file, as far as somebody reads it: what was found, and, where no word was
    searched for, all others behind that."""
    conversations = [c for c, _ in found]
    widths = widths_of(conversations)
    here = os.path.realpath(view.directory) if view.directory else ""
    with contextlib.suppress(BrokenPipeError), open(writing, "w", encoding="utf-8", errors="replace") as pipe:
        for c, said in found:
            if not here or os.path.realpath(c.record.cwd) == here:
                print(fzf_line(c, *widths, said), file=pipe)
        pipe.flush()
        for session in () if view.said else others(conversations):
            if not here or os.path.realpath(session.cwd) == here:
                print(line_of_session(session, *widths), file=pipe)


def choice_of(printed: str) -> Choice | None:
    """What fzf printed as a choice; None where it is none. A leading slash searches what was said, also where Enter
    came before fzf had filtered the list.

    >>> choice_of("log\\0ctrl-t\\0"), choice_of("/log\\0\\0ID"), choice_of("log\\0\\0")
    (Choice(action='said', session_id='', query='log'), Choice(action='said', session_id='', query='log'), None)
    """
    query, key, line = [*printed.split("\0"), "", "", ""][:3]
    session_id = line.partition("\t")[0].strip()
    action = ACTION_OF.get(key, GO)
    if action == GO and query.startswith("/"):
        return Choice(SAID, "", query[1:])
    return Choice(action, session_id, query) if session_id or action in (SAID, HERE) else None


def widths_of(conversations: list[Conversation]) -> tuple[int, int]:
    """How wide the states of these are, and their titles, as far as those behind them can line up."""
    return (
        max((len(c.state) for c in conversations), default=0),
        min(TITLE_WIDTH, max((cell_len(plain_line(c.name)) for c in conversations), default=0)),
    )


def fzf_line(conversation: Conversation, width: int, title_width: int, said: str = "") -> str:
    """One line for fzf: the id, then what is shown and searched, state and title of these widths at least.

    Nothing is cut: what fzf does not show it still finds. Nothing but our own colours does anything in a terminal.
    """
    cells = cells_of(conversation)
    state = coloured(f"{cells['STATUS']:<{width}}", **style_of("STATUS", conversation))
    title = cells["TITLE"] + " " * (title_width - cell_len(cells["TITLE"]))
    behind = [
        coloured(shortened(plain_line(said), SAID_WIDTH), fg="yellow") if said else "",
        coloured(cells["DIRECTORY"], fg="cyan"),
        coloured(cells["WHERE"], fg="bright_black") if conversation.status else "",
    ]
    return joined(conversation.session_id, state, cells["AGE"], title, *behind)


def line_of_session(session: Session, width: int, title_width: int) -> str:
    """The same of a session that codex-tmux knows nothing of: there may be very many."""
    title = plain_line(session.title) or NO_TITLE
    title += " " * (title_width - cell_len(title))
    state = coloured(f"{NO_RECORD:<{width}}", dim=True)
    directory = coloured(tilde(plain_line(session.cwd)) or "~", fg="cyan")
    return joined(session.id, state, age(time.time() - session.updated), title, directory)


def joined(session_id: str, state: str, changed: str, title: str, *behind: str) -> str:
    words = [state, f"{changed:>{AGE_WIDTH}}", title, *behind, coloured(session_id, fg="bright_black")]
    return f"{session_id}\t" + "  ".join(word for word in words if word).replace("\t", " ")


def coloured(text: str, **style: Any) -> str:
    return text if os.environ.get("NO_COLOR") else click.style(text, **style)
