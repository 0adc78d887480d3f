"""Which Codex a pane runs."""

import os
from collections.abc import Iterator
from typing import NamedTuple

from codex_tmux.codex.commandline import CommandLine, parse, split_program
from codex_tmux.codex.home import home_of
from codex_tmux.codex.processes.table import Processes
from codex_tmux.codex.script import starts_one_program
from codex_tmux.codex.shells import is_typed_into, script_text, shell_name
from codex_tmux.paths import on_path, own_words

OF_ONE_SHELL = "/fnm_multishells/"
"""fnm gives each shell a directory of its own, a link to the version it uses: after a reboot it is gone."""
RUNNERS = ("make", "gmake", "just", "xargs", "find", "watch", "python", "perl", "ruby")
"""Programs that run others as steps of their own work; with what follows of their names (`python3.11`)."""

Words = tuple[list[str], list[str]]
"""The words of a program, and its arguments."""


class CodexProcess(NamedTuple):
    pid: int
    start: int
    args: tuple[str, ...]
    """The words behind its program."""
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
    above: tuple[tuple[str, ...], ...] = ()
    """The command lines of the processes between it and the shell that people type into, or the pane's root."""
    path: str = ""
    """Its PATH."""


def find_codex(processes: Processes, root_pid: int, names: tuple[str, ...] = ()) -> CodexProcess | None:
    """The Codex that the pane with the root process `root_pid` runs, or None; with these `names` of its environment.

    Of several (one is stopped, another runs) one on the pane's own terminal, the one in the foreground, else the one
    started last, which `fg` would bring back. One that ends while it is looked at is none.
    """
    found = (_codex(processes, root_pid, *its, names) for its in _conversations(processes, root_pid))
    there = [codex for codex in found if codex is not None]
    best = max(there, key=lambda c: (not c.inside, not c.step, c.foreground, c.start), default=None)
    if best is None:
        return None
    looked_at = (best.pid, *(processes.ancestors(best.pid, root_pid) or ()))
    return best if all(processes.still_runs(p, processes.argv(p)) for p in looked_at) else None


def _codex(
    processes: Processes, root_pid: int, pid: int, words: Words, command: CommandLine, names: tuple[str, ...]
) -> CodexProcess | None:
    process, root = processes.get(pid), processes.get(root_pid)
    # Without a tty it is a program's Codex, not the pane's.
    if process is None or process.state in "ZX" or process.tty_pgrp < 0:
        return None
    if processes.uid(pid) not in (None, os.geteuid()):
        return None  # `sudo -u somebody codex`: it would come back as ours, in somebody's home
    ancestors = processes.ancestors(pid, root_pid)
    above = _below_shell(processes, ancestors or [])
    cwd = processes.cwd(pid)
    environ = processes.environ(pid, ("HOME", "PATH", "CODEX_HOME", "CODEX_SQLITE_HOME", *names))
    sqlite_home = environ.get("CODEX_SQLITE_HOME")
    path = environ.get("PATH", "")
    program, args = words
    return CodexProcess(
        pid=pid,
        start=process.start,
        args=tuple(args),
        program=_program(program, cwd, path, processes.exe(pid)),
        command=command,
        cwd=cwd,
        codex_home=home_of(environ, cwd),
        sqlite_home=os.path.join(cwd, sqlite_home) if sqlite_home else None,
        environ=tuple(filter(lambda entry: entry[0] in names, environ.items())),
        root=above == ancestors,
        foreground=process.tty_pgrp in (process.pgrp, 0),
        # npm's wrapper gives the native binary its very arguments.
        pids=(
            pid,
            *(p for p in processes.children(pid) if (codex_words(processes, p) or ([], None))[1] == args),
        ),
        stopped=process.state in "Tt",
        inside=process.tty != (root.tty if root is not None else ""),
        step=any(_has_other_work(processes, p) for p in above),
        above=tuple(tuple(processes.argv(p)) for p in above),
        path=path,
    )


def _conversations(processes: Processes, root_pid: int) -> Iterator[tuple[int, Words, CommandLine]]:
    """Each outermost Codex at or below a process, with nothing from below a Codex (its daemon, its tools)."""
    pending = [root_pid]
    for at in pending:
        words = codex_words(processes, at)
        if words is None:
            pending += processes.children(at)
            continue
        command = parse(words[1])
        if command.mode is not None:
            yield at, words, command


def codex_words(processes: Processes, pid: int) -> Words | None:
    """What stands on the command line of a Codex, also of one called by another name: its binary then tells.

    Codex starts its binary under names of its own too (`apply_patch`, `codex-linux-sandbox`): these are tools.
    """
    argv = processes.argv(pid)
    split = split_program(argv)
    if split is not None or not argv or os.path.basename(argv[0]).startswith(("apply", "codex-")):
        return split
    exe = processes.exe(pid)
    return ([argv[0]], argv[1:]) if exe and split_program([exe]) is not None else None


def _below_shell(processes: Processes, ancestors: list[int]) -> list[int]:
    """Of the processes above a Codex those up to the shell that people type into."""
    for at, pid in enumerate(ancestors):
        if is_typed_into(processes.argv(pid), processes.cwd(pid)):
            return ancestors[:at]
    return ancestors


def _has_other_work(processes: Processes, pid: int) -> bool:
    """Whether Codex is only one step of what a process above it does."""
    argv = processes.argv(pid)
    if not argv:
        return False
    if shell_name(argv):
        return not starts_one_program(script_text(argv, processes.cwd(pid)))
    return os.path.basename(argv[0]).rstrip("0123456789.") in RUNNERS and not own_words(argv)[0]


def _program(words: list[str], cwd: str, path: str, exe: str) -> tuple[str, ...]:
    """The words of a program, absolute, as that process's shell looked it up; else its binary."""
    script = os.path.join(cwd, words[-1])
    if len(words) > 1 and os.access(script, os.X_OK):
        return (script,)
    found = on_path(words[0], path, cwd or "/")
    found = os.path.normpath(found) if found else exe
    if OF_ONE_SHELL in found:
        found = os.path.join(os.path.realpath(os.path.dirname(found)), os.path.basename(found))
    return (found, *words[1:-1], script) if len(words) > 1 else (found,)
