"""A private world to run Codex and tmux in: own home, own tmux server, own model, nothing left behind.

The self-test, the tests and the benchmarks run in it. Nothing in it can reach the user's tmux server, home or
`CODEX_HOME`, and closing it ends everything that was started inside, by process id.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from codex_tmux import launcher
from codex_tmux.codex.processes import Processes
from codex_tmux.errors import Problem
from codex_tmux.model_server import ModelServer, Request, reply_to
from codex_tmux.pty_client import Client
from codex_tmux.standin_daemon import SWITCH

T = TypeVar("T")

PACKAGE = Path(__file__).resolve().parent
MARKER = "CODEX_TMUX_SANDBOX"
"""Environment variable by which every process of a sandbox is known."""
CACHE_VARIABLE = "CODEX_TMUX_CACHE_DIR"
TERMINAL_TITLE = ["activity", "project-name", "thread-id"]
LARGE_FILE = 1 << 20
"""Bytes from which a file of Codex's package is hard-linked; smaller ones Codex may rewrite in place."""
POLL_SECONDS = 0.02
YOUNG_SECONDS = 60

# The line one types into: the composer's mark of Codex since 0.98, and the older one.
INPUT_LINE = re.compile(r"^ ?[›▌] ?(.*)$", re.MULTILINE)


class SandboxError(Problem):
    """Something in a sandbox did not happen in time, or could not be cleaned up."""


def cache_dir() -> Path:
    """Where sandboxes and templates live. Never /tmp: Codex refuses to put its helper binaries there."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "codex-tmux"


def plugin_file() -> Path:
    """`codex.tmux`, as a Path."""
    return Path(launcher.plugin_file())


@functools.lru_cache
def codex_version(codex: str) -> str:
    """What `codex --version` prints, such as "codex-cli 0.169.0"; raises `Problem` when it cannot be run."""
    try:
        done = subprocess.run([codex, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise Problem(f"{codex} cannot be run ({e}); name another one with --codex PATH") from e
    if done.returncode:
        raise Problem(f"{codex} --version failed ({done.stderr.strip()}); name another one with --codex PATH")
    return done.stdout.strip()


class Sandbox:
    """A private home, tmux server, Codex and model; a context manager, closed by leaving it.

    `codex`: the Codex to run, None for the bundled stand-in. `title`: whether Codex's config has the
    `terminal_title` that `codex-tmux setup` writes. `daemon`: whether the stand-in has a shared background server;
    real Codex has one anyway. `keep`: leave the directory (never the processes) behind.
    """

    def __init__(
        self,
        codex: str | os.PathLike[str] | None = None,
        *,
        title: bool = True,
        daemon: bool = False,
        shell: str = "/bin/bash",
        tmux: str = "tmux",
        keep: bool = False,
    ) -> None:
        self.codex = os.path.abspath(codex) if codex is not None else None
        self.title = title
        self.daemon = daemon
        self.keep = keep
        self.model = ModelServer()
        self.homes: list[Path] = []
        self.clients: list[Client] = []
        self._tmux = shutil.which(tmux) or tmux
        self._trusted: list[Path] = []
        base = cache_dir() / "sandboxes"
        base.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sweep(base)
        self.root = base / secrets.token_hex(4)
        self.root.mkdir(mode=0o700)
        # A unix socket's path may have 107 bytes (macOS: 103), and Codex's own takes 80 of them below TMPDIR.
        self.short = Path(tempfile.mkdtemp(prefix="ct-", dir="/tmp"))
        self.socket = self.short / "s"
        # Held until the end: a sandbox whose owner file can be locked was left by a killed process.
        self._owner = open(self.root / "owner", "w")  # noqa: SIM115
        self._owner.write(f"{self.short} {os.getpid()}")
        self._owner.flush()
        fcntl.flock(self._owner, fcntl.LOCK_EX)
        self.home = self.root / "home"
        self.bin = self.root / "bin"
        self.state_dir = self.root / "state"
        for directory in (self.home, self.bin, self.state_dir):
            directory.mkdir(mode=0o700)
        # The message of the first load would stand on every client's screen.
        (self.state_dir / "greeted").touch(mode=0o600)
        self.env = self._environment(shell)
        self._write_bin()

    def _environment(self, shell: str) -> dict[str, str]:
        return {
            MARKER: str(self.root),
            "HOME": str(self.home),
            "CODEX_HOME": str(self.home / ".codex"),
            "CODEX_TMUX_STATE_DIR": str(self.state_dir),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "XDG_STATE_HOME": str(self.home / ".local/state"),
            "XDG_DATA_HOME": str(self.home / ".local/share"),
            "PATH": os.pathsep.join([str(self.bin), os.environ.get("PATH", os.defpath)]),
            "LANG": "C.UTF-8" if sys.platform.startswith("linux") else "en_US.UTF-8",
            "TERM": "xterm-256color",
            "SHELL": shell,
            "TMPDIR": str(self.short),
            "USER": os.environ.get("USER", "user"),
        }

    def _write_bin(self) -> None:
        # A login shell may set PATH anew, before it reads this: it is to find the same tmux as its server.
        (self.home / ".profile").write_text(f"PATH={shlex.quote(self.env['PATH'])}\n")
        self._script("codex-tmux", "codex_tmux.__main__", sys.executable)
        if self.codex is None:
            # Codex from npm is a script below node: named so, the stand-in is known for a Codex among processes.
            # Not in `bin`: on PATH it would stand before the real node.
            (self.root / "standin").mkdir()
            node = self.root / "standin" / "node"
            node.symlink_to(os.path.realpath(sys.executable))
            self._script("codex", "codex_tmux.standin", str(node))
        else:
            (self.bin / "codex").symlink_to(self.codex)

    def _script(self, name: str, module: str, python: str) -> None:
        # `-I`: no PYTHONPATH is needed, which Codex and everything below it would inherit.
        script = self.bin / name
        script.write_text(
            f"#!{python} -I\nimport sys\n\nsys.path.insert(0, {str(PACKAGE.parent)!r})\n"
            f"from {module} import main\n\nsys.exit(main())\n"
        )
        script.chmod(0o700)

    # -- life --

    def __enter__(self) -> Sandbox:
        try:
            self.model.start()
            self.new_home(".codex")
            self.work = self.make_dir("work")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything and remove the directory; raises `SandboxError` if something is left.

        A Ctrl-C meanwhile is not heard: half a clean-up would leave Codex's daemon running for good.
        """
        if threading.current_thread() is not threading.main_thread():
            self._close()
            return
        heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._close()
        finally:
            signal.signal(signal.SIGINT, heard)

    def _close(self) -> None:
        for client in self.clients:
            client.close()
        subprocess.run(self._tmux_args("kill-server"), env=self.env, capture_output=True)
        left = _end_processes(self.processes)
        self.model.close()
        self._owner.close()
        if not self.keep:
            for directory in (self.root, self.short):
                _remove(directory)
            left += [str(d) for d in (self.root, self.short) if d.exists()]
        if left:
            raise SandboxError(f"the sandbox {self.root} left behind: {', '.join(left)}")

    def processes(self) -> list[int]:
        """The ids of all processes of this sandbox: by their environment, and Codex's daemons by name."""
        found = set(_processes_with(str(self.root)))
        for home in self.homes:
            for name in ("daemon.pid", "daemon-updater.pid"):
                with contextlib.suppress(OSError, ValueError, KeyError):
                    pid = int(json.loads((home / "app-server-daemon" / name).read_text())["pid"])
                    # A pid file outlives its process: the id may be somebody else's by now.
                    if any(str(self.root) in word for word in Processes().argv(pid)):
                        found.add(pid)
        return sorted(found - {os.getpid()})

    # -- Codex --

    @property
    def codex_home(self) -> Path:
        return self.home / ".codex"

    @property
    def codex_name(self) -> str:
        """Which Codex runs here: path and version."""
        if self.codex is None:
            return "the bundled stand-in (no real Codex)"
        return f"{self.codex} ({codex_version(self.codex)})"

    def new_home(self, name: str) -> Path:
        """A further `CODEX_HOME`, configured for this sandbox's model; its path."""
        home = self.home / name
        home.mkdir(mode=0o700)
        title = f"[tui]\nterminal_title = {json.dumps(TERMINAL_TITLE)}\n" if self.title else ""
        shared = f"{SWITCH}\n" if self.daemon and self.codex is None else ""
        (home / "config.toml").write_text(
            f"{shared}"
            'model = "mock-model"\nmodel_provider = "mock"\napproval_policy = "never"\n'
            "check_for_update_on_startup = false\n"
            f'[model_providers.mock]\nname = "mock"\nbase_url = "{self.model.url}"\nwire_api = "responses"\n'
            "request_max_retries = 0\nstream_max_retries = 0\n"
            f"[analytics]\nenabled = false\n{title}"
            + "".join(_trust(directory) for directory in self._trusted)
        )
        if self.codex is not None:
            _use_template(self.codex, home)
        self.homes.append(home)
        return home

    def make_dir(self, name: str) -> Path:
        """A directory to work in that Codex trusts without asking; its path."""
        directory = self.root / name
        directory.mkdir(parents=True)
        self._trusted.append(directory)
        for home in self.homes:
            # Appended: Codex rewrites the file while it runs, and a new table at the end always fits.
            with open(home / "config.toml", "a") as config:
                config.write(_trust(directory))
        return directory

    # -- tmux --

    def _tmux_args(self, *args: str) -> list[str]:
        return [self._tmux, "-u", "-S", str(self.socket), *args]

    def tmux(self, *args: str, timeout: float = 30.0) -> str:
        """Run a tmux command in the private server; its output without the last newline."""
        done = subprocess.run(
            self._tmux_args(*args),
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout,
            errors="replace",
        )
        if done.returncode:
            raise SandboxError(f"tmux {' '.join(args)}: {done.stderr.strip() or f'exit {done.returncode}'}")
        return done.stdout.removesuffix("\n")

    def start_server(
        self, load_plugin: bool = False, *, config: str = "", width: int = 120, height: int = 40
    ) -> str:
        """Start the tmux server with one tmux session `main`, a shell in `work`; the pane's id.

        `config`: further lines for its configuration file, read before the plugin.
        """
        conf = self.root / "tmux.conf"
        lines = [
            "set -g default-terminal xterm-256color",
            "set -s escape-time 0",
            f"set -g default-size {width}x{height}",
            f"set -g @codex-tmux-bin '{self.bin / 'codex-tmux'}'",
            config,
        ]
        if load_plugin:
            lines.append(f"run-shell '{plugin_file()}'")
        conf.write_text("\n".join(lines) + "\n")
        where = ("-s", "main", "-c", str(self.work), "-x", str(width), "-y", str(height))

        def started() -> str:
            return self.tmux("-f", str(conf), "new-session", "-d", "-P", "-F", "#{pane_id}", *where)

        try:
            return started()
        except SandboxError as e:
            # One that was killed a moment ago may still take the call.
            if "server exited unexpectedly" not in str(e):
                raise
        return self.wait_for(started, 20.0, "the tmux server to start")

    def new_pane(self, *command: str, cwd: Path | None = None, name: str = "codex") -> str:
        """A new tmux window running `command` (default `codex`), not made current; the pane's id."""
        where = ("-c", str(cwd or self.work))
        return self.tmux(
            *("new-window", "-d", "-P", "-F", "#{pane_id}", "-t", "main:", "-n", name, *where),
            *(command or ("codex",)),
        )

    def format(self, pane: str, text: str) -> str:
        """The tmux format `text` of a pane; raises when it is gone: tmux would answer for another one."""
        seen, _, value = self.tmux("display-message", "-p", "-t", pane, "#{pane_id} " + text).partition(" ")
        if seen != pane:
            raise SandboxError(f"tmux has no pane {pane}")
        return value

    def capture(self, pane: str, history: bool = False) -> str:
        """The text on a pane's screen; with `history` the scrolled-off lines too."""
        return self.tmux("capture-pane", "-p", "-t", pane, *(("-S", "-") if history else ()))

    def screens(self) -> str:
        """Every pane with its state and screen, for a person to read after a failure."""
        try:
            state = "#{pane_id} [#{pane_title}] #{pane_current_command} dead=#{pane_dead} pid=#{pane_pid}"
            lines = self.tmux("list-panes", "-a", "-F", state).splitlines()
        except (SandboxError, subprocess.TimeoutExpired) as e:
            return f"(no screens: {e})"
        found = []
        for line in lines:
            with contextlib.suppress(SandboxError):
                screen = self.capture(line.split()[0]).splitlines()
                found.append("\n".join([f"--- {line}", *(text for text in screen if text.strip())]))
        return "\n".join(found)

    def wait_for(self, predicate: Callable[[], T | None], timeout: float, what: str) -> T:
        """Ask `predicate` until its answer is true, and return that; `SandboxError` after `timeout` seconds.

        A tmux error inside the predicate counts as "not yet".
        """
        deadline = time.monotonic() + timeout
        while True:
            error = ""
            answer = None
            try:
                answer = predicate()
            except SandboxError as e:
                error = f" ({e})"
            if answer:
                return answer
            if time.monotonic() > deadline:
                raise SandboxError(f"waited {timeout:g} s for {what}{error}; the panes:\n{self.screens()}")
            time.sleep(POLL_SECONDS)

    def input_line(self, pane: str) -> str | None:
        """What stands in the composer of the Codex in `pane`; None while there is none."""
        lines = INPUT_LINE.findall(self.capture(pane))
        return lines[-1].strip() if lines else None

    def holds(self, pane: str, text: str) -> bool:
        """Whether the composer of the Codex in `pane` holds `text`, typed and not sent."""
        return (self.input_line(pane) or "").startswith(" ".join(text.split())[:20])

    def binding(self, key: str) -> str:
        """What the key behind the prefix is bound to, as tmux lists it; "" for nothing."""
        # Of the whole table: tmux 3.7 lists nothing where it is asked for one key.
        lines = self.tmux("list-keys", "-T", "prefix").splitlines()
        return next((line for line in lines if line.partition(" prefix ")[2].split()[:1] == [key]), "")

    def wait_ready(self, pane: str, timeout: float = 20.0) -> None:
        """Wait until the Codex in `pane` takes input."""
        self.wait_for(lambda: self.input_line(pane) is not None, timeout, f"the composer in {pane}")

    def start_anew(self, pane: str) -> None:
        """Answer the question of a pane whose session cannot be resumed: a new session, please."""
        self.wait_for(lambda: "start a new session" in self.capture(pane), 15.0, f"the question in {pane}")
        self.tmux("send-keys", "-t", pane, "Enter")

    def type(self, pane: str, text: str, timeout: float = 20.0) -> None:
        """Type a line into the Codex in `pane` and send it; returns once it has left the composer."""
        self.wait_ready(pane, timeout)

        def written() -> bool:
            return self.holds(pane, text)

        def gone() -> bool:
            try:
                return not written()
            except SandboxError:
                return True  # a `/quit` closed the pane

        deadline = time.monotonic() + timeout
        while True:
            self.tmux("send-keys", "-t", pane, "-l", text)
            with contextlib.suppress(SandboxError):
                self.wait_for(written, 1.0, "the typed text")
            if written():
                break
            # Keys are swallowed while the TUI wakes up: type again, into an emptied line.
            self.tmux("send-keys", "-t", pane, "C-u")
            if time.monotonic() > deadline:
                raise SandboxError(f"{text!r} cannot be typed into {pane}; the panes:\n{self.screens()}")
        while True:
            # Enter right behind the text counts as part of a paste.
            time.sleep(0.12)
            self.tmux("send-keys", "-t", pane, "Enter")
            with contextlib.suppress(SandboxError):
                self.wait_for(gone, 1.0, "the composer to empty")
            if gone():
                return
            if time.monotonic() > deadline:
                raise SandboxError(f"{text!r} cannot be sent in {pane}; the panes:\n{self.screens()}")

    def ask(self, pane: str, text: str, timeout: float = 20.0) -> Request:
        """Type a message, wait until the model got it and its answer is on the screen; the request."""
        before = len(self.model.requests)
        self.type(pane, text, timeout)

        def asked() -> Request | None:
            return next((r for r in self.model.requests[before:] if r.last == text), None)

        deadline = time.monotonic() + timeout
        while True:
            with contextlib.suppress(SandboxError):
                self.wait_for(asked, 3.0, "the model to be asked")
            if asked() or time.monotonic() > deadline:
                break
            # An older Codex may take the Enter for a part of what was typed, and draw the line anew a moment later.
            if self.holds(pane, text):
                self.tmux("send-keys", "-t", pane, "Enter")
        request = self.wait_for(asked, 0.0, f"the model to be asked {text!r} by {pane}")
        # All of it that is sure to be on the screen: the same turn of another session may still be there.
        answer = "".join(reply_to(request.messages).split())[:60]
        self.wait_for(
            lambda: answer in "".join(self.capture(pane).split()), timeout, f"the answer {answer!r} in {pane}"
        )
        return request

    def quiet(self) -> None:
        """Wait until none of tmux's hooks has a helper under way, and none is due."""
        import psutil

        def at_work() -> bool:
            for pid in self.processes():
                with contextlib.suppress(psutil.Error):
                    words = psutil.Process(pid).cmdline()
                    names = {os.path.basename(word) for word in words[:5]}
                    if names & {"codex-tmux", "hook.py"} and not {"run", "exec"} & set(words):
                        return True
            return False

        def is_quiet() -> bool:
            return not self.tmux("show-options", "-gqv", "@codex_pending") and not at_work()

        self.wait_for(is_quiet, 20, "the helpers to be through")

    def codex_pid(self, pane: str) -> int:
        """The process of the Codex in `pane` that draws the screen: below npm's `node`, never the daemon."""
        import psutil

        found = None
        family = []
        # A dead pane's process may be there for a moment yet, or not.
        with contextlib.suppress(psutil.Error):
            family = [psutil.Process(int(self.format(pane, "#{pane_pid}")))]
            family += family[0].children(recursive=True)
        for process in family:
            with contextlib.suppress(psutil.Error):
                command = process.cmdline()
                # The daemon is a child of the Codex that started it.
                if "app-server" not in command and any(
                    os.path.basename(arg) == "codex" for arg in command[:3]
                ):
                    found = int(process.pid)
        if found is None:
            raise SandboxError(f"no Codex runs in {pane}; the panes:\n{self.screens()}")
        return found

    def attach(
        self, width: int = 120, height: int = 40, reply_osc11: bool = True, target: str = "main"
    ) -> Client:
        """Attach a tmux client on a terminal of its own; returns when tmux lists it."""
        before = len(self.tmux("list-clients").splitlines())
        client = Client(self._tmux_args("attach-session", "-t", target), self.env, width, height, reply_osc11)
        self.clients.append(client)
        self.wait_for(
            lambda: len(self.tmux("list-clients").splitlines()) > before, 20.0, "the client to attach"
        )
        return client

    def helper(self, *args: str, timeout: float = 60.0, env: dict[str, str] | None = None) -> str:
        """Run `codex-tmux` in this environment; its output, raising when it fails."""
        done = self.helper_result(*args, timeout=timeout, env=env)
        if done.returncode:
            raise SandboxError(f"codex-tmux {' '.join(args)}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def helper_result(
        self, *args: str, timeout: float = 60.0, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """As `helper`, but returns what came out whatever the exit code.

        `TMUX` names the private server, as in one of its panes, once that is up.
        """
        inside = (
            {"TMUX": f"{self.socket},{self.tmux('display-message', '-p', '#{pid}')},0"}
            if self.running
            else {}
        )
        return subprocess.run(
            [str(self.bin / "codex-tmux"), *args],
            env={**self.env, **inside, **(env or {})},
            cwd=self.work,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    @property
    def running(self) -> bool:
        """Whether the private tmux server answers."""
        done = subprocess.run(self._tmux_args("list-sessions"), env=self.env, capture_output=True)
        return done.returncode == 0


def _trust(directory: Path) -> str:
    return f'\n[projects.{json.dumps(str(directory), ensure_ascii=False)}]\ntrust_level = "trusted"\n'


def _end_processes(look: Callable[[], list[int]], timeout: float = 10.0) -> list[str]:
    # End all that `look` finds; returns what would not end.
    deadline = time.monotonic() + timeout
    quiet = 0
    while quiet < 2:
        pids = look()
        quiet = 0 if pids else quiet + 1
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if pids and time.monotonic() > deadline:
            return [f"process {pid}" for pid in pids]
        # The second look finds what a process started between the first look and its end.
        time.sleep(POLL_SECONDS)
    return []


def _sweep(base: Path) -> None:
    # Clear away the sandboxes of killed processes.
    for owner in base.glob("*/owner"):
        with contextlib.suppress(OSError), open(owner) as file:
            # A young one may stand between its making and its lock.
            if time.time() - owner.stat().st_mtime < YOUNG_SECONDS:
                continue
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            root, short = owner.parent, file.read().split(" ")[0]
            _end_processes(lambda root=root: list(_processes_with(str(root))))  # type: ignore[misc]
            if re.fullmatch(r"/tmp/ct-\w+", short):
                _remove(Path(short))
            _remove(root)


def _remove(directory: Path) -> None:
    for _ in range(50):
        shutil.rmtree(directory, ignore_errors=True)
        if not directory.exists():
            return
        time.sleep(POLL_SECONDS)


def _processes_with(sandbox: str) -> Iterator[int]:
    processes = Processes()
    for pid in processes.pids():
        if processes.environ(pid, (MARKER,)).get(MARKER) == sandbox:
            yield pid


# -- Codex's package: the shared daemon runs a copy of Codex, 400 MB, that it puts into each CODEX_HOME --


def _use_template(codex: str, home: Path) -> None:
    # Give `home` the package by hard links, so that a first start neither copies nor takes room.
    template = _template(codex)
    if not (template / "packages").is_dir():
        return
    for directory, _, names in os.walk(template / "packages"):
        target = home / os.path.relpath(directory, template)
        target.mkdir(mode=0o700)
        for name in names:
            source = Path(directory, name)
            if source.is_symlink():
                continue
            if source.stat().st_size >= LARGE_FILE:
                os.link(source, target / name)
            else:
                shutil.copy2(source, target / name)
    _mend_links(template / "packages", home / "packages", str(template), str(home))


def _mend_links(source: Path, target: Path, old: str, new: str) -> None:
    # Absolute links point into the home that made them; with one left pointing there Codex hangs.
    for directory, directories, names in os.walk(source):
        for name in [*directories, *names]:
            link = Path(directory, name)
            if link.is_symlink():
                points_to = os.readlink(link)
                if points_to.startswith(old + "/"):
                    points_to = new + points_to[len(old) :]
                (target / link.relative_to(source)).symlink_to(points_to)


def _template(codex: str) -> Path:
    # A CODEX_HOME in which this very Codex once put its package; made under a lock, because test runners
    # start several sandboxes at once. Codex without the daemon (before 0.157) leaves it empty.
    real = os.path.realpath(codex)
    stat = os.stat(real)
    what = f"{codex_version(codex)} {real} {stat.st_size} {stat.st_mtime_ns} {stat.st_ino}"
    base = cache_dir() / "templates"
    base.mkdir(parents=True, exist_ok=True, mode=0o700)
    template = base / hashlib.sha256(what.encode()).hexdigest()[:12]
    with open(template.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (template / "done").exists():
            shutil.rmtree(template, ignore_errors=True)
            template.mkdir(mode=0o700)
            _make_template(codex, template)
            (template / "done").write_text(what + "\n")
    return template


def _make_template(codex: str, home: Path) -> None:
    short = Path(tempfile.mkdtemp(prefix="ct-", dir="/tmp"))
    home_variables = {"HOME": str(home), "CODEX_HOME": str(home), "TMPDIR": str(short)}
    env = {"PATH": os.environ.get("PATH", os.defpath), MARKER: str(home), **home_variables}
    (home / "config.toml").write_text("check_for_update_on_startup = false\n[analytics]\nenabled = false\n")
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run([codex, "app-server", "daemon", "start"], env=env, capture_output=True, timeout=60)
    finally:
        _end_processes(lambda: list(_processes_with(str(home))))
        _remove(short)
    for entry in home.iterdir():
        if entry.name != "packages":
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
