"""Build tmux sessions, windows and panes, through libtmux.

One tmux call a window, not one a pane: a call runs inside the tmux server without a pause, so a restore that is
killed leaves a window whole, marked with its sessions, or none. It is also what makes fifty of them quick.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from codex_tmux.codex.session_id import CUT
from codex_tmux.errors import TmuxError
from codex_tmux.restore.plan import Build, Cell
from codex_tmux.sleeping.last_screen import ASLEEP, HINT, SAID, packed
from codex_tmux.sleeping.remain_on_exit import say, stay
from codex_tmux.sleeping.resume import run_command
from codex_tmux.state.launch import LAY, launch_of
from codex_tmux.state.pane_options import Option, encode_launch
from codex_tmux.state.records import DEAD, Record
from codex_tmux.tmux.control_mode import respawn
from codex_tmux.tmux.server import RESPAWN_PANE, Server, joined, literal
from codex_tmux.tmux.versions import DEAD_FORMAT, version_of


class Rebuilder:
    """Builds what a plan says in one tmux server.

    `said` has the last messages of each session, `names` the names of those that have one, `waiting` is what the panes
    wait for.
    """

    def __init__(
        self,
        server: Server,
        version: str,
        said: dict[str, list[tuple[str, str]]],
        names: dict[str, str],
        waiting: str,
    ) -> None:
        self.server = server
        self.has_pane_format = version_of(version) >= DEAD_FORMAT
        self.said = said
        self.names = names
        self.waiting = waiting
        import libtmux  # it takes longer than all the rest that a key has to wait for

        # Hooks often have no UTF-8 locale, and libtmux does not call `tmux -u`.
        os.environ["LC_ALL"] = "C.UTF-8"
        self.libtmux = libtmux.Server(socket_path=server.socket, tmux_bin=server.binary)
        self.base_index = int(server.try_run("show-options", "-gv", "base-index") or "0")

    @cached_property
    def sessions(self) -> set[str]:
        """The tmux sessions there are, and those that were built."""
        try:
            rows = self.server.listed("list-sessions", plain=(), chosen=("session_name",))
        except TmuxError:
            return set()
        return {row["session_name"] for row in rows}

    def build(self, plan: Build) -> tuple[list[tuple[str, str]], list[str]]:
        """Build one window; its panes and their processes, in the order of its cells, and what is not as it was."""
        session = plain_name(plan.tmux_session)
        window = f"{session_target(session)}:{plan.window}"
        notes: list[str] = []
        first, *others = plan.cells
        # Names and directories are expanded as formats.
        start = ["-n", literal(plain_name(plan.window_name)), *self.start(first, notes)]
        if session in self.sessions:
            commands = [["new-window", "-d", "-t", window, *start]]
        else:
            commands = self.with_session(session, plan, start)
        commands += self.marks(window, first)
        for cell in others:
            commands.append(["split-window", "-t", window, *self.start(cell, notes)])
            commands += self.marks(window, cell)
            commands.append(["select-layout", "-t", window, "tiled"])  # room for the next
        if plan.automatic and self.names.keys() & {record.session_id for record in plan.records}:
            commands.append(["set-option", "-wu", "-t", window, "automatic-rename"])
        commands.append(["list-panes", "-t", window, "-F", "#{pane_id} #{pane_pid}"])
        if others:
            # Last, as it may fail, but in this call: a pane draws itself in the size it has at that moment.
            top = ["select-pane", "-t", f"{window}.{{top-left}}"]
            commands += [top, ["select-layout", "-t", window, plan.layout]]
        with self.buffers(plan.records):
            done = self.libtmux.cmd(*joined(commands))
            why = "; ".join(done.stderr) or f"exit {done.returncode}"
            # A hook of the user's may print, too.
            panes = [(m[1], m[2]) for line in done.stdout if (m := re.fullmatch(r"(%\d+) (\d+)", line))]
            if done.returncode and not (others and panes):
                raise TmuxError(f"tmux failed: {why}")
        self.sessions.add(session)
        if done.returncode:
            notes.append(f"its layout could not be set ({why})")
        return panes, notes

    def with_session(self, session: str, plan: Build, start: list[str]) -> list[list[str]]:
        """The commands that make a tmux session with this one window."""
        target = session_target(session)
        commands = [
            ["new-session", "-d", "-s", literal(session), *plan.room, *start],
            # `-e` of new-session stays in the session's environment; of a window it is the first process's alone.
            ["set-environment", "-u", "-t", f"{target}:", LAY],
        ]
        if plan.window != self.base_index:
            # With renumber-windows on, the move would be undone at once.
            commands += [
                ["set-option", "-t", f"{target}:", "renumber-windows", "off"],
                ["move-window", "-d", "-s", f"{target}:{self.base_index}", "-t", f"{target}:{plan.window}"],
                ["set-option", "-u", "-t", f"{target}:", "renumber-windows"],
            ]
        return commands

    def fill(self, pane: str, record: Record) -> tuple[str, list[str]]:
        """Put a session to sleep in a pane that is there, in place of its idle shell; its process, and what is not as
        it was."""
        notes: list[str] = []
        cell = Cell(record.cwd, record)
        start = [RESPAWN_PANE, "-k", "-t", pane, *self.start(cell, notes)]
        commands = [*self.marks(pane, cell), start, ["display-message", "-p", "-t", pane, "#{pane_pid}"]]
        with self.buffers([record]):
            return respawn(self.server, pane, commands).strip(), notes

    def start(self, cell: Cell, notes: list[str]) -> list[str]:
        """The last arguments of the command that creates a pane: where, and what for Codex. Where its directory is
        gone, the home instead, and a note that says so."""
        directory = cell.cwd
        if not os.path.isdir(directory):
            directory = os.path.expanduser("~")
            notes.append(f"{cell.cwd} is gone: {directory} instead")
        where = ["-c", literal(directory)]
        if cell.record is None:
            return where
        buffer = SAID + cell.record.session_id
        return [*where, "-e", f"{LAY}={buffer}", *run_command(self.server, launch_of(cell.record))]

    @contextmanager
    def buffers(self, records: list[Record]) -> Iterator[None]:
        """Buffers with what was said last: the panes that bring these records back draw it, and delete them."""
        for record in records:
            # tmux 3.3 shows the hint itself; before, it has to be drawn.
            hint = [] if self.has_pane_format else [(HINT, ASLEEP)]
            data = packed([*self.said.get(record.session_id, ()), *hint])
            load = self.server.argv("load-buffer", "-b", SAID + record.session_id, "-")
            subprocess.run(load, input=data, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
        except TmuxError:
            for record in records:
                self.server.try_run("delete-buffer", "-b", SAID + record.session_id)
            raise

    def marks(self, target: str, cell: Cell) -> list[list[str]]:
        """What makes a pane the session's own, told in the same call that creates it."""
        record = cell.record
        if record is None:
            return []
        cut = record.session_id[:CUT]
        options = {
            Option.MARK: "1",
            Option.SESSION: record.session_id,
            Option.EVIDENCE: record.evidence,
            Option.STATE: DEAD,
            Option.LAUNCH: encode_launch(launch_of(record)),
            Option.ASLEEP: "1",
            Option.WAITING: self.waiting,
            Option.TITLE_ID: cut,
            Option.NAME: self.names.get(record.session_id, ""),
            Option.MODE: record.mode if record.mode == "exec" else "",
        }
        commands = [
            ["set-option", "-pq", "-t", target, name, value] for name, value in options.items() if value
        ]
        commands += [*stay(target), *say(target, ASLEEP)]
        # tmux-resurrect saves titles: a pane that is never woken is known again by it.
        commands.append(["select-pane", "-t", target, "-T", f"{cut}..."])
        return commands


def plain_name(name: str) -> str:
    """What a tmux session or window comes back as. Before a backslash, a `$` and what cannot be printed tmux writes a
    backslash, each time that it is given the name: it would not find such a name again."""
    return re.sub(r"[\\$]", "_", name)


def session_target(name: str) -> str:
    """A tmux target that means the tmux session of exactly this name."""
    # `$` would begin an id, even in an exact target, and what stands before a `:` (3.7 allows it) would be the name;
    # in a pattern, `[$]` and `?` stand for them. Two tmux sessions that fit are none: tmux says so.
    if not name.startswith("$") and ":" not in name:
        return f"={name}"
    pattern = re.sub(r"([][*?\\])", r"\\\1", name).replace(":", "?")
    return f"[{pattern[0]}]{pattern[1:]}" if pattern[0] in "$=@%" else pattern
