"""One process, and what is asked of a system."""

from typing import NamedTuple, Protocol

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


class System(Protocol):
    """Who is asked: the modules `linux` and `other` are two."""

    def now(self) -> int:
        """In the ticks that `Process.start` has."""

    def process(self, pid: int) -> Process | None: ...

    def pids(self) -> list[int]: ...

    def table(self) -> dict[int, Process]: ...

    def children(self, pid: int) -> list[int] | None:
        """None where only the whole table tells."""

    def argv(self, pid: int) -> list[str]:
        """Empty for a zombie, a kernel thread and a process that is gone."""

    def environ(self, pid: int, names: tuple[str, ...]) -> dict[str, str]:
        """Of the environment `pid` was started with, only `names`: the rest is none of our business."""

    def cwd(self, pid: int) -> str: ...

    def exe(self, pid: int) -> str:
        """The binary, also after an update has replaced it."""

    def stdin(self, pid: int) -> str | None:
        """What it reads from; None where that cannot be told."""

    def open_files(self, pid: int) -> list[str]:
        """Absolute paths, regular files and devices."""

    def uid(self, pid: int) -> int | None: ...

    def lock_owner(self, path: str) -> int | None:
        """Who holds a lock on the file, which is there."""
