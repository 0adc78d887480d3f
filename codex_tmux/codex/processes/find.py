"""Facts about processes: which Codex a pane runs, what it holds open, whether a shell waits for a line.

The only module that reads /proc. Where there is none, psutil and one `ps` answer the same questions, and
CODEX_TMUX_PROCESSES=psutil has them answer on Linux too, which is how that half is tested. A process may
vanish or belong to somebody else at any moment: then there is no answer, never an error.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import termios
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from codex_tmux.codex.commandline import CommandLine, is_session_id, parse, split_program
from codex_tmux.codex.script import starts_one_program
from codex_tmux.launch import runs_below

PROC = "/nonexistent" if os.environ.get("CODEX_TMUX_PROCESSES") == "psutil" else "/proc"

SHELLS = ("sh", "bash", "zsh", "fish", "dash", "ash", "ksh", "ksh93", "mksh", "tcsh", "csh", "nu", "xonsh")
_LINE_EDITORS = ("bash", "zsh", "fish", "nu", "xonsh")
"""Shells that leave the tty non-canonical exactly while they wait for a line."""

_VALUED = ("--rcfile", "--init-file", "-O", "+O", "-o", "+o", "-C", "--init-command", "-d", "-D")
"""Options of these shells whose value is a word of its own, and so is no script."""

TICKS = 100
"""Ticks of a process's start in a second: Linux's USER_HZ is 100 on every machine."""

_DELETED = " (deleted)"
OF_ONE_SHELL = "/fnm_multishells/"
"""fnm gives each shell a directory of its own, a link to the version it uses: after a reboot it is gone."""


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


class CodexProcess(NamedTuple):
    """The Codex a pane runs."""

    pid: int
    start: int
    argv: tuple[str, ...]
    program: tuple[str, ...]
    """What ran, absolute and as it was invoked: a link into a version's folder outlives that version."""
    command: CommandLine
    cwd: str
    codex_home: str
    sqlite_home: str | None
    environ: tuple[tuple[str, str], ...]
    """What was asked for of its environment."""
    root: bool
    """There is no shell below it to come back to: it is the pane's root process, or only `sh -c …`, a script, `npx`,
    `env` and the like stand between."""
    foreground: bool
    pids: tuple[int, ...]
    """Itself and the native binary below npm's wrapper; no app-server, no tool that Codex runs."""
    stopped: bool = False
    inside: bool = False
    """Its terminal is not the pane's own: another program made it."""
    step: bool = False
    """A script above it has other work to do as well."""
    args: tuple[str, ...] = ()
    """The words behind its program."""
    above: tuple[tuple[str, ...], ...] = ()
    """The command lines of the processes between it and the shell that people type into, or the pane's root."""
    path: str = ""
    """Its PATH."""


class Processes:
    """What the system tells of processes, each asked once, when a question first needs it.

    Where Linux tells a process's children, only they are read: a table of all processes takes as long as a whole
    machine of them makes it.
    """

    def __init__(self) -> None:
        self._system: _Proc | _Psutil = _Proc() if os.path.exists(f"{PROC}/self/stat") else _Psutil()
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
        """All processes of this system."""
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

    def environ(self, pid: int, names: tuple[str, ...]) -> dict[str, str]:
        """Of the environment `pid` was started with, only `names`: the rest is none of our business."""
        return self._system.environ(pid, names)

    def cwd(self, pid: int) -> str:
        return self._system.cwd(pid)

    def exe(self, pid: int) -> str:
        """The binary, also after an update has replaced it."""
        return self._system.exe(pid)

    def open_files(self, pid: int) -> list[str]:
        """Absolute paths, regular files and devices."""
        return self._system.open_files(pid)

    def uid(self, pid: int) -> int | None:
        """Whose process it is."""
        return self._system.uid(pid)

    def is_linked_with(self, pid: int, library: str) -> bool | None:
        """Whether the process has loaded this library; None where that cannot be told."""
        return self._system.is_linked_with(pid, library)

    def age(self, start: int) -> float:
        """How many seconds ago a process with this start began."""
        return (self._system.now() - start) / TICKS

    def started_at(self, start: int) -> float:
        """When that was, in seconds since the epoch by the clock as it is set now."""
        return time.time() - self.age(start)

    def alive(self, pid: int, start: int) -> bool:
        """Whether the process that has had `pid` since `start` still runs: the number may be another's by now."""
        process = self._system.process(pid)
        return process is not None and process.state not in "ZX" and process.start == start


class _Proc:
    """Starts are in ticks since the machine's boot."""

    def now(self) -> int:
        return int(time.clock_gettime(time.CLOCK_BOOTTIME) * TICKS)

    def process(self, pid: int) -> Process | None:
        text = _read(f"{PROC}/{pid}/stat")
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

    def pids(self) -> list[int]:
        return _pids()

    def uid(self, pid: int) -> int | None:
        try:
            return os.stat(f"{PROC}/{pid}").st_uid
        except OSError:
            return None

    def is_linked_with(self, pid: int, library: str) -> bool | None:
        maps = _read(f"{PROC}/{pid}/maps")
        return library.encode() in maps if maps else None

    def table(self) -> dict[int, Process]:
        return {pid: found for pid in _pids() if (found := self.process(pid)) is not None}

    def children(self, pid: int) -> list[int] | None:
        """None where the kernel does not tell (it is built without CONFIG_PROC_CHILDREN)."""
        folder = f"{PROC}/{pid}/task"
        found: list[int] = []
        for thread in _names(folder):
            # Each thread has its own; of a thread that has just ended another one has taken them over.
            text = _read(f"{folder}/{thread}/children")
            found += map(int, text.split())
        if not found and not os.path.exists(f"{PROC}/self/task/{os.getpid()}/children"):
            return None
        return found

    def argv(self, pid: int) -> list[str]:
        text = _read(f"{PROC}/{pid}/cmdline")
        return [os.fsdecode(word) for word in text.removesuffix(b"\0").split(b"\0")] if text else []

    def environ(self, pid: int, names: tuple[str, ...]) -> dict[str, str]:
        found: dict[str, str] = {}
        for entry in _read(f"{PROC}/{pid}/environ").split(b"\0"):
            name, given, value = entry.partition(b"=")
            if given and (key := os.fsdecode(name)) in names:
                found.setdefault(key, os.fsdecode(value))
        return found

    def cwd(self, pid: int) -> str:
        return _link(f"{PROC}/{pid}/cwd")

    def exe(self, pid: int) -> str:
        return _link(f"{PROC}/{pid}/exe")

    def open_files(self, pid: int) -> list[str]:
        folder = f"{PROC}/{pid}/fd"
        paths = [_link(f"{folder}/{fd}") for fd in _names(folder)]
        return [path for path in paths if path.startswith("/")]


class _Psutil:
    """Other systems. psutil does not know process groups, `ps` does, all of them in one call. The state is ps's too:
    on macOS psutil calls every process that is not stopped running, as the kernel's own table does. So is the terminal:
    psutil looks up the terminals there are only once.

    macOS and the BSDs note the time at which a process starts, and never change it. On Linux psutil adds the boot's
    time, which moves with the clock, so it is taken off again.
    """

    def __init__(self) -> None:
        self._psutil: Any = importlib.import_module("psutil")
        self._zero = self._psutil.boot_time() if self._psutil.LINUX else 0.0

    def now(self) -> int:
        if self._psutil.LINUX:
            return int(time.clock_gettime(time.CLOCK_BOOTTIME) * TICKS)
        return int(time.time() * TICKS)

    def process(self, pid: int) -> Process | None:
        return self._read(pid, groups_of(ps("-p", str(pid))))

    def children(self, pid: int) -> list[int] | None:
        return None

    def table(self) -> dict[int, Process]:
        groups = groups_of(ps("-A"))
        found = (self._read(pid, groups) for pid in self._psutil.pids())
        return {process.pid: process for process in found if process is not None}

    def _read(self, pid: int, groups: dict[int, tuple[int, int, str, str]]) -> Process | None:
        try:
            process = self._psutil.Process(pid)
            ppid, status, start = process.ppid(), process.status(), process.create_time()
            pgrp, tty_pgrp, state, tty = groups.get(pid) or (os.getpgid(pid), 0, "", "")
        except (self._psutil.Error, OSError, ValueError):
            return None
        states = {"running": "R", "stopped": "T", "tracing-stop": "t", "zombie": "Z", "dead": "X"}
        ticks = round((start - self._zero) * TICKS)
        return Process(pid, ppid, pgrp, tty_pgrp, state or states.get(status, "S"), ticks, tty)

    def pids(self) -> list[int]:
        return list(self._psutil.pids())

    def uid(self, pid: int) -> int | None:
        uids = self._ask(pid, "uids")
        return None if uids is None else int(uids.effective)

    def is_linked_with(self, pid: int, library: str) -> bool | None:
        return None

    def _ask(self, pid: int, question: str) -> Any:
        try:
            return getattr(self._psutil.Process(pid), question)()
        except (self._psutil.Error, OSError, ValueError):
            return None

    def argv(self, pid: int) -> list[str]:
        return list(self._ask(pid, "cmdline") or [])

    def environ(self, pid: int, names: tuple[str, ...]) -> dict[str, str]:
        environ = self._ask(pid, "environ") or {}
        return {name: environ[name] for name in names if name in environ}

    def cwd(self, pid: int) -> str:
        return self._ask(pid, "cwd") or ""

    def exe(self, pid: int) -> str:
        return self._ask(pid, "exe") or ""

    def open_files(self, pid: int) -> list[str]:
        return [file.path for file in self._ask(pid, "open_files") or []]


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


def is_app_server(argv: list[str]) -> bool:
    """Whether this is Codex's shared daemon or its updater: a child of the TUI that happened to start it."""
    split = split_program(argv)
    return split is not None and parse(split[1]).subcommand == "app-server"


def find_codex(
    processes: Processes, root_pid: int, expected: bool = False, names: tuple[str, ...] = ()
) -> CodexProcess | None:
    """The Codex that the pane with the root process `root_pid` runs, or None; with these `names` of its environment.

    Of several (one is stopped, another runs) one on the pane's own terminal, the one in the foreground, else the one
    started last, which `fg` would bring back. One that was `expected` is missing only where a table of all processes
    says so too. One that ends while it is looked at is none.
    """
    found = _found(processes, root_pid, names)
    if found is None and expected:
        processes.read_table()
        found = _found(processes, root_pid, names)
    return found


def _found(processes: Processes, root_pid: int, names: tuple[str, ...]) -> CodexProcess | None:
    root_process = processes.get(root_pid)
    own_tty = root_process.tty if root_process is not None else ""
    candidates = []
    for pid, command in _conversations(processes, root_pid):
        process = processes.get(pid)
        # Without a tty it is a program's Codex, not the pane's.
        if process is None or process.state in "ZX" or process.tty_pgrp < 0:
            continue
        above = _ancestors(processes, pid, root_pid)
        inside = process.tty != own_tty
        step = is_step(processes, above or [])
        foreground = process.tty_pgrp in (process.pgrp, 0)
        candidates.append(((not inside, not step, foreground, process.start), process, command, above))
    if not candidates:
        return None
    (own, alone, foreground, start), process, command, above = max(candidates, key=lambda c: c[0])
    pid = process.pid
    if processes.uid(pid) not in (None, os.geteuid()):
        return None  # `sudo -u somebody codex`: it would come back as ours, in somebody's home
    argv = {p: processes.argv(p) for p in (pid, *(above or ()))}
    cwd = processes.cwd(pid)
    environ = processes.environ(pid, ("HOME", "PATH", "CODEX_HOME", "CODEX_SQLITE_HOME", *names))
    home = environ.get("HOME") or os.path.expanduser("~")
    sqlite_home = environ.get("CODEX_SQLITE_HOME")
    found = CodexProcess(
        pid=pid,
        start=start,
        argv=tuple(argv[pid]),
        program=_program(processes, pid, cwd, environ.get("PATH", "")),
        command=command,
        cwd=cwd,
        codex_home=os.path.join(cwd, environ.get("CODEX_HOME") or os.path.join(home, ".codex")),
        sqlite_home=os.path.join(cwd, sqlite_home) if sqlite_home else None,
        environ=tuple((name, environ[name]) for name in names if name in environ),
        root=above is not None and not any(is_typed_into(argv[p], processes.cwd(p)) for p in above),
        foreground=foreground,
        pids=(pid, *_same_codex(processes, pid)),
        stopped=process.state in "Tt",
        inside=not own,
        step=not alone,
        args=tuple((codex_words(processes, pid) or ([], argv[pid][1:]))[1]),
        above=tuple(tuple(argv[p]) for p in below_shell(processes, above or [])),
        path=environ.get("PATH", ""),
    )
    return found if all(processes.still_runs(p, argv[p]) for p in argv) else None


RUNNERS = ("make", "gmake", "just", "xargs", "find", "watch", "python", "perl", "ruby")
"""Programs that run others as steps of their own work; with what follows of their names (`python3.11`)."""


def is_step(processes: Processes, above: list[int]) -> bool:
    """Whether one of the processes above a Codex, up to the shell that people type into, has other work as well."""
    for pid in above:
        argv = processes.argv(pid)
        cwd = processes.cwd(pid)
        if not argv or is_typed_into(argv, cwd):
            return False
        if _shell_name(argv):
            if not starts_one_program(_script_text(argv, cwd)):
                return True
        elif os.path.basename(argv[0]).rstrip("0123456789.") in RUNNERS and not _is_helper(argv):
            return True
    return False


def _is_helper(argv: list[str]) -> bool:
    return any(os.path.basename(word) in ("codex-tmux", "hook.py", "codex_tmux") for word in argv[1:5])


def _script_text(argv: list[str], cwd: str) -> str:
    """What a shell that nobody types into runs; "" where that cannot be read."""
    if runs_one_command(argv):
        at = next(i for i, word in enumerate(argv) if word == "--command" or _has_c(word))
        return argv[at + 1] if at + 1 < len(argv) else ""
    path = _script(argv)
    return os.fsdecode(_read(os.path.join(cwd, path))) if path else ""


def codex_words(processes: Processes, pid: int) -> tuple[list[str], list[str]] | None:
    """(program words, arguments) where `pid` is a Codex, by its command line or, called by another name, its binary.

    Codex starts its binary under names of its own too (`apply_patch`, `codex-linux-sandbox`): these are tools.
    """
    argv = processes.argv(pid)
    split = split_program(argv)
    if split is not None or not argv or os.path.basename(argv[0]).startswith(("apply", "codex-")):
        return split
    exe = processes.exe(pid)
    return ([argv[0]], argv[1:]) if exe and split_program([exe]) is not None else None


def _ancestors(processes: Processes, pid: int, root_pid: int) -> list[int] | None:
    """The processes from above `pid` up to the pane's root process; None where they cannot be told."""
    found: list[int] = []
    while pid != root_pid:
        process = processes.get(pid)
        if process is None or len(found) == 64:
            return None
        pid = process.ppid
        found.append(pid)
    return found


def below_shell(processes: Processes, above: list[int]) -> list[int]:
    """Of the processes above a Codex those up to the shell that people type into."""
    typed = (at for at, p in enumerate(above) if is_typed_into(processes.argv(p), processes.cwd(p)))
    return above[: next(typed, len(above))]


def is_typed_into(argv: list[str], cwd: str) -> bool:
    """Whether this is a shell that people type into, or will be: not `sh -c …`, not one that runs a script."""
    if runs_below(argv):
        return True
    if not _shell_name(argv) or runs_one_command(argv):
        return False
    script = _script(argv)
    return not script or not os.path.isfile(os.path.join(cwd, script))


def _script(argv: list[str]) -> str:
    """The script that a shell's command line names; "" for none."""
    before = ""
    for word in argv[2:] if _shell_name(argv[:1]) == "" else argv[1:]:
        if not word.startswith(("-", "+")) and before not in _VALUED:
            return word
        before = word
    return ""


def _conversations(processes: Processes, pid: int) -> Iterator[tuple[int, CommandLine]]:
    """Each outermost Codex at or below `pid`, with nothing from below a Codex (its daemon, its tools)."""
    pending, seen = [pid], set()
    while pending:
        at = pending.pop()
        if at in seen:
            continue
        seen.add(at)
        split = codex_words(processes, at)
        if split is None:
            pending += processes.children(at)
            continue
        command = parse(split[1])
        if command.mode is not None:
            yield at, command


def _same_codex(processes: Processes, pid: int) -> Iterator[int]:
    """The processes below npm's wrapper that were given its very arguments: the native binary."""
    split = codex_words(processes, pid)
    exe = processes.exe(pid)
    if split is not None and len(split[0]) == 1 and exe and split_program([exe]) is not None:
        return  # the binary itself: nothing below it is the same Codex, and its threads are many to ask
    for child in processes.children(pid):
        below = codex_words(processes, child)
        if split is not None and below is not None and below[1] == split[1]:
            yield child
            yield from _same_codex(processes, child)


def _program(processes: Processes, pid: int, cwd: str, path: str) -> tuple[str, ...]:
    split = codex_words(processes, pid)
    words = split[0] if split is not None else []
    if len(words) > 1:
        script = os.path.join(cwd, words[-1])
        if os.access(script, os.X_OK):
            return (script,)
        return (_resolved(words[0], cwd, path) or processes.exe(pid), *words[1:-1], script)
    found = _resolved(words[0], cwd, path) if words else None
    return (found or processes.exe(pid),)


def _resolved(word: str, cwd: str, path: str) -> str | None:
    """`word` as that process's shell looked it up, links kept, or None."""
    folders = [cwd] if "/" in word else [os.path.join(cwd, folder) for folder in path.split(":")]
    for folder in folders:
        found = os.path.normpath(os.path.join(folder, word))
        if os.path.isfile(found) and os.access(found, os.X_OK):
            if OF_ONE_SHELL in found:
                return os.path.join(os.path.realpath(os.path.dirname(found)), os.path.basename(found))
            return found
    return None


def _shell_name(argv: list[str]) -> str:
    for word in argv[:2]:  # `python3 /usr/bin/xonsh`
        name = os.path.basename(word).removeprefix("-")
        if name in SHELLS and (word is argv[0] or name == "xonsh"):
            return name
    return ""


def runs_one_command(argv: list[str]) -> bool:
    """`sh -c …`, as tmux runs a pane's command: when that ends there is no shell to come back to."""
    if not _shell_name(argv):
        return False
    for word in argv[1:]:
        if not word.startswith("-"):
            return False
        if word == "--command" or _has_c(word):
            return True
    return False


def _has_c(word: str) -> bool:
    return word.startswith("-") and "c" in word and not word.startswith("--")


def open_sessions(processes: Processes, codex: CodexProcess) -> list[str]:
    """The ids of the sessions whose lock or rollout the processes of `codex` hold open, each once.

    Several after `/new` or with sub-agents; none where the shared daemon holds them.
    """
    return sessions_held(processes, codex.pids)


def sessions_held(processes: Processes, pids: tuple[int, ...], locks: str = "") -> list[str]:
    """The ids of the sessions whose lock or rollout any of `pids` holds open, each once.

    With `locks`, a folder without links in its path, only those whose lock in there is held.
    """
    found: dict[str, None] = {}
    for pid in pids:
        for path in processes.open_files(pid):
            folder, name = os.path.split(path.removesuffix(_DELETED))
            lock = name.endswith(".lock") and os.path.basename(folder) == "thread-writer-locks"
            if locks:
                wanted = lock and folder == locks
            else:
                wanted = lock or (name.startswith("rollout-") and name.endswith((".jsonl", ".jsonl.zst")))
            if wanted:
                session_id = name.partition(".")[0][-36:]
                if is_session_id(session_id):
                    found[session_id.lower()] = None
    return list(found)


def lock_owner(path: str) -> int | None:
    """The process that holds a lock on the file `path`, without touching it; None for none."""
    try:
        stat = os.stat(path)
    except (OSError, ValueError):
        return None
    if not os.path.exists(f"{PROC}/self/stat"):
        return _open_elsewhere(path)
    locks = _read(f"{PROC}/locks")
    if not locks:
        return _open_in_proc(path, _pids())
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
    if not possible:
        return None
    return _open_in_proc(path, possible) or _open_in_proc(path, _pids())


def _open_in_proc(path: str, pids: list[int]) -> int | None:
    path = os.path.realpath(path)
    system = _Proc()
    return next((pid for pid in pids if pid > 0 and path in system.open_files(pid)), None)


def _open_elsewhere(path: str) -> int | None:
    path = os.path.realpath(path)
    system = _Psutil()
    # A Codex first: there is no telling who has a file open but by asking one process after the other.
    pids = sorted(system.pids(), key=lambda pid: split_program(system.argv(pid)) is None)
    return next((pid for pid in pids if path in system.open_files(pid)), None)


def shell_is_idle(processes: Processes, root_pid: int, tty: str) -> bool:
    """Whether the pane's root process is a shell that waits for a command line on `tty`."""
    argv = processes.argv(root_pid)
    name = _shell_name(argv)
    shell = processes.get(root_pid)
    if not name or runs_one_command(argv) or shell is None:
        return False
    if shell.state != "S" or not shell.pgrp == shell.tty_pgrp == root_pid:
        return False
    for child in processes.children(root_pid):
        process = processes.get(child)
        # A prompt's helper may share the shell's group, but it does not read the terminal.
        if process is not None and process.pgrp == root_pid and _reads(processes, child, tty):
            return False
    if name in _LINE_EDITORS:
        return _is_canonical(tty) is False
    # A script that waits in `read` looks the same from outside.
    return all(word.startswith("-") for word in argv[1:])


def jobs_of(processes: Processes, root_pid: int, codex: int = 0) -> tuple[str, ...]:
    """The names of what lives on the terminal of the shell `root_pid` beside it, running or stopped.

    Not the process `codex`, its group and what it started; not Codex's background server; nor what draws a prompt
    (powerlevel10k's gitstatusd, and the shell that waits for it).
    """
    pids = processes.pids()
    shell = processes.get(root_pid)
    if shell is None or not shell.tty:
        return ()
    here = [p for p in map(processes.get, pids) if p is not None and p.tty == shell.tty]
    others = [p for p in here if p.pid != root_pid and p.state not in "ZX"]
    argv = {p.pid: processes.argv(p.pid) for p in others}
    of_codex = processes.get(codex) if codex else None
    passed: set[int] = set()
    if of_codex is not None:
        passed |= {codex, *processes.descendants(codex)}
        passed |= {p.pid for p in others if p.pgrp == of_codex.pgrp}
    for p in others:
        if argv[p.pid] and os.path.basename(argv[p.pid][0]).startswith("gitstatusd"):
            passed |= {p.pid, *(_ancestors(processes, p.pid, root_pid) or ())}
    left = [p.pid for p in others if p.pid not in passed and argv[p.pid] and not is_app_server(argv[p.pid])]
    return tuple(dict.fromkeys(os.path.basename(argv[pid][0]).removeprefix("-") for pid in left))


def _reads(processes: Processes, pid: int, tty: str) -> bool:
    if isinstance(processes._system, _Proc):
        return _link(f"{PROC}/{pid}/fd/0") in (tty, "/dev/tty")
    return True


def _is_canonical(tty: str) -> bool | None:
    flags = _local_flags(tty)
    return None if flags is None else bool(flags & termios.ICANON)


def edits_lines(tty: str) -> bool:
    """Whether who reads the terminal gets each key at once, as a line editor does."""
    return _is_canonical(tty) is False


def interrupts(tty: str) -> bool:
    """Whether a Ctrl-C typed into the terminal interrupts: a Codex that was killed has switched that off."""
    flags = _local_flags(tty)
    return flags is not None and bool(flags & termios.ISIG)


def let_interrupt(tty: str) -> None:
    """Have a Ctrl-C typed into the terminal interrupt again."""
    _local_flags(tty, switch_on_isig=True)


def _local_flags(tty: str, switch_on_isig: bool = False) -> int | None:
    """The local modes of a terminal; None where it cannot be asked."""
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


def _pids() -> list[int]:
    return [int(name) for name in _names(PROC) if name.isdigit()]


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _read(path: str) -> bytes:
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
