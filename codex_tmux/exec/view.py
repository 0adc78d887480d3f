"""What a conversation pane shows of its turns: on a terminal, as plain text, or as Codex's own events."""

import sys

from rich.console import Console
from rich.text import Text

from codex_tmux.exec.events import Event, answer, answer_of, shown
from codex_tmux.plain_text import plain, plain_line


class View:
    """Answers on stdout, everything else on stderr: what a script reads is the answers alone."""

    def event(self, event: Event, line: str) -> None:
        text, other = answer_of(event), shown(event)
        if text is not None:
            print(plain(text), flush=True)
        elif other is not None:
            print(other.plain, file=sys.stderr, flush=True)

    def note(self, text: str, *, bad: bool = False) -> None:
        print(f"codex-tmux: {plain_line(text)}", file=sys.stderr, flush=True)

    def working(self, on: bool) -> None:
        """Say that a turn runs, or no longer."""

    def ended(self, text: str) -> None:
        """Show the end of a turn: the session's tokens, the turn's time."""
        print(text, file=sys.stderr, flush=True)


class JsonView(View):
    """Codex's events as they are on stdout, our own lines on stderr.

    On a terminal the lines are made plain: JSON may hold raw control characters above ASCII.
    """

    def event(self, event: Event, line: str) -> None:
        print(plain(line) if sys.stdout.isatty() else line, flush=True)

    def ended(self, text: str) -> None:
        pass


class TerminalView(View):
    """Events in colour; the last line says that a turn runs."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False)
        self._status = self._console.status("working, Ctrl-C stops", spinner="line", refresh_per_second=2)

    def event(self, event: Event, line: str) -> None:
        text, other = answer_of(event), shown(event)
        for part in answer(text) if text is not None else [other] if other is not None else []:
            self._show(part)

    def note(self, text: str, *, bad: bool = False) -> None:
        self._show(Text(plain_line(text), "red" if bad else "dim", no_wrap=False))

    def working(self, on: bool) -> None:
        if on:
            self._status.start()
        else:
            self._status.stop()

    def ended(self, text: str) -> None:
        self._show(Text(f"─ {text}\n", "dim"))

    def _show(self, text: Text) -> None:
        """Print a text, broken between words where its `no_wrap` is False, else as the terminal breaks it."""
        self._console.print(text, soft_wrap=text.no_wrap is not False)
