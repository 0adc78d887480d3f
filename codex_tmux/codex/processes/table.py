"""Processes as one question after the other needs them: from /proc, or where there is none from psutil."""

import os
import time
from typing import NamedTuple

from codex_tmux.paths import names_in

PROC = "/proc"
_DELETED = " (deleted)"
TICKS = 100
"""Ticks of a process's start in a second: Linux's USER_HZ is 100 on every machine."""


class Process(NamedTuple):
    """One process. `start`, in ticks of the system's own (`Processes.age`), and `pid` name it for good: no clock that
    is set changes them. `tty_pgrp` is -1 without a tty, 0 where unknown; `tty` names the terminal, only to be compared.
    """

    pid: int
    ppid: int
    pgrp: int
    tty_pgrp: int
    state: str
    start: int
    tty: str = ""

    @property
    def name(self) -> str:
        """What names it for good, as pane options and epochs hold it."""
        return f"{self.pid}:{self.start}"


class Processes:
    """What the system tells of processes: a table of all of them, and the command lines, each read once, when a
    question first needs it; all else is asked anew. This class reads /proc, `other.py` has the one for psutil.

    CODEX_TMUX_PROCESSES=psutil has psutil asked on Linux too, which is how that half is tested.
    """

    def __new__(cls, *_: object) -> "Processes":
        on_linux = os.path.exists("/proc/self/stat") and os.environ.get("CODEX_TMUX_PROCESSES") != "psutil"
        if on_linux or cls is not Processes:
            return super().__new__(cls)
        from codex_tmux.codex.processes.other import ProcessesElsewhere  # psutil

        return super().__new__(ProcessesElsewhere)

    def __init__(self) -> None:
        self._table: dict[int, Process] = {}
        self._children: dict[int, list[int]] = {}
        self._argv: dict[int, list[str]] = {}

    def get(self, pid: int) -> Process | None:
        return self._table.get(pid) if self._table else self.read(pid)

    def pids(self) -> list[int]:
        if not self._table:
            self._table = self.read_all()
            for process in self._table.values():
                self._children.setdefault(process.ppid, []).append(process.pid)
        return list(self._table)

    def children(self, pid: int) -> list[int]:
        self.pids()
        return self._children.get(pid, [])

    def descendants(self, pid: int) -> list[int]:
        """All below `pid`, parents before their children."""
        found = [pid]
        for above in found:
            found += [child for child in self.children(above) if child not in found]
        return found[1:]

    def ancestors(self, pid: int, root_pid: int) -> list[int] | None:
        """The processes from above `pid` up to `root_pid`; None where they cannot be told."""
        found: list[int] = []
        while pid != root_pid:
            process = self.get(pid)
            if process is None or len(found) == 64:
                return None
            pid = process.ppid
            found.append(pid)
        return found

    def argv(self, pid: int) -> list[str]:
        """Empty for a zombie, a kernel thread and a process that is gone."""
        if pid not in self._argv:
            self._argv[pid] = self.read_argv(pid)
        return self._argv[pid]

    def still_runs(self, pid: int, argv: list[str]) -> bool:
        """Whether `pid` runs this, at this moment: then what was read of it before is its own, and whole.

        A process that ends, or starts another program, loses its command line first; its environment and its
        directory read as empty from then on.
        """
        return self.read_argv(pid) == argv

    def age(self, start: int) -> float:
        return (self.now() - start) / TICKS

    def started_at(self, start: int) -> float:
        """When that was, in seconds since the epoch by the clock as it is set now."""
        return time.time() - self.age(start)

    def now(self) -> int:
        """In the ticks that `Process.start` has: here since the machine's boot."""
        return int(time.clock_gettime(time.CLOCK_BOOTTIME) * TICKS)

    def read(self, pid: int) -> Process | None:
        text = content(f"{PROC}/{pid}/stat")
        # The name stands in parentheses and may hold blanks and parentheses itself.
        fields = text[text.rfind(b")") + 1 :].split()
        try:
            return Process(
                pid,
                ppid=int(fields[1]),
                pgrp=int(fields[2]),
                tty_pgrp=int(fields[5]),
                state=fields[0].decode(),
                start=int(fields[19]),
                tty=fields[4].decode() if fields[4] != b"0" else "",
            )
        except (IndexError, ValueError):
            return None

    def read_all(self) -> dict[int, Process]:
        pids = (int(name) for name in names_in(PROC) if name.isdigit())
        return {pid: found for pid in pids if (found := self.read(pid)) is not None}

    def read_argv(self, pid: int) -> list[str]:
        text = content(f"{PROC}/{pid}/cmdline")
        return [os.fsdecode(word) for word in text.removesuffix(b"\0").split(b"\0")] if text else []

    def environ(self, pid: int, names: tuple[str, ...]) -> dict[str, str]:
        """Of the environment `pid` was started with, only `names`: the rest is none of our business."""
        found: dict[str, str] = {}
        for entry in content(f"{PROC}/{pid}/environ").split(b"\0"):
            name, given, value = entry.partition(b"=")
            if given and (key := os.fsdecode(name)) in names:
                found.setdefault(key, os.fsdecode(value))
        return found

    def cwd(self, pid: int) -> str:
        return _link(f"{PROC}/{pid}/cwd")

    def exe(self, pid: int) -> str:
        """The binary, also after an update has replaced it."""
        return _link(f"{PROC}/{pid}/exe")

    def open_files(self, pid: int) -> list[str]:
        """Absolute paths, regular files and devices."""
        folder = f"{PROC}/{pid}/fd"
        paths = [_link(f"{folder}/{fd}") for fd in names_in(folder)]
        return [path for path in paths if path.startswith("/")]

    def uid(self, pid: int) -> int | None:
        try:
            return os.stat(f"{PROC}/{pid}").st_uid
        except OSError:
            return None

    def lock_owner(self, path: str) -> int | None:
        """Who holds a lock on the file, which is there; without touching it."""
        stat = os.stat(path)
        wanted = f"{os.major(stat.st_dev):02x}:{os.minor(stat.st_dev):02x}:{stat.st_ino}"
        possible = []
        locks = content(f"{PROC}/locks").decode("ascii", "replace").splitlines()
        for line in locks:
            fields = line.split()
            # One who waits has a `->` before the rest.
            if len(fields) < 6 or fields[1] == "->" or not fields[5].endswith(f":{stat.st_ino}"):
                continue
            pid = int(fields[4])
            if fields[5] == wanted and pid > 0 and os.path.exists(f"{PROC}/{pid}"):
                return pid
            # btrfs and overlayfs tell /proc/locks another device than stat; an open file description's lock (-1)
            # and one taken by a parent that is gone tell no process.
            possible.append(pid)
        path = os.path.realpath(path)
        asked = [*possible, *self.pids()] if possible or not locks else []
        return next((pid for pid in asked if pid > 0 and path in self.open_files(pid)), None)


def content(path: str) -> bytes:
    # Not `open`: a sync reads hundreds of these, and its checks take longer than the reading.
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        chunks = []
        while chunk := os.read(fd, 1 << 16):
            chunks.append(chunk)
        return b"".join(chunks)
    except OSError:
        return b""
    finally:
        os.close(fd)


def _link(path: str) -> str:
    try:
        target = os.readlink(path)
    except OSError:
        return ""
    if target.endswith(_DELETED) and not os.path.exists(target):
        return target.removesuffix(_DELETED)
    return target
