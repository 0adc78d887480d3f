"""What a conversation pane shows of its turns: on a terminal, as plain text, or as Codex's own events."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Awaitable, Callable
from typing import Protocol, TextIO

from rich.text import Text

from codex_tmux.exec_events import (
    CommandEnded,
    CommandStarted,
    Event,
    Failed,
    FilesChanged,
    Message,
    Notice,
    NotJson,
    Plan,
    Reasoning,
    Tool,
    Usage,
)
from codex_tmux.exec_turn import Outcome
from codex_tmux.plain_text import plain, plain_line, shortened

OUTPUT_LINES = 12
"""Lines of a command's output that are shown, its last ones."""
COMMAND_LINES = 6
REASONING_LINES = 3
LINE_WIDTH = 400
"""Characters of one line of a command's output that are shown."""
FILE_SIGNS = {"add": "+", "delete": "-", "update": "~"}


class View(Protocol):
    """Where a conversation shows itself."""

    async def event(self, event: Event, line: str) -> None:
        """Show an event; `line` is what Codex printed."""

    async def note(self, text: str, *, bad: bool = False) -> None:
        """Show one line of our own."""

    async def ended(self, outcome: Outcome, tokens: str) -> None:
        """Show the end of a turn."""


class TerminalView:
    """Events in colour, through `show`, which puts a text above the prompt."""

    def __init__(self, show: Callable[[Text], Awaitable[None]], status: Callable[[str], None]) -> None:
        self._show = show
        self._status = status
        self._running = ""

    async def event(self, event: Event, line: str) -> None:
        if isinstance(event, Failed):
            # The error that ends the turn is said once, at its end, with what to do; this one may pass.
            self._status("" if event.final else plain_line(event.text))
            return
        self._status("")
        if isinstance(event, CommandStarted):
            self._running = event.command
        elif isinstance(event, CommandEnded) and event.command != self._running:
            await self._show(render(CommandStarted(event.command)) or Text())
        for text in message_parts(event.text) if isinstance(event, Message) else [render(event)]:
            if text is not None:
                await self._show(text)

    async def note(self, text: str, *, bad: bool = False) -> None:
        await self._show(Text(plain_line(text), style="red" if bad else "dim", no_wrap=False))

    async def ended(self, outcome: Outcome, tokens: str) -> None:
        self._status("")
        await self._show(Text(f"─ {footer(outcome, tokens)}\n", style="dim"))


class PlainView:
    """Answers on `out`, everything else on `err`: what a script reads is the answers alone."""

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._err = err or sys.stderr

    async def event(self, event: Event, line: str) -> None:
        if isinstance(event, Message):
            print(plain(event.text), file=self._out, flush=True)
        elif not isinstance(event, Failed):
            text = render(event)
            if text is not None:
                print(text.plain, file=self._err, flush=True)

    async def note(self, text: str, *, bad: bool = False) -> None:
        print(f"codex-tmux: {plain_line(text)}", file=self._err, flush=True)

    async def ended(self, outcome: Outcome, tokens: str) -> None:
        print(footer(outcome, tokens), file=self._err, flush=True)


class JsonView(PlainView):
    """Codex's events as they are, on `out`; our own lines and what is no event on `err`.

    On a terminal the lines are made plain: JSON may hold raw control characters above ASCII.
    """

    async def event(self, event: Event, line: str) -> None:
        if isinstance(event, NotJson):
            await super().event(event, line)
        else:
            print(plain(line) if self._out.isatty() else line, file=self._out, flush=True)

    async def ended(self, outcome: Outcome, tokens: str) -> None:
        pass


def render(event: Event) -> Text | None:
    """An event as text for the terminal, nothing in it that a terminal obeys; None for what is not shown."""
    if isinstance(event, Message):
        return Text("\n").join(message_parts(event.text))
    if isinstance(event, Reasoning):
        return Text(tail(plain(event.text).replace("**", ""), REASONING_LINES, head=True), style="dim italic")
    if isinstance(event, CommandStarted):
        command = tail(plain(script_of(event.command)), COMMAND_LINES, head=True)
        return Text.assemble(("$ ", "bold cyan"), (command, "cyan"))
    if isinstance(event, CommandEnded):
        return command_output(event)
    if isinstance(event, FilesChanged):
        lines = [f"{FILE_SIGNS.get(kind, '~')} {plain_line(path)}" for kind, path in event.changes]
        if not event.done:
            return Text("\n".join(["the patch did not apply:", *lines]), style="red")
        return Text("\n".join(lines), style="green")
    if isinstance(event, Plan):
        return Text("\n".join(f"{'☑' if done else '☐'} {plain_line(step)}" for done, step in event.steps))
    if isinstance(event, Tool):
        text = Text(f"» {plain_line(event.text)}", style="magenta")
        return text.append(f": {plain_line(event.error)}", style="red") if event.error else text
    if isinstance(event, Notice):
        return Text(plain_line(event.text), style="yellow", no_wrap=False)
    if isinstance(event, NotJson):
        return Text(f"Codex printed: {shortened(plain_line(event.text[:LINE_WIDTH]), 120)}", style="yellow")
    return None


def message_parts(text: str) -> list[Text]:
    """A model's answer in parts, its Markdown lightly coloured; every character of it stays, in its place.

    What stands in a fence has its `no_wrap` unset: a long line of code is copied in one piece. Prose is to be broken
    between its words.
    """
    parts: list[Text] = []
    fenced = False
    for line in plain(text).strip("\n").rstrip().split("\n"):
        mark = line.lstrip().startswith("```")
        wrap = None if mark or fenced else False
        if not parts or parts[-1].no_wrap is not wrap:
            parts.append(Text(no_wrap=wrap))
        fenced ^= mark
        parts[-1].append(styled_line(line, code=wrap is None)).append("\n")
    for part in parts:
        part.right_crop(1)  # the newline that ends it is printed with it
    return parts


def styled_line(line: str, code: bool) -> Text:
    """One line of an answer."""
    if code:
        return Text(line, style="cyan")
    if line.startswith("#"):
        return Text(line, style="bold")
    styled = Text()
    for i, part in enumerate(line.split("`")):
        styled.append("`" if i else "")
        styled.append(part, style="cyan" if i % 2 and part else "")
    return styled


def command_output(event: CommandEnded) -> Text:
    """The last lines a command printed, and how it ended where that is not exit 0."""
    # Cut before it is cleaned: a command may print megabytes.
    rough = event.output[-OUTPUT_LINES * LINE_WIDTH :]
    lines = plain(rough).rstrip().split("\n")
    hidden = event.output.rstrip().count("\n") + 1 - min(len(lines), OUTPUT_LINES)
    text = Text(style="dim")
    if hidden > 0:
        text.append(f"  … {hidden} lines before\n")
    shown = [shortened(line, LINE_WIDTH) for line in lines[-OUTPUT_LINES:]]
    text.append("\n".join(f"  {line}" for line in shown if line or len(shown) > 1))
    if event.exit_code != 0:
        ending = "it did not run" if event.exit_code is None else f"exit {event.exit_code}"
        text.append(
            f"{chr(10) if text.plain and not text.plain.endswith(chr(10)) else ''}  {ending}", style="red"
        )
    return text


def script_of(command: str) -> str:
    """What Codex wraps as `/bin/bash -lc '…'`, without the wrapping."""
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    is_shell = len(words) == 3 and words[0].endswith("sh") and words[1] in ("-lc", "-c")
    return words[2] if is_shell else command


def tail(text: str, lines: int, *, head: bool = False) -> str:
    """The last `lines` lines of `text`, or the first ones, with an ellipsis for the others."""
    all_lines = text.strip("\n").split("\n")
    if len(all_lines) <= lines:
        return "\n".join(all_lines)
    return "\n".join([*all_lines[:lines], "…"] if head else ["…", *all_lines[-lines:]])


def footer(outcome: Outcome, tokens: str) -> str:
    """The line below a turn: tokens and time."""
    return " · ".join(part for part in (tokens, duration(outcome.seconds)) if part)


def tokens_of(now: Usage | None, before: Usage | None) -> str:
    """The tokens of a turn, where the session's count before it is known, and of the session."""
    if now is None or not now.total:
        return ""
    if before is None or before.total > now.total:
        return f"{now.total:,} tokens in the session"
    turn = Usage(now.input - before.input, now.cached - before.cached, now.output - before.output)
    cached = f", {turn.cached:,} cached" if turn.cached > 0 else ""
    session = f" · {now.total:,} in the session" if before.total else ""
    return f"{turn.input:,} in{cached}, {turn.output:,} out{session}"


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 05 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"
