"""Processes of systems without /proc, by psutil. It does not know process groups; `ps` does, all of them in one call.

The state is ps's too: on macOS psutil calls every process that is not stopped running, as the kernel's own table does.
So is the terminal: psutil looks up the terminals there are only once.

macOS and the BSDs note the time at which a process starts, and never change it. On Linux psutil adds the boot's time,
which moves with the clock, so it is taken off again.
"""

import os
import subprocess
import time
from typing import Any

import psutil

from codex_tmux.codex.commandline import split_program
from codex_tmux.codex.processes.table import TICKS, Process, Processes


class ProcessesElsewhere(Processes):
    def now(self) -> int:
        return int((time.clock_gettime(time.CLOCK_BOOTTIME) if psutil.LINUX else time.time()) * TICKS)

    def read(self, pid: int) -> Process | None:
        return _read(pid, groups_of(ps("-p", str(pid))))

    def read_all(self) -> dict[int, Process]:
        groups = groups_of(ps("-A"))
        return {pid: found for pid in groups if (found := _read(pid, groups)) is not None}

    def read_argv(self, pid: int) -> list[str]:
        return list(_ask(pid, "cmdline") or [])

    def environ(self, pid: int, names: tuple[str, ...]) -> dict[str, str]:
        found = _ask(pid, "environ") or {}
        return {name: found[name] for name in names if name in found}

    def cwd(self, pid: int) -> str:
        return _ask(pid, "cwd") or ""

    def exe(self, pid: int) -> str:
        return _ask(pid, "exe") or ""

    def open_files(self, pid: int) -> list[str]:
        return [file.path for file in _ask(pid, "open_files") or []]

    def uid(self, pid: int) -> int | None:
        uids = _ask(pid, "uids")
        return None if uids is None else int(uids.effective)

    def lock_owner(self, path: str) -> int | None:
        path = os.path.realpath(path)
        # A Codex first: there is no telling who has a file open but by asking one process after the other.
        codex_first = sorted(psutil.pids(), key=lambda pid: split_program(self.argv(pid)) is None)
        return next((pid for pid in codex_first if path in self.open_files(pid)), None)


def _read(pid: int, groups: dict[int, tuple[int, int, str, str]]) -> Process | None:
    ppid, start = _ask(pid, "ppid"), _ask(pid, "create_time")
    if pid not in groups or ppid is None or start is None:
        return None
    pgrp, tty_pgrp, state, tty = groups[pid]
    zero = psutil.boot_time() if psutil.LINUX else 0.0
    return Process(pid, ppid, pgrp, tty_pgrp, state, round((start - zero) * TICKS), tty)


def _ask(pid: int, question: str) -> Any:
    try:
        return getattr(psutil.Process(pid), question)()
    except (psutil.Error, OSError, ValueError):
        return None


def ps(*which: str) -> str:
    """What `ps` says of these processes; these words are POSIX's, tpgid and stat those of Linux, macOS and the BSDs."""
    try:
        done = subprocess.run(
            ["ps", *which, "-o", "pid=,pgid=,tpgid=,stat=,tty="], capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def groups_of(text: str) -> dict[int, tuple[int, int, str, str]]:
    """pid → (process group, foreground process group of its tty, state, tty), of what `ps` printed.

    >>> groups_of(" 501   501   733 Ss pts/3\\n 733   733   -1 S+ ?\\n")
    {501: (501, 733, 'S', '/dev/pts/3'), 733: (733, -1, 'S', '')}
    """
    groups = {}
    for line in text.splitlines():
        words = line.split()
        try:
            found, pgrp, tty_pgrp = map(int, words[:3])
        except ValueError:
            continue
        state = words[3][:1] if len(words) > 3 else ""
        # macOS says I for what has slept for 20 seconds, U for what Linux calls D; without a tty it says 0.
        tty = f"/dev/{words[4]}" if len(words) > 4 and words[4].strip("?-") else ""
        groups[found] = (pgrp, tty_pgrp or -1, {"I": "S", "U": "D"}.get(state, state), tty)
    return groups
