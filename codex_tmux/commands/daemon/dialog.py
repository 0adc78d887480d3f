"""The requests on a terminal, one after the other, and the keys that answer them."""

import shutil
import sys

import click
from rich.cells import chop_cells

from codex_tmux.codex.daemon.requests import ALWAYS, NO, YES, Request, answer_to, facts
from codex_tmux.commands.conversations import Conversation, find
from codex_tmux.commands.daemon.asked import Asked
from codex_tmux.commands.reopen import reopen
from codex_tmux.errors import Problem
from codex_tmux.plain_text import plain_line, tilde, visible
from codex_tmux.tmux.server import Server
from codex_tmux.tmux.tell import tell_client

PIPE_WIDTH = 100
BAR = "│ "
"""Stands before every line that Codex wrote: nothing in it can look like a line of ours."""
VERDICTS = {"y": YES, "n": NO, "a": ALWAYS}
KEYS = {"y": "y yes", "n": "n no", "a": "a for this session"}
LEAVE = ("q", "\x1b", "\x03", "\x04")
GO = ("\r", "\n")
NEXT, MORE = "\t", " "
ROWS_OF_OURS = 5


def answers(request: Request, read: bool) -> list[str]:
    """The keys that answer a request; nothing is approved that was not `read`, shown whole.

    >>> from codex_tmux.codex.daemon.requests import COMMAND
    >>> answers(Request(1, "s", COMMAND, {}, {}, {}), read=False)
    ['n']
    """
    return [
        key
        for key, verdict in VERDICTS.items()
        if (read or verdict == NO) and answer_to(request, verdict) is not None
    ]


def title_of(request: Request, conversation: Conversation | None) -> str:
    named = conversation.name if conversation else request.thread.get("name") or request.thread.get("preview")
    return plain_line(str(named or request.session_id))


def lines_of(request: Request, conversation: Conversation | None, width: int) -> list[str]:
    """The whole request, no line wider than `width` cells."""
    where = conversation.record.where if conversation and conversation.pane else "in no pane here"
    lines = [f"{where} · {tilde(plain_line(str(request.thread.get('cwd') or '')))}"]
    for what, text in facts(request):
        lines += ["", f"{plain_line(what)}:"]
        for line in visible(text).split("\n"):
            pieces = chop_cells(line.expandtabs(4), max(1, width - len(BAR))) or [""]
            lines += [BAR + piece for piece in pieces]
    # Ours may be too long as well.
    return [line if line.startswith(BAR) else "".join(chop_cells(line, width)[:1]) for line in lines]


def print_all(server: Server, requests: list[Request]) -> None:
    """Print the requests for a pipe, where nobody answers."""
    for request in requests:
        conversation = find(server, request.session_id)
        lines = [title_of(request, conversation), *lines_of(request, conversation, PIPE_WIDTH), ""]
        click.echo("\n".join(lines))


class Dialog:
    """Shows one request after the other on this terminal, and takes the keys."""

    def __init__(self, server: Server, asked: Asked, client: str) -> None:
        self.server, self.asked, self.client = server, asked, client
        self.said = ""

    def run(self) -> None:
        """Until nothing is left, or the user leaves."""
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            print_all(self.server, self.asked.requests)
            return
        at, key = 0, ""
        while self.asked.requests and key not in (*LEAVE, *GO):
            at %= len(self.asked.requests)
            request = self.asked.requests[at]
            key = self.show(request, at)
            if key in VERDICTS:
                self.take(request, VERDICTS[key])
            elif key in GO:
                self.go(request)
            else:
                at += 1
        click.clear()
        if self.said and self.client:
            tell_client(self.server, self.client, self.said)

    def show(self, request: Request, at: int) -> str:
        """Show a request, a page at a time, until a key is pressed that does something else with it; that key."""
        conversation = find(self.server, request.session_id)
        several = len(self.asked.requests) > 1
        number = f"{at + 1} of {len(self.asked.requests)} · " if several else ""
        top = seen = 0
        while True:
            width, height = shutil.get_terminal_size()
            lines, room = lines_of(request, conversation, width), max(1, height - ROWS_OF_OURS)
            seen = max(seen, top + room)
            keys = answers(request, seen >= len(lines))
            told = [*(["Space shows the rest"] * (room < len(lines))), *map(KEYS.__getitem__, keys)]
            told += ["Enter go there", *(["Tab next"] * several), "q leave"]
            click.clear()
            click.secho(f"{number}{title_of(request, conversation)}"[:width], bold=True)
            click.echo("\n".join([*lines[top : top + room], "", self.said[:width]]))
            click.echo(" · ".join(told)[:width], nl=False)
            key = click.getchar()
            if key == MORE:
                top = top + room if top + room < len(lines) else 0
            elif key in (*keys, *LEAVE, *GO, NEXT):
                return key

    def take(self, request: Request, verdict: str) -> None:
        try:
            self.said = self.asked.answer(request, verdict)
        except Problem as e:
            self.said = str(e)
        self.asked.requests.remove(request)

    def go(self, request: Request) -> None:
        conversation = find(self.server, request.session_id)
        try:
            if conversation is None:
                raise Problem("no pane shows this conversation: codex-tmux pick finds it")
            reopen(self.server, conversation, self.client)
            self.said = ""
        except Problem as e:
            self.said = str(e)
