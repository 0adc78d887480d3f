"""The requests on a terminal, one after the other, and the keys that answer them."""

import shutil
import sys

import click

from codex_tmux.codex.daemon.requests import ALWAYS, NO, YES, Request, answer_to
from codex_tmux.commands.conversations import find
from codex_tmux.commands.daemon.approve_view import keys_of, lines_of, page_of, title_of
from codex_tmux.commands.daemon.asked import Asked
from codex_tmux.commands.reopen import reopen
from codex_tmux.errors import Problem
from codex_tmux.tmux.server import Server
from codex_tmux.tmux.tell import tell_client

PIPE_WIDTH = 100
VERDICTS = {"y": YES, "n": NO, "a": ALWAYS}
LEAVE = ("q", "\x1b", "\x03", "\x04")
GO = ("\r", "\n")
NEXT = "\t"
DOWN = (" ", "j", "\x1b[B", "\x1b[6~")
UP = ("b", "k", "\x1b[A", "\x1b[5~")


def may(request: Request, key: str, read: bool) -> bool:
    """Whether a key answers a request; nothing is approved that was not shown whole.

    >>> from codex_tmux.codex.daemon.requests import COMMAND
    >>> [may(Request(1, "s", COMMAND, {}, {}, {}), key, read=False) for key in "yna"]
    [False, True, False]
    """
    verdict = VERDICTS.get(key)
    return verdict is not None and (read or verdict == NO) and answer_to(request, verdict) is not None


class Dialog:
    """Shows one request after the other on this terminal, and takes the keys."""

    def __init__(self, server: Server, asked: Asked, client: str) -> None:
        self.server, self.asked, self.client = server, asked, client
        self.said = ""

    def run(self) -> None:
        """Until nothing is left, or the user leaves."""
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            self.print_all()
            return
        at = 0
        while self.asked.requests:
            at %= len(self.asked.requests)
            request = self.asked.requests[at]
            key = self.show(request, at)
            if key in VERDICTS:
                self.take(request, VERDICTS[key])
            elif key == NEXT:
                at += 1
            else:
                if key in GO:
                    self.go(request)
                break
        click.clear()
        if self.said and self.client:
            tell_client(self.server, self.client, self.said)

    def print_all(self) -> None:
        """The same for a pipe, where nobody answers."""
        for request in self.asked.requests:
            conversation = find(self.server, request.session_id)
            lines = [title_of(request, conversation), *lines_of(request, conversation, PIPE_WIDTH), ""]
            click.echo("\n".join(lines))

    def take(self, request: Request, verdict: str) -> None:
        try:
            self.said = self.asked.answer(request, verdict)
        except Problem as e:
            self.said = str(e)
        self.asked.requests.remove(request)

    def show(self, request: Request, at: int) -> str:
        """Show a request until a key is pressed that does something with it; that key."""
        conversation = find(self.server, request.session_id)
        top = seen = 0
        while True:
            width, height = shutil.get_terminal_size()
            lines = lines_of(request, conversation, width)
            room = max(1, height - 5)
            page = page_of(lines, min(top, max(0, len(lines) - room)), room)
            seen = max(seen, len(lines) - page.below)
            several = len(self.asked.requests) > 1
            number = f"{at + 1} of {len(self.asked.requests)} · " if several else ""
            click.clear()
            click.secho(f"{number}{title_of(request, conversation)}"[:width], bold=True)
            click.echo("\n".join([*page.lines, "", self.said[:width]]))
            click.echo(keys_of(request, seen < len(lines), several)[:width], nl=False)
            key = click.getchar()
            if key in DOWN:
                top = min(top + max(1, room - 1), max(0, len(lines) - room))
            elif key in UP:
                top = max(0, top - max(1, room - 1))
            elif key in LEAVE or key in GO or key == NEXT or may(request, key, seen >= len(lines)):
                return key

    def go(self, request: Request) -> None:
        conversation = find(self.server, request.session_id)
        try:
            if conversation is None:
                raise Problem("no pane shows this conversation: codex-tmux pick finds it")
            reopen(self.server, conversation, self.client)
            self.said = ""
        except Problem as e:
            self.said = str(e)
