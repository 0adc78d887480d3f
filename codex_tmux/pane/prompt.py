"""A shell's prompt: is it empty, for sure? And typing a command there, into that pane alone.

What stands on a line does not tell: a prompt may look like anything, and what was typed like a prompt. So keys tell: to
the line's beginning, and a `1`. Where that comes up right where the cursor stood, nothing is before it; where nothing
behind it moves, nothing is there either. Then it is taken back, and whatever was on the line is as it was.
"""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass

from codex_tmux.codex.processes.terminal import edits_lines, let_interrupt
from codex_tmux.tmux.server import Server
from codex_tmux.tracking.may_act import Line

WITHIN = 1.0
"""Seconds a shell may take to show what a key did."""
EVERY = 0.02
NEXT = "codex-tmux, the next pane: "
CAPTURES = 40
"""How many panes are read in one tmux call."""
# As bytes: what tmux makes of a key's name depends on modes that a killed Codex has left behind.
BEGIN, END, LEFT, RIGHT = "01", "05", "1b 5b 44", "1b 5b 43"
ONE, RUB_OUT, INTERRUPT, ENTER = "31", "7f", "03", "0d"
TRIES = 3
PAUSE = 0.05
MORE_WANTED = re.compile(r"^\s*([a-z]+ )*([a-z]+)?> ?$")
"""The prompt by which bash, zsh, dash and ksh ask for the rest of a command (`> `, `quote> `, `for then> `)."""
PLAIN = ("$", "#")
"""What a shell without a line editor shows, where each key is echoed: so nothing else is there."""


@dataclass(frozen=True)
class Cursor:
    x: int
    y: int
    width: int
    row: str

    @property
    def before(self) -> str:
        return self.row[: self.x].ljust(self.x)

    @property
    def behind(self) -> str:
        return self.row[self.x :].rstrip()


def cursors(server: Server, panes: Iterable[str]) -> dict[str, Cursor]:
    """The cursors of those of the panes that are there, in as few calls as their length allows."""
    wanted = list(panes)
    found: dict[str, Cursor] = {}
    form = f"{NEXT}#{{pane_id}} #{{cursor_x}} #{{cursor_y}} #{{pane_width}}"
    for at in range(0, len(wanted), CAPTURES):
        words: list[str] = []
        for pane in wanted[at : at + CAPTURES]:
            words += ["display-message", "-p", "-t", pane, form, ";", "capture-pane", "-p", "-t", pane, ";"]
        for part in (server.try_run(*words[:-1]) or "").split(NEXT)[1:]:
            head, *rows = part.split("\n")
            pane, x, y, width = head.split()
            found[pane] = Cursor(int(x), int(y), int(width), rows[int(y)] if int(y) < len(rows) else "")
    return found


def send(server: Server, panes: Iterable[str], keys: str) -> None:
    """Send bytes, written in hexadecimal, to each of the panes; one that has gone gets none."""
    words = [w for pane in panes for w in ("send-keys", "-t", pane, "-H", *keys.split(), ";")]
    if words:
        server.try_run(*words[:-1])


def lines_of(server: Server, panes: dict[str, str]) -> dict[str, str]:
    """What stands at the prompts of shells that wait for a line (pane id → terminal), `may_act` having said that they
    may be probed."""
    before = cursors(server, panes)
    found = {pane: line for pane, at in before.items() if (line := by_sight(at, panes[pane])) is not None}
    left = {pane: at for pane, at in before.items() if pane not in found}
    # In vi's mode there is no such key for the line's beginning; one to the left rings a bell at its beginning.
    for keys, taken_back in ((BEGIN, RUB_OUT), (LEFT, f"{RUB_OUT} {RIGHT}")):
        if left:
            told = probed(server, left, keys, taken_back)
            found |= told
            left = {pane: at for pane, at in left.items() if pane not in told}
    return {pane: found.get(pane, Line.UNKNOWN) for pane in panes}


def by_sight(at: Cursor, tty: str) -> str | None:
    """What the row alone tells, before any key; None where it does not."""
    shown = at.before.rstrip()
    if MORE_WANTED.match(at.before):
        return Line.BEGUN
    if not edits_lines(tty):
        return Line.EMPTY if shown in PLAIN and not at.behind and at.x == 2 else Line.UNKNOWN
    # A program's question, which a key would answer; or no room to see one.
    return Line.UNKNOWN if shown.endswith(("?", ":")) or at.x > at.width - 4 else None


def probed(server: Server, before: dict[str, Cursor], keys: str, taken_back: str) -> dict[str, str]:
    """What the keys and a `1` behind them show, by pane; a pane that they tell nothing of is left out."""
    found: dict[str, str] = {}
    waiting = dict(before)
    send(server, waiting, f"{keys} {ONE}")
    end = time.monotonic() + WITHIN
    while waiting and time.monotonic() < end:
        time.sleep(EVERY)
        for pane, now in cursors(server, waiting).items():
            line = compared(waiting[pane], now)
            if line is None:
                continue
            was = waiting.pop(pane)
            if line == Line.UNKNOWN:
                send(server, [pane], f"{RUB_OUT} {RUB_OUT}")
                continue
            found[pane] = line
            moved = now.x <= was.x or now.y != was.y
            send(server, [pane], back(was, now, taken_back) if moved else RUB_OUT)
    send(server, waiting, taken_back)
    wait_until_as_before(server, before)
    return found


def compared(was: Cursor, now: Cursor) -> str | None:
    """What a row shows before and after the keys; UNKNOWN where they were inserted, None where nothing is seen yet."""
    if now.before.endswith("^A1"):
        return Line.UNKNOWN
    if (now.x, now.y) == (was.x + 1, was.y) and now.before == was.before + "1":
        # Behind the cursor may be the right prompt, or what an earlier program has left there: these stay in place.
        stays = not was.behind or now.behind == was.behind[1:].rstrip()
        return Line.EMPTY if stays else Line.BEGUN
    moved = now.y != was.y or now.x <= was.x
    return Line.BEGUN if moved and now.row != was.row else None


def back(was: Cursor, now: Cursor, taken_back: str) -> str:
    """The keys that make a line that was begun what it was, its cursor where it stood."""
    if taken_back != RUB_OUT:
        return taken_back
    if now.y != was.y or not was.behind:
        return f"{RUB_OUT} {END}"
    return " ".join([RUB_OUT, *[RIGHT] * (was.x - now.x + 1)])


def wait_until_as_before(server: Server, before: dict[str, Cursor]) -> None:
    """Wait, bounded, until the shells have taken back what was typed to find out."""
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        now = cursors(server, before)
        if all((at.x, at.y) == (before[pane].x, before[pane].y) for pane, at in now.items()):
            return
        time.sleep(EVERY)


def type_command(server: Server, pane: str, tty: str, command: str) -> bool:
    """Type a command at a prompt that is empty, and enter it; false where the shell did not show it as typed.

    The Ctrl-C before it gives up what no look at the line can tell: the lines of a command above it.
    """
    for _ in range(TRIES):
        let_interrupt(tty)
        send(server, [pane], INTERRUPT)
        # A shell may throw away what it has read of the next line while it handles the signal.
        time.sleep(PAUSE)
        # A shell's history leaves out, if it can, what begins with a blank.
        server.run("send-keys", "-t", pane, "-l", f" {command}")
        if is_shown(server, pane, command):
            let_interrupt(tty)
            send(server, [pane], ENTER)
            return True
    let_interrupt(tty)
    send(server, [pane], INTERRUPT)
    return False


def is_shown(server: Server, pane: str, command: str) -> bool:
    wanted = "".join(command.split())
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        answer = server.try_run(
            *("display-message", "-p", "-t", pane, "#{cursor_x} #{cursor_y}", ";"),
            *("capture-pane", "-p", "-t", pane),
        )
        where, _, screen = (answer or "0 0").partition("\n")
        x, y = map(int, where.split())
        rows = screen.split("\n")[: y + 1]
        shown = "".join("".join([*rows[:-1], rows[-1][:x] if rows else ""]).split())
        if shown.endswith(wanted):
            return True
        time.sleep(EVERY)
    return False
