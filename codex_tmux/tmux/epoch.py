"""Which tmux server a record is of, and whether that one is gone.

A server's epoch names one run of it for good: `<machine>.<pid namespace>.<boot>:<pid>:<start>`. Neither its socket nor
its pid does: a socket is removed by whoever cleans /tmp, and stands at the same path on every machine that shares the
home directory; a pid is given to another process. `<start>` is in ticks (`Processes.age`).
"""

import os
from collections.abc import Iterable
from typing import NamedTuple

from codex_tmux.codex.processes.table import Processes

try:
    from _blake2 import blake2b  # hashlib's own, without OpenSSL: 2 ms of each hook
except ImportError:
    from hashlib import blake2b

OURS, ALIVE, GONE, ELSEWHERE = "ours", "alive", "gone", "elsewhere"
"""The server that is asked; another one of this host that runs; one that has ended; one of another host or pid
namespace: whether that still runs cannot be seen from here."""

FIRST_NAMESPACE = "4026531836"
"""The pid namespace that every Linux boots with."""


class Host(NamedTuple):
    """A machine or container, and its present boot. `machine` and `boot` are digests."""

    machine: str
    namespace: str
    boot: str


class Epoch(NamedTuple):
    """One run of a tmux server."""

    host: Host
    pid: int
    start: int


def fate(epoch: str, ours: str, host: Host, start: int | None) -> str:
    """Whether the tmux server of `epoch` is OURS, ALIVE, GONE or ELSEWHERE. Pure.

    `ours` is the epoch of the server that is asked, "" without one; `start` that of the process that has the epoch's
    pid on this host now, None where none has.
    """
    parsed, own = parse(epoch), parse(ours)
    if parsed is None:
        return GONE
    # A machine without an id is known by its name, and that may change while the server runs.
    if own is not None and parsed[1:] == own[1:] and parsed.host[1:] == own.host[1:]:
        return OURS
    if parsed.host == host:
        return ALIVE if start == parsed.start else GONE
    # In another namespace nothing of an earlier boot runs either.
    booted_since = parsed.host.machine == host.machine and parsed.host.boot != host.boot
    return GONE if booted_since else ELSEWHERE


def parse(text: str) -> Epoch | None:
    head, _, start = text.rpartition(":")
    where, _, pid = head.rpartition(":")
    words = where.split(".")
    if not (pid.isdecimal() and start.isdecimal() and len(words) == len(Host._fields)):
        return None
    return Epoch(Host(*words), int(pid), int(start))


def of_server(pid: str) -> str:
    process = Processes().get(int(pid)) if pid.isdecimal() else None
    return f"{'.'.join(this_host())}:{process.name}" if process is not None else ""


def pid_of(epoch: str) -> int | None:
    parsed = parse(epoch)
    return parsed.pid if parsed else None


def server_name(epoch: str, socket: str) -> str:
    """A tmux server as messages name it: of two at one socket's path only the newer can be reached by that."""
    return f"the tmux server {socket} (process {pid_of(epoch)})"


def taken_over() -> str:
    """The epoch of what was taken over from another host: one of this host, of no server that ever ran."""
    return f"{'.'.join(this_host())}:0:0"


def fates(epochs: Iterable[str], ours: str = "") -> dict[str, str]:
    processes, host = Processes(), this_host()

    def start(epoch: str) -> int | None:
        parsed = parse(epoch)
        process = processes.get(parsed.pid) if parsed and parsed.host == host else None
        # One that has ended and was not waited for yet is none.
        return process.start if process and process.state not in "ZX" else None

    return {epoch: fate(epoch, ours, host, start(epoch)) for epoch in set(epochs)}


def this_host() -> Host:
    machine = first_word("/etc/machine-id")
    namespace = namespace_of("/proc/self/ns/pid")
    # Elsewhere than on Linux a process's start is told in absolute time, and needs no boot beside it.
    boot = digest(first_word("/proc/sys/kernel/random/boot_id"))
    name = os.uname().nodename.partition(".")[0]
    if len(machine) != 32:
        machine = name  # there is none, or it is not set yet
    elif namespace not in (FIRST_NAMESPACE, ""):
        machine += name  # a container's may be its image's, or its host's
    return Host(digest(machine), namespace, boot)


def first_word(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return (file.read(256).split() or [""])[0]
    except OSError:
        return ""


def namespace_of(link: str) -> str:
    try:
        return os.readlink(link).strip("pid:[]")
    except OSError:
        return ""


def digest(text: str) -> str:
    """Enough of a digest to tell hosts and boots apart: a machine's id itself is confidential (machine-id(5))."""
    return blake2b(text.encode("utf-8", "surrogateescape"), key=b"codex-tmux", digest_size=6).hexdigest()
