"""What a conversation pane shows of its turns: on a terminal, as plain text, or as Codex's own events."""

import sys

from rich.console import Console
from rich.text import Text

from codex_tmux.exec.events import Event, answer, answer_of, item_of, message_of, shown
from codex_tmux.plain_text import plain, plain_line


class View:
    """Answers on stdout, everything else on stderr: what a script reads is the answers alone."""

    def __init__(self) -> None:
        self._notices: set[str] = set()

    def event(self, event: Event, line: str) -> None:
        text, other = answer_of(event), self.other(event)
        if text is not None:
            print(plain(text), flush=True)
        elif other is not None:
            print(other.plain, file=sys.stderr, flush=True)

    def other(self, event: Event) -> Text | None:
        """An event that is no answer as text. Codex gives the same notice at each turn: once a pane is enough."""
        text = shown(event)
        if text is None or item_of(event).get("type") != "error":
            return text
        known = text.plain in self._notices
        self._notices.add(text.plain)
        return None if known else text

    def note(self, text: str, *, bad: bool = False) -> None:
        print(f"codex-tmux: {plain_line(text)}", file=sys.stderr, flush=True)

    def working(self, text: str) -> None:
        """Say that a turn runs; "": no longer."""

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

    def __init__(self, no_color: bool) -> None:
        super().__init__()
        self._console = Console(no_color=no_color or None, highlight=False, markup=False, emoji=False)
        self._working = self._usual = ""

    def event(self, event: Event, line: str) -> None:
        if event.get("type") == "error":
            # The error that ends the turn is said once, at its end, with what to do; this one may pass.
            self._working = f"{self._usual} · {plain_line(message_of(event))}"
        text, other = answer_of(event), self.other(event)
        self._show(*(answer(text) if text is not None else [other] if other is not None else []))

    def note(self, text: str, *, bad: bool = False) -> None:
        self._show(Text(plain_line(text), "red" if bad else "dim", no_wrap=False))

    def working(self, text: str) -> None:
        self._erase()
        self._working = self._usual = text
        self._show()

    def ended(self, text: str) -> None:
        self._show(Text(f"─ {text}\n", "dim"))

    def _show(self, *texts: Text) -> None:
        """Print texts; between words where their `no_wrap` is False, else as the terminal breaks them."""
        self._erase()
        for text in texts:
            self._console.print(text, soft_wrap=text.no_wrap is not False)
        self._console.print(Text(self._working, "yellow"), end="", no_wrap=True, overflow="ellipsis")
        self._console.file.flush()

    def _erase(self) -> None:
        if self._working:
            self._console.file.write("\r\x1b[2K")
