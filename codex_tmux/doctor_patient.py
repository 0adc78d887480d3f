"""What `doctor` looks at, read once and changed nowhere: the tmux server, its hooks, aliases and options."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

from codex_tmux import store, tmux_conf
from codex_tmux.launcher import typed
from codex_tmux.records import Record
from codex_tmux.tmux import Server

ALIASES = re.compile(r'^set-option -s command-alias\[\d+\] "([a-z-]+)=', re.MULTILINE)
MARK_OF_ALIAS = "@codex_"


@dataclass(frozen=True)
class Patient:
    """One tmux server and this machine. `options` are the global ones by name; `hooks` what show-hooks prints."""

    server: Server
    reachable: bool
    version: str = ""
    pid: str = ""
    hooks: str = ""
    aliases: frozenset[str] = frozenset()
    options: dict[str, str] = field(default_factory=dict)
    records: tuple[Record, ...] = ()

    @classmethod
    def of(cls, server: Server) -> Patient:
        """This server as it is now; sync must not come before, it would mend what is to be found."""
        records = records_read_only()
        first = server.try_run("display-message", "-p", "#{pid} #{version}")
        if first is None:
            return cls(server, reachable=False, records=records)
        pid, _, version = first.partition(" ")
        hooks = f"{server.try_run('show-hooks', '-g')}\n{server.try_run('show-hooks', '-gw')}"
        aliases = server.try_run("show-options", "-s", "command-alias") or ""
        return cls(
            server,
            reachable=True,
            version=version,
            pid=pid,
            hooks=hooks,
            aliases=frozenset(
                line.partition(" ")[2].lstrip('"').partition("=")[0]
                for line in aliases.splitlines()
                if MARK_OF_ALIAS in line
            ),
            options=options_of(server),
            records=records,
        )

    @property
    def directory(self) -> str:
        """Where the plugin that is loaded lies; "" where none is."""
        return self.options.get("@codex_dir", "")

    def plugin_text(self) -> str:
        """What the plugin puts into tmux: the one place that lists its hooks and aliases."""
        with open(os.path.join(self.directory, "plugin", "hooks.tmux"), encoding="utf-8") as file:
            return file.read()

    def load_command(self) -> str:
        """What loads the plugin (again); where tmux.conf does not load it, what makes it do so."""
        entry = os.path.join(self.directory, "codex.tmux")
        if self.directory and os.path.exists(entry):
            return f"tmux run-shell {shell_word(entry)}"
        return typed("load" if tmux_conf.other_line() else "install")

    def default_home(self) -> str:
        """The `CODEX_HOME` of whoever asks."""
        return os.path.abspath(os.environ.get("CODEX_HOME") or os.path.expanduser("~/.codex"))

    def codex_homes(self) -> list[str]:
        """Every `CODEX_HOME` in use: those of the records that have a pane or wait for one, and the default."""
        default = self.default_home()
        homes = [r.codex_home for r in self.records if r.status in ("live", "dead", "lost")]
        homes += [default] if os.path.isdir(default) or not homes else []
        return list(dict.fromkeys(homes))


def options_of(server: Server) -> dict[str, str]:
    """The global user options, by name. A value that spans lines is whole only when asked for by its name."""
    listed = server.try_run("show-options", "-g") or ""
    names = re.findall(r"^(@[A-Za-z0-9_-]+)", listed, re.MULTILINE)
    return {name: server.option(name) for name in dict.fromkeys(names)}


def records_read_only() -> tuple[Record, ...]:
    """The records, without setting a broken file aside: none where it cannot be read."""
    try:
        return store.peek()
    except store.StateError:
        return ()


def shell_word(text: str) -> str:
    """`text` as one word of a command to copy."""
    import shlex

    return shlex.quote(text)
