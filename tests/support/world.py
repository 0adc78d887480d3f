"""The world the tests and the benchmarks run in: the self-test's, with people at its terminals."""

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any
from unittest import mock

import psutil

from codex_tmux import launcher
from codex_tmux.selftest.world import TITLE, World, WorldError, processes, trusted
from codex_tmux.state import store
from codex_tmux.state.records import Record
from codex_tmux.tmux.versions import DEAD_FORMAT, Version, version_of
from tests.support.codex_package import use_package
from tests.support.model import ModelServer
from tests.support.terminal import Client


def plugin_file() -> Path:
    """`codex.tmux`, as a Path."""
    return Path(launcher.plugin_file())


def running(pid: int) -> bool:
    """Whether a process runs: one that its parent has yet to collect does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


OWN_WORDS = "Pane is dead"
"""Begins what tmux before 3.3 says in a dead pane."""


class Sandbox(World):
    """A private home, tmux server, Codex and model; a context manager, closed by leaving it.

    `codex`: the Codex to run, None for the stand-in. `title`: whether Codex's config has the `terminal_title` that
    `codex-tmux setup` writes.
    """

    model: ModelServer

    def __init__(
        self,
        codex: str | os.PathLike[str] | None = None,
        *,
        title: bool = True,
        shell: str = "/bin/bash",
        tmux: str = "tmux",
    ) -> None:
        self.title = title
        self.homes: list[Path] = []
        self.clients: list[Client] = []
        self._trusted: list[Path] = []
        super().__init__(
            os.fspath(codex) if codex is not None else None, ModelServer(), standin="tests.support.standin"
        )
        self.tmux_program = shutil.which(tmux) or tmux
        self.env["SHELL"] = shell
        # A login shell may set PATH anew, before it reads this: it is to find the same tmux as its server.
        (self.home / ".profile").write_text(f"PATH={shlex.quote(self.env['PATH'])}\n")

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything and remove the directory; raises `WorldError` if something is left.

        A Ctrl-C meanwhile is not heard: half a clean-up would leave Codex's daemon running for good.
        """
        for client in self.clients:
            client.close()
        in_main = threading.current_thread() is threading.main_thread()
        heard = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main else None
        try:
            super().close()
        finally:
            if in_main:
                signal.signal(signal.SIGINT, heard)

    def processes(self) -> list[int]:
        """The ids of all processes of this sandbox."""
        return processes(self.root)

    def new_home(self, name: str) -> Path:
        home = super().new_home(name)
        config = home / "config.toml"
        text = config.read_text() if self.title else config.read_text().replace(TITLE, "")
        config.write_text(text + "".join(trusted(directory) for directory in self._trusted))
        if self.codex is not None:
            use_package(self.codex, home)
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
                config.write(trusted(directory))
        return directory

    def start_server(
        self, load_plugin: bool = False, *, config: str = "", width: int = 120, height: int = 40
    ) -> str:
        def started() -> str:
            return super(Sandbox, self).start_server(load_plugin, config=config, width=width, height=height)

        try:
            return started()
        except WorldError as e:
            # One that was killed a moment ago may still take the call.
            if "server exited unexpectedly" not in str(e):
                raise
        return self.wait_for(started, 20.0, "the tmux server to start")

    @property
    def running(self) -> bool:
        """Whether the private tmux server answers."""
        done = subprocess.run(self.tmux_args("list-sessions"), env=self.env, capture_output=True)
        return done.returncode == 0

    @property
    def server_pid(self) -> int:
        return int(self.tmux("display-message", "-p", "#{pid}"))

    @property
    def version(self) -> Version:
        """The tmux server's."""
        return version_of(self.tmux("display-message", "-p", "#{version}"))

    @property
    def inside(self) -> dict[str, str]:
        """The environment of a program that tmux starts; without a server that of any other."""
        return {**self.env, "TMUX": f"{self.socket},{self.server_pid},0"} if self.running else self.env

    def attach(self, width: int = 120, height: int = 40, target: str = "main") -> Client:
        """Attach a tmux client on a terminal of its own; returns when tmux lists it."""
        before = len(self.tmux("list-clients").splitlines())
        client = Client(self.tmux_args("attach-session", "-t", target), self.env, width, height)
        self.clients.append(client)
        self.wait_for(
            lambda: len(self.tmux("list-clients").splitlines()) > before, 20.0, "the client to attach"
        )
        return client

    def binding(self, key: str) -> str:
        """What the key behind the prefix is bound to, as tmux lists it; "" for nothing."""
        # Of the whole table: tmux 3.7 lists nothing where it is asked for one key.
        lines = self.tmux("list-keys", "-T", "prefix").splitlines()
        return next((line for line in lines if line.partition(" prefix ")[2].split()[:1] == [key]), "")

    def type(self, pane: str, text: str, timeout: float = 20.0) -> None:
        """Type a line into the Codex in `pane` and send it; returns once it has left the composer."""

        def gone() -> bool:
            try:
                # A dead pane shows the last line that was sent, and no composer.
                return self.format(pane, "#{pane_dead}") == "1" or not self.holds(pane, text)
            except WorldError:
                return True  # a `/quit` closed the pane

        self.send(pane, text, gone, timeout)

    def talk(
        self, words: str, *command: str, cwd: Path | None = None, name: str = "codex"
    ) -> tuple[str, str]:
        """A new pane whose Codex has answered these words; the pane, and its session once that is known."""
        pane = self.new_pane(*command, cwd=cwd, name=name)
        self.ask(pane, words)
        return pane, self.bound(pane)

    def pane_by(self, *command: str) -> str:
        """The pane that this tmux command makes; its id."""
        return self.tmux(*command[:1], "-P", "-F", "#{pane_id}", *command[1:])

    def enter(self, pane: str, line: str) -> None:
        """Type a line into what runs in a pane, and press Enter."""
        self.tmux("send-keys", "-t", pane, "-l", line)
        self.tmux("send-keys", "-t", pane, "Enter")

    def shell(self, command: str = "bash --norc -i", name: str = "shell") -> str:
        """A pane with a shell at its prompt: what is typed before that may be lost."""
        pane = self.new_pane(command, name=name)
        self.wait_for(lambda: self.capture(pane).strip(), 20.0, f"the prompt in {pane}")
        return pane

    def bound(self, pane: str) -> str:
        """Wait until the session of a pane is known; its id."""
        return self.wait_for(
            lambda: self.format(pane, "#{@codex_session}"), 20.0, f"the session of {pane} to be known"
        )

    def wait_format(self, pane: str, form: str, value: str = "", timeout: float = 20.0) -> None:
        """Wait until a format of a pane is this."""

        def reached() -> bool:
            return self.format(pane, form) == value

        self.wait_for(reached, timeout, f"{form} of {pane} to be {value!r}")

    def pane_option(self, pane: str, name: str) -> str:
        """What stands on a pane itself, "" where it is not set."""
        return self.tmux("show-options", "-pqv", "-t", pane, name)

    def wait_state(self, pane: str, state: str) -> None:
        """Wait until a pane is in this state."""

        def reached() -> bool:
            self.tmux("run-shell", "-b", ":")  # Debian's tmux may have missed that it died
            return self.format(pane, "#{@codex_state}") == state

        self.wait_for(reached, 20, f"{pane} to be {state}")

    def no_view_mode(self) -> None:
        """No pane was thrown into a mode."""
        assert set(self.tmux("list-panes", "-a", "-F", "#{pane_in_mode}").split()) == {"0"}

    def wait_text(self, pane: str, text: str, timeout: float = 20.0) -> None:
        """Wait until a pane shows this, however its lines are broken."""

        def shown() -> bool:
            screen = self.capture(pane)
            return text in screen or text in " ".join(screen.split())

        self.wait_for(shown, timeout, f"{text!r} in {pane}")

    def wait_dead(self, pane: str, form: str = "#{pane_dead}", value: str = "1") -> None:
        """Wait until what ran in a pane has ended and tmux has seen it."""

        def dead() -> bool:
            self.tmux("run-shell", "-b", "true")  # Debian's tmux misses deaths until another child ends
            return self.format(pane, form) == value

        self.wait_for(dead, 20.0, f"{form} of {pane} to be {value}")

    def wait_asleep(self, pane: str) -> None:
        """Wait until the session of a pane is safe and the pane is dead again."""
        self.wait_dead(pane, "#{@codex_asleep}#{pane_dead}", "11")

    def wait_gone(self, pane: str) -> None:
        """Wait until tmux has closed a pane."""

        def gone() -> bool:
            self.tmux("run-shell", "-b", "true")
            return pane not in self.pane_ids()

        self.wait_for(gone, 20.0, f"{pane} to go")

    def kill(self, pane: str) -> None:
        """Kill the Codex of a pane, and go on at once."""
        os.kill(self.codex_pid(pane), signal.SIGKILL)

    def wait_hint(self, pane: str, text: str) -> None:
        """Wait until the last line of a dead pane says so; tmux before 3.3 has its own words there."""
        self.wait_text(pane, text if self.version >= DEAD_FORMAT else OWN_WORDS)

    def shown(self, pane: str) -> list[str]:
        """The lines of a pane, without such words, which tell the time."""
        return [line for line in self.capture(pane).split("\n") if line and not line.startswith(OWN_WORDS)]

    def kill_codex(self, pane: str) -> None:
        """Kill the Codex of a pane; returns when the pane sleeps."""
        self.kill(pane)
        self.wait_asleep(pane)

    def respawn(self, pane: str, *flags: str) -> None:
        """Respawn a pane, as anybody would."""
        self.tmux("respawn-pane", *flags, "-t", pane)

    def crash(self, pane: str) -> None:
        """Kill the Codex of a pane, and respawn the pane once it sleeps."""
        self.kill_codex(pane)
        self.respawn(pane)

    def stored(self) -> tuple[Record, ...]:
        """The records on the disk, without a sync to see to them."""
        with mock.patch.dict(os.environ, CODEX_TMUX_STATE_DIR=str(self.state_dir)):
            return store.peek()

    def option(self, name: str) -> str:
        """A global option of the tmux server, "" where it is not set."""
        return self.tmux("show-options", "-gqv", name)

    def log_text(self) -> str:
        """The log so far."""
        log = self.state_dir / "log"
        return log.read_text(errors="replace") if log.exists() else ""

    def sessions(self) -> dict[str, str]:
        """The pane of each session that a pane has."""
        lines = self.tmux("list-panes", "-a", "-f", "#{@codex_session}", "-F", "#{@codex_session} #{pane_id}")
        return dict(line.split(" ") for line in lines.splitlines())

    def end_server(self, how: str = "") -> None:
        """End the tmux server, by `kill-server` or the signal of this name; returns when it has gone."""
        pid = self.server_pid
        if how:
            os.kill(pid, getattr(signal, how))
        else:
            self.tmux("kill-server")
        self.wait_for(lambda: not running(pid), 30.0, "the tmux server to end")

    def load(self) -> None:
        """Load the plugin (again)."""
        self.tmux("run-shell", shlex.quote(launcher.plugin_file()))

    def unload(self) -> None:
        """Unload the plugin, with nothing of its own under way."""
        self.quiet()
        subprocess.run([plugin_file().parent / "plugin" / "unload"], env=self.inside, check=True)

    def pane_ids(self) -> set[str]:
        return set(self.tmux("list-panes", "-a", "-F", "#{pane_id}").split())

    def listed(self, *flags: str) -> list[dict[str, Any]]:
        """The rows of `codex-tmux list --json`."""
        rows: list[dict[str, Any]] = json.loads(self.helper("list", "--json", *flags))["panes"]
        return rows

    def rows(self, *flags: str) -> dict[str, dict[str, Any]]:
        """The same by pane; of a pane with former sessions the row that is listed first, which is its own now."""
        return {row["pane"]: row for row in reversed(self.listed(*flags))}

    def records(self) -> dict[str, dict[str, Any]]:
        """Every record, by its session."""
        return {row["session_id"]: row for row in self.listed("--all")}

    def start_anew(self, pane: str) -> None:
        """Answer the question of a pane whose session cannot be resumed: a new session, please."""

        def asked() -> bool:
            # Above, an older question may stand, which was answered.
            lines = self.capture(pane).rstrip().splitlines()
            return "start a new session" in "\n".join(lines[-4:]) and "go to a shell" in lines[-1]

        self.wait_for(asked, 20, f"the question in {pane}")
        self.tmux("send-keys", "-t", pane, "Enter")

    def quiet(self) -> None:
        """Wait until none of tmux's hooks has a helper under way, and none is due."""

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

    def helper(self, *args: str, timeout: float = 60.0, env: dict[str, str] | None = None) -> str:
        """Run `codex-tmux` in this environment; its output, raising when it fails."""
        done = self.helper_result(*args, timeout=timeout, env=env)
        if done.returncode:
            raise WorldError(f"codex-tmux {' '.join(args)}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def refused(self, *args: str) -> str:
        """Run `codex-tmux`, which is to fail; what it says."""
        done = self.helper_result(*args)
        assert done.returncode == 1, done
        return done.stderr

    def helper_result(
        self, *args: str, timeout: float = 60.0, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """As `helper`, but returns what came out whatever the exit code.

        `TMUX` names the private server, as in one of its panes, once that is up.
        """
        return subprocess.run(
            [str(self.bin / "codex-tmux"), *args],
            env={**self.inside, **(env or {})},
            cwd=self.work,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
