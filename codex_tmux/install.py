"""`codex-tmux install`: the plugin into the user's tmux.conf, and into the tmux server that runs."""

from __future__ import annotations

import time
from pathlib import Path

import click

from codex_tmux import tmux_conf
from codex_tmux.config_file import ConfigFile
from codex_tmux.errors import Problem
from codex_tmux.sandbox import plugin_file
from codex_tmux.shown_change import rewrite
from codex_tmux.tmux import Server, literal

LOADED_WITHIN = 10.0
"""Seconds that tmux may take to load the plugin, or to let go of it."""
POLL_SECONDS = 0.05


@click.command(
    short_help="Load the plugin from your tmux.conf.",
    epilog="Example: codex-tmux install --check || codex-tmux install",
)
@click.option("--check", is_flag=True, help="Only say whether it is installed (exit 0) or not (exit 1).")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def command(check: bool, yes: bool) -> int:
    """Load the plugin from your tmux.conf, and into the tmux server that runs.

    Adds a comment and a `run-shell` line to $XDG_CONFIG_HOME/tmux/tmux.conf or ~/.config/tmux/tmux.conf where there
    is one, else to ~/.tmux.conf. Shows the change before it writes it and asks; where standard input is not a
    terminal it writes without asking. Keeps a copy of the file beside it. With TPM it is not needed.
    """
    plugin = plugin_file()
    if not plugin.exists():
        raise Problem(f"{plugin}: the plugin's own files are missing: install codex-tmux again")
    file = ConfigFile(place_of_ours() or tmux_conf.place())
    elsewhere = other_line()
    if elsewhere and not place_of_ours():
        path, other = elsewhere
        click.echo(f"{'installed' if check else 'nothing to write'}: {path} loads the plugin: {other}")
        return 0
    line = tmux_conf.load_line(plugin)
    if check:
        return say_whether(file, line)
    if not write(file, line, yes):
        return 1
    click.echo(load(Server(), plugin))
    return 0


def place_of_ours() -> Path | None:
    """The configuration file that has our lines."""
    for path in tmux_conf.places():
        data = ConfigFile(path).read()
        if data is not None and tmux_conf.OURS.search(data):
            return path
    return None


def other_line() -> tuple[Path, str] | None:
    """The file that loads the plugin otherwise, and its line that does."""
    for path in tmux_conf.places():
        line = tmux_conf.loaded_otherwise(ConfigFile(path).read() or b"")
        if line:
            return path, line
    return None


def say_whether(file: ConfigFile, line: bytes) -> int:
    """The answer to --check."""
    data = file.read()
    if data is not None and tmux_conf.added(data, line) == data:
        click.echo(f"installed: {file.path}")
        return 0
    what = (
        "loads another copy of the plugin"
        if tmux_conf.OURS.search(data or b"")
        else "does not load the plugin"
    )
    click.echo(f"not installed: {file.path} {what}; run: codex-tmux install")
    return 1


def write(file: ConfigFile, line: bytes, yes: bool) -> bool:
    """Put our lines into the file; False where the user does not want that."""
    done = rewrite(file, lambda data: tmux_conf.added(data, line), yes, keep_copy=True)
    if done.agreed and done.new == done.old:
        click.echo(f"nothing to write: {file.path} loads the plugin")
    elif done.agreed:
        click.echo(f"written: {file.path}" + (f" (as it was: {done.backup})" if done.backup else ""))
    return done.agreed


def load(server: Server, plugin: Path) -> str:
    """Load the plugin into the tmux server, if one runs; what there is to say about it."""
    if server.try_run("list-sessions") is None:
        return "No tmux server runs; the next one loads it."
    server.run("run-shell", "-b", f"{literal(tmux_conf.shell_command(plugin))} >/dev/null 2>&1")
    end = time.monotonic() + LOADED_WITHIN
    while time.monotonic() < end:
        # The keys come last.
        directory = server.option("@codex_dir")
        keys = server.try_run("show-options", "-gqv", "@codex_keys")
        if directory == str(plugin.parent.resolve()) and keys:
            named = ", ".join(f"prefix {key}" for key in keys.split() if key != "none")
            return f"Loaded: a pane that runs Codex keeps its conversation. Keys: {named or 'none'}."
        time.sleep(POLL_SECONDS)
    return "tmux has not loaded it; what it says about that: tmux show-messages"
