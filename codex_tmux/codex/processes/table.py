"""Processes as one question after the other needs them."""

import time

from codex_tmux.codex.processes.auto import system
from codex_tmux.codex.processes.process import TICKS, Process


class Processes:
    """What the system tells of processes, each asked once, when a question first needs it.

    Where Linux tells a process's children, only they are read: a table of all processes takes as long as a whole
    machine of them makes it.
    """

    def __init__(self) -> None:
        self._system = system()
        self.environ, self.cwd, self.exe = self._system.environ, self._system.cwd, self._system.exe
        self.stdin, self.open_files, self.uid = self._system.stdin, self._system.open_files, self._system.uid
        self._table: dict[int, Process] | None = None
        self._children: dict[int, list[int]] = {}
        self._argv: dict[int, list[str]] = {}

    def get(self, pid: int) -> Process | None:
        if self._table is not None:
            return self._table.get(pid)
        return self._system.process(pid)

    def children(self, pid: int) -> list[int]:
        if self._table is None and pid not in self._children:
            told = self._system.children(pid)
            if told is None:
                self.read_table()
            else:
                self._children[pid] = told
        return self._children.get(pid, [])

    def pids(self) -> list[int]:
        if self._table is None:
            self.read_table()
        return list(self._table or ())

    def read_table(self) -> None:
        """Go by a table of all processes from now on, read anew.

        Linux may leave a child out while one of its elder siblings ends (proc(5)): for who misses one it expects.
        """
        self._table = self._system.table()
        self._children.clear()
        self._argv.clear()
        for process in self._table.values():
            self._children.setdefault(process.ppid, []).append(process.pid)

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
            self._argv[pid] = self._system.argv(pid)
        return self._argv[pid]

    def still_runs(self, pid: int, argv: list[str]) -> bool:
        """Whether `pid` runs this, at this moment: then what was read of it before is its own, and whole.

        A process that ends, or starts another program, loses its command line first; its environment and its
        directory read as empty from then on.
        """
        return self._system.argv(pid) == argv

    def age(self, start: int) -> float:
        return (self._system.now() - start) / TICKS

    def started_at(self, start: int) -> float:
        """When that was, in seconds since the epoch by the clock as it is set now."""
        return time.time() - self.age(start)
