"""A private world to run Codex and tmux in: own home, own tmux server, own model, nothing left behind.

Nothing in it can reach the user's tmux server, home or `CODEX_HOME`. Closing it ends everything that was started
inside, by process id.
"""

import contextlib
import functools
import itertools
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil

from codex_tmux.errors import Problem
from codex_tmux.launcher import plugin_file
from codex_tmux.selftest.model import Model, Request

T = TypeVar("T")

STANDIN = "codex_tmux.selftest.standin"
MARKER = "CODEX_TMUX_SANDBOX"
"""Environment variable by which every process of a world is known."""
TITLE = '[tui]\nterminal_title = ["activity", "project-name", "thread-id"]\n'
CONFIG = """model = "mock-model"
model_provider = "mock"
approval_policy = "never"
check_for_update_on_startup = false
[model_providers.mock]
name = "mock"
base_url = "{url}"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
[analytics]
enabled = false
"""
INPUT_LINE = re.compile(r"^ ?[›▌] ?(.*)$", re.MULTILINE)
"""The line one types into: the composer's mark of Codex since 0.98, and the older one."""


class WorldError(Problem):
    """Something in a world did not happen in time, or could not be cleaned up."""


def cache_dir() -> Path:
    """Where worlds live. Never /tmp: Codex refuses to put its helper binaries there."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(os.environ.get("CODEX_TMUX_CACHE_DIR") or os.path.join(cache, "codex-tmux"))


@functools.lru_cache
def codex_version(codex: str) -> str:
    """What `codex --version` prints, such as "codex-cli 0.169.0"; raises `Problem` when it cannot be run."""
    try:
        done = subprocess.run([codex, "--version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError) as e:
        raise Problem(f"{codex} cannot be run ({e}); name another one with --codex PATH") from e
    return done.stdout.strip()


class World:
    """`codex`: the Codex to run, None for the module `standin`. `keep`: leave the files (never the processes)."""

    def __init__(self, codex: str | None, model: Model, keep: bool = False, standin: str = STANDIN) -> None:
        self.codex = os.path.abspath(codex) if codex is not None else None
        self.model = model
        self.keep = keep
        self.tmux_program = shutil.which("tmux") or "tmux"
        base = cache_dir() / "worlds"
        base.mkdir(parents=True, exist_ok=True, mode=0o700)
        sweep(base)
        self.root = base / f"{'kept' if keep else os.getpid()}-{secrets.token_hex(2)}"
        self.short = short_of(self.root)
        self.socket = self.short / "s"
        self.home = self.root / "home"
        self.codex_home = self.home / ".codex"
        self.bin = self.root / "bin"
        self.state_dir = self.root / "state"
        self.work = self.root / "work"
        for directory in (self.root, self.short, self.home, self.bin, self.state_dir, self.work):
            directory.mkdir(mode=0o700)
        # The message of the first load would stand on every client's screen.
        (self.state_dir / "greeted").touch(mode=0o600)
        self.env = {
            MARKER: str(self.root),
            "HOME": str(self.home),
            "CODEX_HOME": str(self.codex_home),
            "CODEX_TMUX_STATE_DIR": str(self.state_dir),
            "PATH": os.pathsep.join([str(self.bin), os.environ.get("PATH", os.defpath)]),
            "LANG": "C.UTF-8" if sys.platform.startswith("linux") else "en_US.UTF-8",
            "TERM": "xterm-256color",
            "SHELL": "/bin/sh",
            "TMPDIR": str(self.short),
            "USER": os.environ.get("USER", "user"),
        }
        self._script("codex-tmux", "codex_tmux.__main__", sys.executable)
        if self.codex is not None:
            (self.bin / "codex").symlink_to(self.codex)
        else:
            # To whoever looks at its process it is Codex from npm: a script below node. Not the node of `bin`, on PATH.
            node = self.root / "node"
            node.symlink_to(os.path.realpath(sys.executable))
            self._script("codex", standin, str(node))
        self.new_home(".codex")

    def _script(self, name: str, module: str, python: str) -> None:
        # `-I`: no PYTHONPATH is needed, which Codex and everything below it would inherit.
        script = self.bin / name
        script.write_text(
            f"#!{python} -I\nimport sys\n\nsys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
            f"from {module} import main\n\nsys.exit(main())\n"
        )
        script.chmod(0o700)

    def close(self) -> None:
        subprocess.run(self.tmux_args("kill-server"), env=self.env, capture_output=True)
        self.model.close()
        if left := clear(self.root, self.keep):
            raise WorldError(f"{self.root} left behind: {', '.join(left)}")

    @property
    def codex_name(self) -> str:
        if self.codex is None:
            return "the bundled stand-in (no real Codex)"
        return f"{self.codex} ({codex_version(self.codex)})"

    def new_home(self, name: str) -> Path:
        home = self.home / name
        home.mkdir(mode=0o700)
        (home / "config.toml").write_text(CONFIG.format(url=self.model.url) + TITLE + trusted(self.work))
        return home

    # -- tmux --

    def tmux_args(self, *args: str) -> list[str]:
        return [self.tmux_program, "-u", "-S", str(self.socket), *args]

    def tmux(self, *args: str, timeout: float = 30.0) -> str:
        """Run a tmux command in the private server; its output without the last newline."""
        command = self.tmux_args(*args)
        done = subprocess.run(command, env=self.env, capture_output=True, errors="replace", timeout=timeout)
        if done.returncode:
            raise WorldError(f"tmux {' '.join(args)}: {done.stderr.strip() or f'exit {done.returncode}'}")
        return done.stdout.removesuffix("\n")

    def start_server(
        self, load_plugin: bool = False, *, config: str = "", width: int = 120, height: int = 40
    ) -> str:
        """Start the tmux server with one tmux session `main`, a shell in `work`; the pane's id.

        `config`: further lines for its configuration file, read before the plugin.
        """
        conf = self.root / "tmux.conf"
        conf.write_text(
            f"set -g default-terminal xterm-256color\nset -s escape-time 0\nset -g default-size {width}x{height}\n"
            # Keys that a program types in one go are no paste.
            "set -g assume-paste-time 0\n"
            f"set -g @codex-tmux-bin '{self.bin / 'codex-tmux'}'\n{config}\n"
            + (f"run-shell '{plugin_file()}'\n" if load_plugin else "")
        )
        where = ("-s", "main", "-c", str(self.work), "-x", str(width), "-y", str(height))
        return self.tmux("-f", str(conf), "new-session", "-d", "-P", "-F", "#{pane_id}", *where)

    def new_pane(self, *command: str, cwd: Path | None = None, name: str = "codex") -> str:
        """A new tmux window running `command` (default `codex`), not made current; the pane's id."""
        where = ("-t", "main:", "-n", name, "-c", str(cwd or self.work))
        return self.tmux("new-window", "-d", "-P", "-F", "#{pane_id}", *where, *(command or ("codex",)))

    def format(self, pane: str, text: str) -> str:
        """The tmux format `text` of a pane; raises when it is gone: tmux would answer for another one."""
        seen, _, value = self.tmux("display-message", "-p", "-t", pane, "#{pane_id} " + text).partition(" ")
        if seen != pane:
            raise WorldError(f"tmux has no pane {pane}")
        return value

    def capture(self, pane: str, history: bool = False) -> str:
        """The text on a pane's screen; with `history` the scrolled-off lines too."""
        return self.tmux("capture-pane", "-p", "-t", pane, *(("-S", "-") if history else ()))

    def screens(self) -> str:
        found = []
        state = "#{pane_id} [#{pane_title}] #{pane_current_command} dead=#{pane_dead} pid=#{pane_pid}"
        with contextlib.suppress(WorldError, subprocess.TimeoutExpired):
            for line in self.tmux("list-panes", "-a", "-F", state).splitlines():
                screen = self.capture(line.split()[0]).splitlines()
                found += [f"--- {line}", *(text for text in screen if text.strip())]
        return "\n".join(found)

    def wait_for(
        self,
        predicate: Callable[[], T | None],
        timeout: float,
        what: str,
        action: Callable[[], None] = lambda: None,
    ) -> T:
        """Ask `predicate` until its answer is true, and return that; `WorldError` after `timeout` seconds.

        A tmux error inside the predicate counts as "not yet". `action` is done first, and again every second.
        """
        deadline = time.monotonic() + timeout
        due = 0.0
        while True:
            if time.monotonic() > due:
                action()
                due = time.monotonic() + 1
            error = ""
            try:
                if answer := predicate():
                    return answer
            except WorldError as e:
                error = f" ({e})"
            if time.monotonic() > deadline:
                raise WorldError(f"waited {timeout:g} s for {what}{error}; the panes:\n{self.screens()}")
            time.sleep(0.02)

    # -- the Codex in a pane --

    def input_line(self, pane: str) -> str | None:
        """What stands in the composer of the Codex in `pane`; None while there is none."""
        lines = INPUT_LINE.findall(self.capture(pane))
        return lines[-1].strip() if lines else None

    def holds(self, pane: str, text: str) -> bool:
        """Whether the composer of the Codex in `pane` holds `text`, typed and not sent."""
        return (self.input_line(pane) or "").startswith(" ".join(text.split())[:20])

    def wait_ready(self, pane: str, timeout: float = 20.0) -> None:
        self.wait_for(lambda: self.input_line(pane) is not None, timeout, f"the composer in {pane}")

    def send(self, pane: str, text: str, sent: Callable[[], T | None], timeout: float = 20.0) -> T:
        """Type a line into the Codex in `pane`, press Enter, and wait for what `sent` answers.

        Both again and again: keys are swallowed while the TUI wakes up.
        """

        tries = itertools.count()

        def write() -> None:
            if next(tries):
                self.tmux("send-keys", "-t", pane, "C-u")
            self.tmux("send-keys", "-t", pane, "-l", text)

        def press_enter() -> None:
            # Right behind the text it counts as part of a paste, and the line may be drawn anew a moment later.
            time.sleep(0.12)
            if self.holds(pane, text) and self.format(pane, "#{pane_dead}") == "0":
                self.tmux("send-keys", "-t", pane, "Enter")

        self.wait_ready(pane, timeout)
        self.wait_for(lambda: self.holds(pane, text), timeout, f"{text!r} to be typed into {pane}", write)
        return self.wait_for(sent, timeout, f"{text!r} to be sent from {pane}", press_enter)

    def ask(self, pane: str, text: str, timeout: float = 20.0) -> Request:
        """Type a message, wait until the model got it and its answer is on the screen; the request."""
        before = len(self.model.requests)

        def asked() -> Request | None:
            return next((r for r in self.model.requests[before:] if r.last == text), None)

        request = self.send(pane, text, asked, timeout)
        # All of it that is sure to be on the screen: the same turn of another session may still be there.
        answer = "".join(self.model.reply_to(request.messages).split())[:60]
        self.wait_for(
            lambda: answer in "".join(self.capture(pane).split()), timeout, f"the answer {answer!r} in {pane}"
        )
        return request

    def codex_pid(self, pane: str) -> int:
        """The process of the Codex in `pane` that draws the screen: below npm's `node`, never the daemon."""
        family: list[psutil.Process] = []
        # Any of them may end at this moment; from 3.8 on tmux has no process of a dead pane.
        with contextlib.suppress(psutil.Error, ValueError):
            family = [psutil.Process(int(self.format(pane, "#{pane_pid}")))]
            family += family[0].children(recursive=True)
        for process in reversed(family):
            with contextlib.suppress(psutil.Error):
                command = process.cmdline()
                # The daemon is a child of the Codex that started it.
                if "app-server" not in command and "codex" in map(os.path.basename, command[:3]):
                    return int(process.pid)
        raise WorldError(f"no Codex runs in {pane}; the panes:\n{self.screens()}")


def trusted(directory: Path) -> str:
    """What config.toml says of a directory that Codex is to trust without asking."""
    return f'\n[projects.{json.dumps(str(directory), ensure_ascii=False)}]\ntrust_level = "trusted"\n'


def short_of(root: Path) -> Path:
    """A world's directory for sockets: a path may have 107 bytes (macOS: 103), of which Codex takes 80 for its own."""
    return Path(f"/tmp/ct-{root.name}")


def sweep(base: Path) -> None:
    for root in base.iterdir():
        owner = re.fullmatch(r"(\d+)-\w+", root.name)
        if owner and not psutil.pid_exists(int(owner[1])):
            clear(root)


def clear(root: Path, keep: bool = False) -> list[str]:
    """End the processes of a world and remove its files, unless they are to be kept; what would not go."""
    deadline = time.monotonic() + 10
    quiet = 0
    # The second look finds what a process started between the first look and its end.
    while quiet < 2:
        pids = processes(root)
        quiet = 0 if pids else quiet + 1
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if pids and time.monotonic() > deadline:
            return [f"process {pid}" for pid in pids]
        time.sleep(0.02)
    files = [] if keep else [root, short_of(root)]
    for directory in files:
        shutil.rmtree(directory, ignore_errors=True)
    return list(map(str, filter(Path.exists, files)))


def processes(root: Path) -> list[int]:
    found = []
    for process in psutil.process_iter(["environ", "exe"]):
        marked = (process.info["environ"] or {}).get(MARKER) == str(root)
        if process.pid != os.getpid() and (marked or str(root) in (process.info["exe"] or "")):
            found.append(process.pid)
    return found
