"""Which panes hold a shell that nobody has touched: the only ones a restore may take."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

from codex_tmux.codex.processes import Processes, shell_is_idle, tty_never_read
from codex_tmux.resume import joined
from codex_tmux.tmux import Server

STARTUP = 4.0
"""Seconds a new shell may take until it waits for input."""
PROMPT_ENDS = tuple("$#%>❯➜»›⟩λ✗±")
"""What the prompts of most shells end in; a line that ends otherwise may hold typed text."""
TYPED = re.compile(r"[$#%>❯»›⟩λ] +\S")
"""A prompt of the usual kind, and something behind it."""
CAPTURES = 50
"""How many panes are read in one tmux call."""


def untouched(server: Server, panes: Iterable[str], wait: float = STARTUP) -> frozenset[str]:
    """Those of the panes whose shell waits at an empty prompt; waits, bounded, for shells that are starting."""
    left = set(panes)
    found: set[str] = set()
    end = time.monotonic() + wait
    while left:
        processes = Processes()
        rows = states(server, left)
        left &= set(rows)
        idle = {p for p in left if shell_is_idle(processes, rows[p].pid, rows[p].tty)}
        lines = cursor_lines(server, [rows[p] for p in idle])
        found |= {p for p in idle if at_empty_prompt(rows[p], lines.get(p))}
        left = {p for p in left - found if not rows[p].dead and rows[p].is_young(processes)}
        if time.monotonic() > end:
            break
        if left:
            time.sleep(0.02)
    return frozenset(found)


class State:
    """A pane at one moment."""

    def __init__(self, line: str) -> None:
        values = line.split(" ")
        self.pane, pid, dead, mode, attached, shown, active, x, y = values[:9]
        self.tty = " ".join(values[9:])
        self.pid, self.dead, self.mode = int(pid or 0), dead == "1", mode not in ("", "0")
        self.watched = attached != "0" and shown == "1" and active == "1"
        self.x, self.y = int(x or 0), int(y or 0)

    def is_young(self, processes: Processes) -> bool:
        """Whether the pane's process is just starting."""
        process = processes.get(self.pid)
        return process is not None and processes.age(process.start) < STARTUP


def states(server: Server, panes: set[str]) -> dict[str, State]:
    """The panes that are still there."""
    form = (
        "#{pane_id} #{pane_pid} #{pane_dead} #{pane_in_mode} #{session_attached} #{window_active} #{pane_active} "
        "#{cursor_x} #{cursor_y} #{pane_tty}"
    )
    found: dict[str, State] = {}
    for line in server.run("list-panes", "-a", "-F", form).splitlines():
        state = State(line)
        if state.pane in panes and state.pid:
            found.setdefault(state.pane, state)
    return found


def cursor_lines(server: Server, panes: list[State]) -> dict[str, str]:
    """The line that each pane's cursor is on, by pane, in as few tmux calls as their length allows."""
    found: dict[str, str] = {}
    for at in range(0, len(panes), CAPTURES):
        some = panes[at : at + CAPTURES]
        commands = [["capture-pane", "-p", "-t", p.pane, "-S", str(p.y), "-E", str(p.y)] for p in some]
        lines = (server.try_run(*joined(commands)[:-1]) or "").split("\n")
        if len(lines) == len(some):
            found |= {p.pane: line for p, line in zip(some, lines)}
    return found


def at_empty_prompt(state: State, line: str | None) -> bool:
    """Whether nothing is typed on the line the cursor is on."""
    if state.mode or line is None:
        return False
    line = line.rstrip()
    if line.endswith(PROMPT_ENDS):
        return True
    # A prompt of another kind: nobody can be typing where nobody looks, and nothing was read since the shell began.
    return not state.watched and not TYPED.search(line) and (not line or tty_never_read(state.tty))
