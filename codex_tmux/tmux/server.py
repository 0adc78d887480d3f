"""One tmux server: run its commands, read all of it in one call.

Raw `tmux`, not libtmux: hooks start this, and importing libtmux takes longer than a sync.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from codex_tmux.errors import Misread, NoServer, TmuxError
from codex_tmux.tmux import epoch
from codex_tmux.tmux.escapes import length_at, parse_escaped

Names: TypeAlias = tuple[str, ...] | list[str]


NO_SERVER = ("error connecting to ", "no server running on ")
"""How tmux says that there is nothing behind its socket: there is no such file, or nobody listens there."""
TIMEOUT = 10.0
"""Seconds a tmux server may take to answer before it counts as hung."""

# The plugin aliases every documented name of respawn-pane, to see a respawn coming. tmux resolves any unique
# abbreviation itself; this one is not aliased and so is ours.
RESPAWN_PANE = "respawn-pan"


class Server:
    """A tmux server, named by its socket.

    `socket` is the path of the socket; None asks for the server that the environment names (`TMUX`), else for
    tmux's default one.
    """

    def __init__(self, socket: str | None = None, binary: str | None = None) -> None:
        self.binary = binary or os.environ.get("CODEX_TMUX_TMUX") or "tmux"
        self.pid = ""
        """The process that must be behind the socket, where the environment names it."""
        if socket is None:
            socket, _, self.pid = os.environ.get("TMUX", "").rpartition(",")[0].rpartition(",")
        self.socket = socket or None
        self.told: dict[str, str] = {}
        """What the last reading told of the server and its options."""

    def argv(self, *args: str) -> list[str]:
        """The words that run tmux with `args` on this server; `-u`, as hooks often have no UTF-8 locale."""
        return [self.binary, "-u", *(["-S", self.socket] if self.socket else []), *args]

    def run_bytes(self, *args: str, timeout: float = TIMEOUT) -> bytes:
        """Run tmux with `args`; returns what it printed. Raises TmuxError when it fails."""
        code, out = spawn(self.argv(*args), timeout)
        if code != 0:
            # What the commands before the failing one printed comes along; panes are no error message.
            lines = out.decode(errors="replace").strip().splitlines()
            text = "; ".join(line for line in lines if PROBE not in line and "\\037" not in line)[:300]
            for said in NO_SERVER:
                if text.startswith(said):
                    socket = text.removeprefix(said).partition(" (")[0]
                    raise NoServer(f"no tmux server runs at {socket}: start tmux first")
            raise TmuxError(f"tmux {args[0] if args else ''} failed: {text or f'exit {code}'}")
        return out

    def run(self, *args: str, timeout: float = TIMEOUT) -> str:
        """Run tmux with `args`; returns what it printed, as text, without the last newline."""
        return self.run_bytes(*args, timeout=timeout).decode("utf-8", "surrogateescape").removesuffix("\n")

    def require(self, pid: str) -> None:
        """Raise TmuxError where another server than the environment's listens, with `pid`, at its socket's path: the
        pane ids of one mean other panes in the other one."""
        if self.pid and pid != self.pid:
            raise TmuxError(
                f"this pane is of tmux server {self.pid}, whose socket {self.socket} was removed: "
                f"another server ({pid}) is there now"
            )

    def listed(self, *command: str, plain: Names, counted: Names) -> list[dict[str, str]]:
        """The rows of a list- command, by name; `counted` are values that people or programs chose, told as they are.

        Raises TmuxError.
        """
        return parse_rows(self.run_bytes(*command, "-F", row_format(plain, counted)), plain, counted)

    def option(self, name: str) -> str:
        """A user option of the server as the last reading told it, else asked for now; "" where it is not set."""
        if name in self.told:
            return self.told[name]
        try:
            rows = parse_rows(self.run_bytes("display-message", "-p", row_format((), (name,))), (), (name,))
        except TmuxError:
            return ""
        return rows[0][name] if rows else ""

    def try_run(self, *args: str) -> str | None:
        """Like `run`, but None where tmux refuses (a pane that has gone, an option an old tmux lacks)."""
        try:
            return self.run(*args)
        except TmuxError:
            return None


def spawn(argv: list[str], timeout: float) -> tuple[int, bytes]:
    """Run `argv`; returns its exit code and what it printed (stdout and stderr together).

    Raises TmuxError when it cannot be started or does not end within `timeout` seconds.
    """
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout
        )
    except subprocess.TimeoutExpired as e:
        raise TmuxError(f"{argv[0]} gave no answer within {timeout:g} s") from e
    except OSError as e:
        raise TmuxError(f"{argv[0]} cannot be started: {e.strerror}; is tmux on PATH?") from e
    return done.returncode, done.stdout


# Values that come from people or programs may hold anything, a newline too: each is sent with its length in
# bytes in front. The others are numbers, ids and words of tmux's own.
PLAIN = (
    "pane_id pane_pid pane_dead pane_dead_status pane_dead_signal pane_in_mode alternate_on pane_tty "
    "session_id window_id window_index pane_index window_layout remain-on-exit pane_synchronized"
).split()
COUNTED = (
    "session_name session_group window_name pane_title pane_current_command pane_current_path pane_start_command"
).split()
OPTIONS = (
    "@codex_pane @codex_session @codex_evidence @codex_title_id @codex_title_at @codex_title_by "
    "@codex_guard @codex_asleep @codex_process @codex_mode @codex_waiting @codex_state @codex_launch @codex_keep "
    "@codex_hint @codex_leaving @codex_cleared @codex_claim @codex_looked @codex_unfocused "
    "@codex_turning @codex_spins @codex_unread"
).split()
# Panes that codex-tmux never touched have none of its options: asking for each took half of the whole call.
TOUCHED = "#{||:#{?@codex_pane,1,0},#{||:#{?@codex_title_id,1,0},#{?@codex_session,1,0}}}"
SERVER_PLAIN = ("pid", "start_time", "version")
SERVER_COUNTED = (
    "socket_path @codex_exited @codex_panes @codex-on-death @codex-command @codex-env @codex-respawn-key "
    "@codex_keys prefix @codex-restore @codex-restore-lazy @codex-log-level @codex_status @codex_helper "
    "@codex_dir @codex_ticking @codex_fault @codex_pending"
).split()

# Sent first, this shows whether it is a tmux that escapes what it prints (ESCAPES and DOLLARS of tmux_versions.py).
PROBE = "\x1f$a"


def row_format(plain: Names, counted: Names, options: Names = ()) -> str:
    """The tmux format that prints one row: plain values, each ended by a space, then the counted ones.

    `options` are counted as well, and left out where all of them are empty.
    """
    plain_part = "".join(f"#{{{name}}} " for name in plain)
    counted_part = "".join(f"#{{n:{name}}}:#{{{name}}}," for name in counted)
    # Inside a condition a plain comma would end its branch.
    options_part = "".join(f"#{{n:{name}}}:#{{{name}}}#," for name in options)
    return PROBE + plain_part + counted_part + (f"#{{?{TOUCHED},{options_part},}}" if options else "")


MARKS = (PROBE.encode(), b"\\037$a", b"\\037\\$a")
"""How tmux prints PROBE: as it is, with control characters escaped, and with the `$` of names as well."""

PANE_FORMAT = row_format(PLAIN, COUNTED, OPTIONS)
SERVER_FORMAT = row_format(SERVER_PLAIN, SERVER_COUNTED)


def parse_rows(data: bytes, plain: Names, counted: Names, options: Names = ()) -> list[dict[str, str]]:
    """The rows that `row_format` printed, as dictionaries by name.

    Raises Misread when the bytes do not fit the format: a half-understood pane is worse than none.
    """
    rows = []
    at = 0
    mark = next((known for known in MARKS if data.startswith(known)), PROBE.encode())
    escaped = mark != MARKS[0]
    while at < len(data):
        if not data.startswith(mark, at):
            raise Misread(f"tmux printed something else than a pane at byte {at}")
        at += len(mark)
        row = dict.fromkeys(options, "")
        for name in plain:
            end = data.find(b" ", at)
            if end < 0:
                raise Misread(f"tmux printed half a row: no {name}")
            row[name] = data[at:end].decode("utf-8", "surrogateescape")
            at = end + 1
        try:
            at = parse_values(data, at, counted, options, escaped, row)
        except Misread:
            if not escaped:
                raise
            values, at = parse_escaped(data, at, mark, len(counted), len(options))
            row.update(zip((*counted, *options), values))
        rows.append(row)
    return rows


def parse_values(
    data: bytes, at: int, counted: Names, options: Names, escaped: bool, row: dict[str, str]
) -> int:
    """Read the counted values of a row, from `at` to its end, into `row`; returns where the next one begins."""
    at = parse_counted(data, at, counted, escaped, row)
    if options and data[at : at + 1] != b"\n":
        at = parse_counted(data, at, options, escaped, row)
    if data[at : at + 1] != b"\n":
        raise Misread("tmux printed a row without an end")
    return at + 1


def parse_counted(data: bytes, at: int, names: Names, escaped: bool, row: dict[str, str]) -> int:
    """Read counted values from `at` into `row`; returns where what follows begins."""
    for name in names:
        length, at = length_at(data, at)
        value, end = data[at : at + length], at + length
        if escaped and b"\\" in value:
            raise Misread("tmux printed an escape, or what looks like one")
        if data[end : end + 1] != b",":
            raise Misread("tmux printed a value of another length than it said")
        row[name] = value.decode("utf-8", "surrogateescape")
        at = end + 1
    return at


class Reading(NamedTuple):
    """Everything one call read from a tmux server.

    `server` holds the values of SERVER_PLAIN and SERVER_COUNTED; `panes` one dictionary a pane; `hooks` what
    `show-hooks` printed; `remain_on_exit` what is set for all panes; `links` the other places of linked windows, by
    window id: tmux session, index, and whether that tmux session is of the first one's group.
    """

    server: dict[str, str]
    panes: list[dict[str, str]]
    hooks: str
    remain_on_exit: str
    links: Mapping[str, tuple[tuple[str, int, bool], ...]]

    @property
    def epoch(self) -> str:
        """The server epoch: pane ids mean nothing beyond it. Raises TmuxError where its process cannot be seen."""
        if found := epoch.of_server(self.server["pid"]):
            return found
        raise TmuxError(
            f"tmux server {self.server['pid']} at {self.server['socket_path']} runs where its processes cannot be "
            "seen from here, in another container perhaps: run codex-tmux there"
        )


SEPARATOR = "\x1f----\x1f"
AT_WORK = "2"
"""`@codex_pending` while a sync makes true what it has read; 1 where one is due. A respawn waits for both."""


def read(server: Server) -> Reading:
    """Read the whole tmux server in one call, and take the events noted inside it.

    These are that a sync is wanted, and which panes exited: what happens after this call notes itself anew. Read once
    more where a program changed in the middle of the answer. Raises TmuxError when the server cannot be reached, or
    answers something else.
    """
    server.told = {}
    try:
        return reading_of(server, ask(server))
    except Misread:
        exited = server.told.get("@codex_exited", "")
    again = reading_of(server, ask(server))
    # The first reading has taken them.
    again.server["@codex_exited"] = f"{exited} {again.server['@codex_exited']}"
    return again


def ask(server: Server) -> bytes:
    """What tmux prints for `reading_of`. Raises TmuxError."""
    return server.run_bytes(
        *("if-shell", "-F", "#{@codex_pending}", f"set-option -g @codex_pending {AT_WORK}", ";"),
        *("display-message", "-p", SERVER_FORMAT, ";"),
        *("set-option", "-gu", "@codex_exited", ";", "set-option", "-gu", "@codex_here", ";"),
        # Without any tmux session, at a server's very start and end, list-panes would fail.
        *("if-shell", "-F", "#{S:y}", f"list-panes -a -F {quote(PANE_FORMAT)}", ";"),
        *("display-message", "-p", SEPARATOR, ";"),
        *("show-options", "-gwv", "remain-on-exit", ";"),
        *("show-hooks", "-gw", ";", "show-hooks", "-g"),
    )


def reading_of(server: Server, out: bytes) -> Reading:
    """The answer to `ask`. Raises Misread; what is told of the server stands in `server.told` even then."""
    rows, _, hooks = out.rpartition(b"\n" + escaped_separator(out) + b"\n")
    remain_on_exit, _, hooks = hooks.partition(b"\n")
    first, newline, rest = rows.partition(b"\n")
    # A socket path may hold a newline; the first row ends where its own lengths say.
    while newline:
        try:
            values = parse_rows(first + b"\n", SERVER_PLAIN, SERVER_COUNTED)
            break
        except Misread:
            more, newline, rest = rest.partition(b"\n")
            first += b"\n" + more
    else:
        values = parse_rows(first + b"\n", SERVER_PLAIN, SERVER_COUNTED)
    server.require(values[0]["pid"])
    server.told = values[0]
    panes: dict[str, dict[str, str]] = {}
    links: dict[str, dict[tuple[str, int, bool], None]] = {}
    for pane in parse_rows(rest + b"\n" if rest else b"", PLAIN, COUNTED, OPTIONS):
        # A window linked into several tmux sessions lists its panes once for each.
        known = panes.setdefault(pane["pane_id"], pane)
        if known is not pane:
            group = pane["session_group"]
            place = (
                pane["session_name"],
                int(pane["window_index"]),
                group != "" and group == known["session_group"],
            )
            links.setdefault(pane["window_id"], {})[place] = None
    return Reading(
        values[0],
        list(panes.values()),
        hooks.decode(errors="replace"),
        remain_on_exit.decode(),
        {window: tuple(places) for window, places in links.items()},
    )


def escaped_separator(out: bytes) -> bytes:
    """SEPARATOR as this tmux prints it."""
    raw = SEPARATOR.encode()
    return raw if raw in out else raw.replace(b"\x1f", b"\\037")


def quote(word: str) -> str:
    """`word` as one word of a tmux command string."""
    # In quotes as well, tmux takes blanks and comments behind a newline away, and 3.4 a newline behind a backslash.
    return "'" + word.replace("'", "'\\''").replace("\n", "''\n''") + "'"


def literal(text: str) -> str:
    """`text` for an argument that tmux expands as a format, a directory or a line for run-shell.

    What stands before a `[` tmux takes for a style's and leaves as it is, doubled or not (3.2a to 3.7c).
    """
    *styled, last = text.split("[")
    kept = (part.rstrip("#") for part in styled)
    pieces = [body.replace("#", "##") + part[len(body) :] for body, part in zip(kept, styled)]
    return "[".join([*pieces, last.replace("#", "##")])


if __name__ == "__main__":
    for row in read(Server()).panes:
        sys.stdout.write(f"{row}\n")
