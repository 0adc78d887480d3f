"""Processes as /proc tells of them. Starts are in ticks since the machine's boot."""

import os
import time

from codex_tmux.codex.processes.process import TICKS, Process
from codex_tmux.paths import names_in

PROC = "/proc"
_DELETED = " (deleted)"


def now() -> int:
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * TICKS)


def process(pid: int) -> Process | None:
    text = read(f"{PROC}/{pid}/stat")
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


def pids() -> list[int]:
    return [int(name) for name in names_in(PROC) if name.isdigit()]


def table() -> dict[int, Process]:
    return {pid: found for pid in pids() if (found := process(pid)) is not None}


def children(pid: int) -> list[int] | None:
    """None where the kernel does not tell (it is built without CONFIG_PROC_CHILDREN)."""
    folder = f"{PROC}/{pid}/task"
    found: list[int] = []
    for thread in names_in(folder):
        # Each thread has its own; of a thread that has just ended another one has taken them over.
        found += map(int, read(f"{folder}/{thread}/children").split())
    if not found and not os.path.exists(f"{PROC}/self/task/{os.getpid()}/children"):
        return None
    return found


def argv(pid: int) -> list[str]:
    text = read(f"{PROC}/{pid}/cmdline")
    return [os.fsdecode(word) for word in text.removesuffix(b"\0").split(b"\0")] if text else []


def environ(pid: int, names: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in read(f"{PROC}/{pid}/environ").split(b"\0"):
        name, given, value = entry.partition(b"=")
        if given and (key := os.fsdecode(name)) in names:
            found.setdefault(key, os.fsdecode(value))
    return found


def cwd(pid: int) -> str:
    return _link(f"{PROC}/{pid}/cwd")


def exe(pid: int) -> str:
    return _link(f"{PROC}/{pid}/exe")


def stdin(pid: int) -> str | None:
    return _link(f"{PROC}/{pid}/fd/0")


def open_files(pid: int) -> list[str]:
    folder = f"{PROC}/{pid}/fd"
    paths = [_link(f"{folder}/{fd}") for fd in names_in(folder)]
    return [path for path in paths if path.startswith("/")]


def uid(pid: int) -> int | None:
    try:
        return os.stat(f"{PROC}/{pid}").st_uid
    except OSError:
        return None


def lock_owner(path: str) -> int | None:
    stat = os.stat(path)
    locks = read(f"{PROC}/locks")
    if not locks:
        return _opener(path, pids())
    wanted = (os.major(stat.st_dev), os.minor(stat.st_dev), stat.st_ino)
    possible = []
    for line in locks.decode("ascii", "replace").splitlines():
        fields = line.split()
        try:
            major, minor, inode = fields[5].split(":")
            pid, where = int(fields[4]), (int(major, 16), int(minor, 16), int(inode))
        except (IndexError, ValueError):  # one who waits has a `->` more
            continue
        if where == wanted and pid > 0 and os.path.exists(f"{PROC}/{pid}"):
            return pid
        # btrfs and overlayfs tell /proc/locks another device than stat; an open file description's lock (-1)
        # and one taken by a parent that is gone tell no process.
        if where[2] == stat.st_ino:
            possible.append(pid)
    return _opener(path, [*possible, *pids()]) if possible else None


def _opener(path: str, of: list[int]) -> int | None:
    path = os.path.realpath(path)
    return next((pid for pid in of if pid > 0 and path in open_files(pid)), None)


def read(path: str) -> bytes:
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
