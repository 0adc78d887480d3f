"""What several checks of `doctor` look at, read once and changed nowhere."""

import os
import shlex
import shutil
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from codex_tmux.codex.home import default_home
from codex_tmux.codex.version import Version
from codex_tmux.errors import Problem
from codex_tmux.launcher import typed
from codex_tmux.setup import tmux_conf
from codex_tmux.setup.setup import codex_version
from codex_tmux.state import store
from codex_tmux.state.records import Record
from codex_tmux.tmux.server import Server

OK, WARNING, BROKEN = "ok", "warning", "broken"


class Finding(NamedTuple):
    """What one check found: `detail` in a line; `fix` is the command that fixes it, None where nothing is wrong."""

    status: str
    detail: str
    fix: str | None = None


@dataclass(frozen=True)
class DoctorFacts:
    """One tmux server and this machine."""

    server: Server
    reachable: bool
    version: str = ""
    records: tuple[Record, ...] = ()

    @classmethod
    def of(cls, server: Server) -> "DoctorFacts":
        """This server as it is now; no sync may come before, it would repair what is to be found."""
        try:
            records = store.peek()
        except store.StateError:
            records = ()
        version = server.try_run("display-message", "-p", "#{version}")
        return cls(server, version is not None, (version or "").strip(), records)

    @property
    def directory(self) -> str:
        return self.server.option("@codex_dir")

    def load_command(self) -> str:
        """What loads the plugin (again); where tmux.conf does not load it, what makes it do so."""
        entry = os.path.join(self.directory, "codex.tmux")
        if self.directory and os.path.exists(entry):
            return f"tmux run-shell {shlex.quote(entry)}"
        found = tmux_conf.loading()
        return typed("load" if found and not found.ours else "install")

    def codex_homes(self) -> list[str]:
        """Every `CODEX_HOME` in use: those of the records that have a pane or wait for one, and the default."""
        default = default_home()
        homes = [r.codex_home for r in self.records if r.status in ("live", "dead", "lost")]
        homes += [default] if os.path.isdir(default) or not homes else []
        return list(dict.fromkeys(homes))

    @cached_property
    def path(self) -> str | None:
        """The PATH with which tmux runs hooks; None where it says none."""
        line = self.server.try_run("show-environment", "-g", "PATH") or ""
        return line.partition("=")[2] or None

    @cached_property
    def codex(self) -> str | None:
        """The Codex to look at: the chosen one, else the one on tmux's own PATH, else on ours."""
        words = shlex.split(self.server.option("@codex-command"))
        if words:
            return shutil.which(os.path.expanduser(words[0]), path=self.path)
        return shutil.which("codex", path=self.path) or shutil.which("codex")

    @cached_property
    def codex_version(self) -> Version | None:
        try:
            return codex_version(self.codex) if self.codex else None
        except Problem:
            return None
