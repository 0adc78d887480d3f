"""Which panes hold a shell that nobody uses: the only ones a restore may take, or a command is typed into."""

import time
from collections.abc import Iterable

from codex_tmux.codex.processes.table import Processes
from codex_tmux.pane.prompt import lines_of
from codex_tmux.tmux.server import Server
from codex_tmux.tracking.may_act import Act, may_act
from codex_tmux.tracking.pane_facts import age_of, pane_facts, process_facts

STARTUP = 4.0
"""Seconds a new shell may take until it waits for input."""
PLAIN = ("pane_id", "pane_pid", "pane_dead", "pane_in_mode", "pane_synchronized", "pane_tty")


def untouched(server: Server, panes: Iterable[str], wait: float = STARTUP) -> frozenset[str]:
    """Those of the panes whose shell waits at an empty prompt, alone; waits, bounded, for shells that are starting."""
    left = set(panes)
    found: set[str] = set()
    end = time.monotonic() + wait
    while left and time.monotonic() < end:
        processes = Processes()
        rows = rows_of(server, left)
        waiting, empty = look(server, rows, processes)
        found |= empty
        young = {p for p in rows if age_of(processes, int(rows[p]["pane_pid"])) < STARTUP}
        left = young - waiting
        if left:
            time.sleep(0.02)
    return frozenset(found)


def look(server: Server, rows: dict[str, dict[str, str]], processes: Processes) -> tuple[set[str], set[str]]:
    """Of these panes those whose shell waits for a line, and of them those whose line is empty, nothing beside it."""
    seen = {pane: (pane_facts(row), process_facts(row, processes)) for pane, row in rows.items()}
    waiting = {pane for pane, facts in seen.items() if may_act(*facts, Act.PROBE)}
    lines = lines_of(server, {pane: rows[pane]["pane_tty"] for pane in waiting})
    now = {pane: (seen[pane][0], seen[pane][1]._replace(line=line)) for pane, line in lines.items()}
    return waiting, {pane for pane, facts in now.items() if may_act(*facts, Act.FILL)}


def rows_of(server: Server, panes: Iterable[str]) -> dict[str, dict[str, str]]:
    """What tmux says now of those of the panes that are there and alive."""
    wanted = set(panes)
    rows = server.listed("list-panes", "-a", plain=PLAIN, chosen=("pane_current_command",))
    return {row["pane_id"]: row for row in rows if row["pane_id"] in wanted and row["pane_dead"] != "1"}
