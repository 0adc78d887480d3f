"""What a person sees of a request, in plain text."""

from typing import NamedTuple

from rich.cells import chop_cells

from codex_tmux.codex.daemon.requests import ALWAYS, NO, YES, Request, answer_to, facts
from codex_tmux.commands.conversations import Conversation
from codex_tmux.plain_text import plain_line, tilde, visible

BAR = "│ "
"""Stands before every line that Codex wrote: nothing in it can look like a line of ours."""
KEYS = {YES: "y yes", NO: "n no", ALWAYS: "a for this session"}


class Page(NamedTuple):
    """What fits on the screen; `below`: how many lines of the request stand below it."""

    lines: list[str]
    below: int


def title_of(request: Request, conversation: Conversation | None) -> str:
    named = conversation.name if conversation else request.thread.get("name") or request.thread.get("preview")
    return plain_line(str(named or request.session_id))


def lines_of(request: Request, conversation: Conversation | None, width: int) -> list[str]:
    """The whole request, no line wider than `width` cells."""
    where = conversation.record.where if conversation and conversation.pane else "in no pane here"
    cwd = str(request.thread.get("cwd") or "")
    lines = [f"{where} · {tilde(plain_line(cwd))}"]
    for what, text in facts(request):
        lines += ["", f"{plain_line(what)}:"]
        for line in visible(text).split("\n"):
            lines += [
                BAR + piece for piece in chop_cells(line.expandtabs(4), max(1, width - len(BAR))) or [""]
            ]
    # Ours may be too long as well.
    return [line if line.startswith(BAR) else "".join(chop_cells(line, width)[:1]) for line in lines]


def page_of(lines: list[str], top: int, height: int) -> Page:
    shown = lines[top : top + height]
    return Page(shown, len(lines) - top - len(shown))


def keys_of(request: Request, more: bool, several: bool) -> str:
    """The keys that do something now; none approves before the whole request has been shown."""
    possible = [text for verdict, text in KEYS.items() if answer_to(request, verdict) is not None]
    words = ["Space shows the rest", *[w for w in possible if w.startswith("n")]] if more else possible
    return " · ".join([*words, "Enter go there", *(["Tab next"] if several else []), "q leave"])
