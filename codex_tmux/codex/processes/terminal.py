"""What happens at a terminal: whether a shell waits for a line there, and what else lives on it."""

import os
import termios

from codex_tmux.codex.commandline import is_app_server
from codex_tmux.codex.processes.table import Process, Processes
from codex_tmux.codex.shells import runs_one_command, shell_name

_LINE_EDITORS = ("bash", "zsh", "fish", "nu", "xonsh")
"""Shells that leave the tty non-canonical exactly while they wait for a line."""


def shell_is_idle(processes: Processes, root_pid: int, tty: str) -> bool:
    """Whether the pane's root process is a shell that waits for a command line on `tty`."""
    argv = processes.argv(root_pid)
    name = shell_name(argv)
    shell = processes.get(root_pid)
    if not name or runs_one_command(argv) or shell is None:
        return False
    if shell.state != "S" or not shell.pgrp == shell.tty_pgrp == root_pid:
        return False
    if name in _LINE_EDITORS:
        return edits_lines(tty)
    # A script that waits in `read` looks the same from outside.
    return all(word.startswith("-") for word in argv[1:])


def jobs_of(processes: Processes, root_pid: int, codex: int = 0) -> tuple[str, ...]:
    """The names of what lives on the terminal of the shell `root_pid` beside it, running or stopped.

    Not the process `codex`, its group and what it started; not Codex's background server; nor what draws a prompt
    (powerlevel10k's gitstatusd, and the shell that waits for it).
    """
    others = _beside(processes, root_pid)
    passed = _of_codex(processes, codex, others) | _of_the_prompt(processes, root_pid, others)
    argv = [processes.argv(p.pid) for p in others if p.pid not in passed]
    names = (os.path.basename(words[0]) for words in argv if words and not is_app_server(words))
    return tuple(dict.fromkeys(name.removeprefix("-") for name in names))


def _beside(processes: Processes, root_pid: int) -> list[Process]:
    found = list(filter(None, map(processes.get, processes.pids())))
    tty = next((p.tty for p in found if p.pid == root_pid), "")
    return [p for p in found if tty and p.tty == tty and p.pid != root_pid and p.state not in "ZX"]


def _of_codex(processes: Processes, codex: int, others: list[Process]) -> set[int]:
    process = processes.get(codex) if codex else None
    if process is None:
        return set()
    return {codex, *processes.descendants(codex), *(p.pid for p in others if p.pgrp == process.pgrp)}


def _of_the_prompt(processes: Processes, root_pid: int, others: list[Process]) -> set[int]:
    found: set[int] = set()
    for pid in (p.pid for p in others):
        if os.path.basename("".join(processes.argv(pid)[:1])).startswith("gitstatusd"):
            found |= {pid, *(processes.ancestors(pid, root_pid) or ())}
    return found


def edits_lines(tty: str) -> bool:
    """Whether who reads the terminal gets each key at once, as a line editor does."""
    flags = _local_flags(tty)
    return flags is not None and not flags & termios.ICANON


def interrupts(tty: str) -> bool:
    """Whether a Ctrl-C typed into the terminal interrupts: a Codex that was killed has switched that off."""
    flags = _local_flags(tty)
    return flags is not None and bool(flags & termios.ISIG)


def let_interrupt(tty: str) -> None:
    _local_flags(tty, switch_on_isig=True)


def _local_flags(tty: str, switch_on_isig: bool = False) -> int | None:
    try:
        fd = os.open(tty, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        modes = termios.tcgetattr(fd)
        if switch_on_isig and not modes[3] & termios.ISIG:
            modes[3] |= termios.ISIG
            termios.tcsetattr(fd, termios.TCSANOW, modes)
        return int(modes[3])
    except termios.error:
        return None
    finally:
        os.close(fd)
