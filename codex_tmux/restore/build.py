"""Build tmux sessions, windows and panes, through libtmux.

One tmux call a window, not one a pane: a call runs inside the tmux server without a pause, so a restore that is
killed leaves a window whole, marked with its sessions, or none. It is also what makes fifty of them quick.
"""

import os
import re
import subprocess
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
from codex_tmux.tmux.server import RESPAWN_PANE, Server, joined, literal
from codex_tmux.tmux.versions import DEAD_FORMAT, WINDOW_NAMES, version_of


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
        self.window_name = as_given if version_of(version) >= WINDOW_NAMES else str
        self.said = said
        self.names = names
        self.waiting = waiting
        import libtmux  # it takes longer than all the rest that a key has to wait for

        # Hooks often have no UTF-8 locale, and libtmux does not call `tmux -u`.
        os.environ["LC_ALL"] = "C.UTF-8"
        self.libtmux = libtmux.Server(socket_path=server.socket, tmux_bin=server.binary)

    def try_run(self, commands: list[list[str]]) -> tuple[list[str], str]:
        """Run tmux commands in one call; the lines they printed, and what failed: nothing after that was run."""
        done = self.libtmux.cmd(*joined(commands))
        if done.returncode == 0:
            return list(done.stdout), ""
        return list(done.stdout), f"tmux failed: {'; '.join(done.stderr) or f'exit {done.returncode}'}"

    @cached_property
    def sessions(self) -> set[str]:
        """The tmux sessions there are, and those that were built."""
        try:
            rows = self.server.listed("list-sessions", plain=(), chosen=("session_name",))
        except TmuxError:
            return set()
        return {row["session_name"] for row in rows}

    def build(self, plan: Build, base_index: int) -> tuple[list[tuple[str, str]], list[str]]:
        """Build one window; its panes and their processes, in the order of its cells, and what is not as it was."""
        name = session_target(plan.tmux_session)
        window = f"{name}:{plan.window}"
        notes: list[str] = []
        first, *others = plan.cells
        self.bring(plan.records)
        commands: list[list[str]] = []
        # Names and directories are expanded as formats.
        start = ["-n", literal(self.window_name(plan.window_name)), *self.start(first, notes)]
        if plan.tmux_session not in self.sessions:
            named = literal(as_given(plan.tmux_session))
            commands.append(["new-session", "-d", "-s", named, *plan.room, *start])
            # `-e` of new-session stays in the session's environment; of a window it is the first process's alone.
            commands.append(["set-environment", "-u", "-t", f"{name}:", LAY])
            if plan.window != base_index:
                # With renumber-windows on, the move would be undone at once.
                commands.append(["set-option", "-t", f"{name}:", "renumber-windows", "off"])
                commands.append(["move-window", "-d", "-s", f"{name}:{base_index}", "-t", window])
                commands.append(["set-option", "-u", "-t", f"{name}:", "renumber-windows"])
        else:
            commands.append(["new-window", "-d", "-t", window, *start])
        commands += self.marks(window, first)
        for cell in others:
            commands.append(["split-window", "-t", window, *self.start(cell, notes)])
            commands += self.marks(window, cell)
            commands.append(["select-layout", "-t", window, "tiled"])  # room for the next
        if plan.automatic and self.names.keys() & {record.session_id for record in plan.records}:
            commands.append(["set-option", "-wu", "-t", window, "automatic-rename"])
        commands.append(["list-panes", "-t", window, "-F", "#{pane_id} #{pane_pid}"])
        if others:
            commands.append(["select-pane", "-t", f"{window}.{{top-left}}"])
            # Last: a layout that does not fit must not cost the panes. In the same call all the same: a restore killed
            # before it would leave another layout, for the next sync to take for the user's own.
            commands.append(["select-layout", "-t", window, plan.layout])
        lines, failure = self.try_run(commands)
        if failure:
            if len(lines) != len(plan.cells):
                self.take_back(plan.records)
                raise TmuxError(failure)
            notes.append(f"its layout could not be set ({failure})")
        self.sessions.add(plan.tmux_session)
        return [(line.split(" ")[0], line.split(" ")[1]) for line in lines], notes

    def link(self, plan: Build, base_index: int) -> None:
        """Link a window that was built to its other places, as far as these are free; a tmux session of the same group
        has all windows."""
        source = session_target(plan.tmux_session)
        for name, window, group in plan.links:
            target = session_target(name)
            link = ["link-window", "-d", "-s", f"{source}:{plan.window}", "-t", f"{target}:{window}"]
            if name in self.sessions:
                self.try_run([link])
                continue
            self.sessions.add(name)
            new = ["new-session", "-d", "-s", literal(as_given(name))]
            if group:
                self.try_run([[*new, "-t", source]])
            elif window == base_index:
                self.try_run([new, [*link, "-k"]])
            else:
                self.try_run([new, link, ["kill-window", "-t", f"{target}:{base_index}"]])

    def fill(self, panes: list[tuple[str, Record]]) -> list[tuple[str, list[str]]]:
        """Put sessions to sleep in panes that are there, in place of their idle shells, in one call; the process of
        each, as far as it went, and what is not as it was."""
        commands: list[list[str]] = []
        notes: list[list[str]] = []
        self.bring([record for _, record in panes])
        for pane, record in panes:
            notes.append([])
            cell = Cell(record.cwd, record)
            commands += self.marks(pane, cell)
            commands.append([RESPAWN_PANE, "-k", "-t", pane, *self.start(cell, notes[-1])])
            commands.append(["display-message", "-p", "-t", pane, "#{pane_pid}"])
        lines, failure = self.try_run(commands)
        if failure and not lines:
            self.take_back([record for _, record in panes])
            raise TmuxError(failure)
        return list(zip(lines, notes))

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

    def bring(self, records: list[Record]) -> None:
        """Put what was said last into a buffer for each pane, whose process draws it and takes the buffer away."""
        for record in records:
            # tmux 3.3 shows the hint itself; before, it has to be drawn.
            hint = [] if self.has_pane_format else [(HINT, ASLEEP)]
            data = packed([*self.said.get(record.session_id, ()), *hint])
            load = self.server.argv("load-buffer", "-b", SAID + record.session_id, "-")
            subprocess.run(load, input=data, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def take_back(self, records: list[Record]) -> None:
        for record in records:
            self.server.try_run("delete-buffer", "-b", SAID + record.session_id)

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


ENCODED = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
"""What vis(3) writes for a backslash and for what cannot be printed, as tmux calls it."""
LETTERS = {
    b"n": b"\n",
    b"r": b"\r",
    b"b": b"\b",
    b"a": b"\a",
    b"v": b"\v",
    b"t": b"\t",
    b"f": b"\f",
    b"s": b" ",
}


def as_given(name: str) -> str:
    """What a tmux session was named that tmux now calls `name`: it encodes such names, and would encode this one again.

    >>> as_given(r"a\\\\b\\033")
    'a\\\\b\\x1b'
    """
    return os.fsdecode(ENCODED.sub(decoded, os.fsencode(name)))


def decoded(found: re.Match[bytes]) -> bytes:
    word = found[1]
    return LETTERS.get(word, word) if len(word) < 3 else bytes([int(word, 8) & 0xFF]).strip(b"\0")


def session_target(name: str) -> str:
    """A tmux target that means the tmux session of exactly this name."""
    # `$` would begin an id, even in an exact target, and what stands before a `:` (3.7 allows it) would be the name;
    # in a pattern, `[$]` and `?` stand for them. Two tmux sessions that fit are none: tmux says so.
    if not name.startswith("$") and ":" not in name:
        return f"={name}"
    pattern = re.sub(r"([][*?\\])", r"\\\1", name).replace(":", "?")
    return f"[{pattern[0]}]{pattern[1:]}" if pattern[0] in "$=@%" else pattern
