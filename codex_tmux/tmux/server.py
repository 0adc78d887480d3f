"""One tmux server: run its commands, read all of it in one call.

Raw `tmux`, not libtmux: hooks start this, and importing libtmux takes longer than a sync.
"""

import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from typing import NamedTuple, NoReturn

from codex_tmux.errors import NoServer, TmuxError
from codex_tmux.tmux import epoch
from codex_tmux.tmux.rows import Names, parse_rows, row_format

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

    def become(self, *args: str) -> NoReturn:
        """Become tmux's own client, which runs this."""
        argv = self.argv(*args)
        os.execvp(argv[0], argv)

    def run_bytes(self, *args: str, timeout: float = TIMEOUT) -> bytes:
        """Run tmux with `args`; returns what it printed. Raises TmuxError when it fails."""
        code, out = spawn(self.argv(*args), timeout)
        if code != 0:
            # What the commands before the failing one printed comes along; panes are no error message.
            lines = out.decode(errors="replace").strip().splitlines()
            text = "; ".join(line for line in lines if "\t" not in line)[:300]
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

    def listed(self, *command: str, plain: Names, chosen: Names) -> list[dict[str, str]]:
        """The rows of a list- command, by name; `chosen` are values that people or programs chose, told as they are.

        Raises TmuxError.
        """
        rows = parse_rows(self.run_bytes(*command, "-F", row_format(plain, chosen)), (*plain, *chosen))
        return [as_dead(row) for row in rows]

    def run_beside(self, *command: str) -> None:
        """Run a command that waits for an answer, without waiting. In tmux itself some client's keys would wait too."""
        nowhere = subprocess.DEVNULL
        subprocess.Popen(self.argv(*map(escape, command)), stdin=nowhere, stdout=nowhere, stderr=nowhere)

    def option(self, name: str) -> str:
        """A user option of the server as the last reading told it, else asked for now; "" where it is not set."""
        if name in self.told:
            return self.told[name]
        try:
            rows = parse_rows(self.run_bytes("display-message", "-p", row_format((), (name,))), (name,))
        except TmuxError:
            return ""
        return rows[0][name] if rows else ""

    def try_run(self, *args: str) -> str | None:
        """Like `run`, but None where tmux refuses (a pane that has gone, an option an old tmux lacks)."""
        try:
            return self.run(*args)
        except TmuxError:
            return None

    def run_commands(self, commands: Iterable[Sequence[str]]) -> str:
        """Run several tmux commands, each given as its words, in one call. Nothing behind one that fails is run."""
        return self.run(*joined(commands))

    def try_commands(self, commands: Iterable[Sequence[str]]) -> str | None:
        """Like `run_commands`, but None where one of them fails."""
        return self.try_run(*joined(commands))


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


PLAIN = (
    "pane_id pane_pid pane_dead pane_dead_status pane_dead_signal pane_in_mode pane_tty "
    "window_id window_index window_active_clients window_layout pane_index remain-on-exit pane_synchronized "
    "automatic-rename"
).split()
CHOSEN = (
    "session_name window_name pane_title pane_current_command pane_current_path pane_start_command"
).split()
OPTIONS = (
    "@codex_pane @codex_session @codex_evidence @codex_title_id @codex_title_at "
    "@codex_guard @codex_asleep @codex_process @codex_mode @codex_state @codex_launch @codex_keep "
    "@codex_hint @codex_cleared @codex_looked @codex_unfocused "
    "@codex_waiting @codex_turning @codex_unread @codex_name @codex_renamed"
).split()
SERVER_PLAIN = ("pid", "version")
SERVER_CHOSEN = (
    "socket_path @codex_panes @codex-on-death @codex-command @codex-env @codex-respawn-key "
    "@codex_keys prefix @codex-restore @codex-restore-lazy @codex-log-level @codex_status @codex_word "
    "@codex_dir @codex_ticking @codex_fault @codex_pending @codex-names @codex_control"
).split()

PANE_FORMAT = row_format(PLAIN, CHOSEN, OPTIONS)
SERVER_FORMAT = row_format(SERVER_PLAIN, SERVER_CHOSEN)


class Reading(NamedTuple):
    """Everything one call read from a tmux server.

    `server` holds the values of SERVER_PLAIN and SERVER_CHOSEN; `panes` one dictionary a pane; `hooks` what
    `show-hooks` printed; `remain_on_exit` and `automatic_rename` what is set for all windows; `clients` the
    clients, as `@codex_ticking` names them, and of each whether it is in control mode.
    """

    server: dict[str, str]
    panes: list[dict[str, str]]
    hooks: str
    remain_on_exit: str
    automatic_rename: str
    clients: dict[str, bool]

    @property
    def epoch(self) -> str:
        """The server epoch: pane ids mean nothing beyond it. Raises TmuxError where its process cannot be seen."""
        if found := epoch.of_server(self.server["pid"]):
            return found
        raise TmuxError(
            f"tmux server {self.server['pid']} at {self.server['socket_path']} runs where its processes cannot be "
            "seen from here, in another container perhaps: run codex-tmux there"
        )


CLIENT_FORMAT = "client #{client_pid}.#{client_created} #{client_control_mode}"
CLIENT = re.compile(rb"^client ([\d.]+) ([01]?)$", re.MULTILINE)
SEPARATOR = "===="
"""A line that is no row: those hold tabs."""
AT_WORK = "2"
"""`@codex_pending` while a sync makes true what it has read; 1 where one is due. A respawn waits for both."""


def read(server: Server) -> Reading:
    """Read the whole tmux server in one call, and note that a sync is at work: what happens from now on starts another.

    Raises TmuxError when the server cannot be reached, or answers something else.
    """
    server.told = {}
    out = server.run_bytes(
        *("if-shell", "-F", "#{@codex_pending}", f"set-option -g @codex_pending {AT_WORK}", ";"),
        *("display-message", "-p", SERVER_FORMAT, ";"),
        # Without any tmux session, at a server's very start and end, list-panes and list-clients would fail.
        *("if-shell", "-F", "#{S:y}", f"list-panes -a -F {quote(PANE_FORMAT)}", ";"),
        *("display-message", "-p", SEPARATOR, ";"),
        *("show-options", "-gwv", "remain-on-exit", ";", "show-options", "-gwv", "automatic-rename", ";"),
        *("if-shell", "-F", "#{S:y}", f"list-clients -F '{CLIENT_FORMAT}'", ";"),
        *("show-hooks", "-gw", ";", "show-hooks", "-g"),
    )
    rows, separator, rest = out.partition(f"\n{SEPARATOR}\n".encode())
    if not separator:
        raise TmuxError("tmux printed half of what it was asked")
    remain_on_exit, automatic_rename, hooks = rest.split(b"\n", 2)
    first, _, listed = rows.partition(b"\n")
    (told,) = parse_rows(first + b"\n", (*SERVER_PLAIN, *SERVER_CHOSEN))
    server.require(told["pid"])
    server.told = told
    panes: dict[str, dict[str, str]] = {}
    for pane in parse_rows(listed + b"\n" if listed else b"", (*PLAIN, *CHOSEN), OPTIONS):
        # A window linked into several tmux sessions lists its panes once for each.
        panes.setdefault(pane["pane_id"], as_dead(pane))
    return Reading(
        told,
        list(panes.values()),
        hooks.decode(errors="replace"),
        remain_on_exit.decode(),
        automatic_rename.decode(),
        {client.decode(): control == b"1" for client, control in CLIENT.findall(hooks)},
    )


def as_dead(row: dict[str, str]) -> dict[str, str]:
    """A row in which a pane is dead as soon as its terminal is closed.

    From 3.8 on tmux says so only when it has heard of the end of the process too; it names no process before.

    >>> as_dead({"pane_dead": "0", "pane_pid": ""}), as_dead({"pane_dead": "0", "pane_pid": "7"})
    ({'pane_dead': '1', 'pane_pid': ''}, {'pane_dead': '0', 'pane_pid': '7'})
    """
    return row | {"pane_dead": "1"} if row.get("pane_pid") == "" else row


def joined(commands: Iterable[Sequence[str]]) -> list[str]:
    """Several tmux commands as the words of one call."""
    return [word for command in commands for word in (*map(escape, command), ";")][:-1]


def quote(word: str) -> str:
    """`word` as one word of a tmux command string."""
    # In quotes as well, tmux takes blanks and comments behind a newline away, and 3.4 a newline behind a backslash.
    return "'" + word.replace("'", "'\\''").replace("\n", "''\n''") + "'"


def escape(word: str) -> str:
    """`word` as an argument to tmux, which takes a last `;` for the end of a command."""
    return word[:-1] + "\\;" if word.endswith(";") else word


def literal(text: str) -> str:
    """`text` for an argument that tmux expands as a format, a directory or a line for run-shell.

    What stands before a `[` tmux takes for a style's and leaves as it is, doubled or not (3.2a to 3.7c).
    """
    *styled, last = text.split("[")
    kept = (part.rstrip("#") for part in styled)
    pieces = [body.replace("#", "##") + part[len(body) :] for body, part in zip(kept, styled)]
    return "[".join([*pieces, last.replace("#", "##")])
