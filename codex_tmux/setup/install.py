"""`codex-tmux install` and `load`: the plugin in the user's tmux.conf, and in the tmux server that runs."""

import os
from pathlib import Path

import click

from codex_tmux.errors import Problem
from codex_tmux.launcher import plugin_file, program, typed
from codex_tmux.setup import local_link, tmux_conf
from codex_tmux.setup.user_file import rewrite
from codex_tmux.tmux.server import Server, literal
from codex_tmux.tmux.user_keys import prefixed


@click.command(epilog="Example: codex-tmux install --check || codex-tmux install")
@click.option("--check", is_flag=True, help="Report whether it is installed (exit 0) or not (exit 1).")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def command(check: bool, yes: bool) -> int:
    """Load the plugin from your tmux.conf.

    It is loaded into the running tmux server as well. Adds a comment and a `run-shell` line to
    $XDG_CONFIG_HOME/tmux/tmux.conf or ~/.config/tmux/tmux.conf if there is one, else to ~/.tmux.conf. Shows the change
    and asks before writing; without a terminal, --yes is required. Keeps a copy of the file beside it. If codex-tmux is
    not on your PATH, it offers a link in ~/.local/bin.

    With TPM, tmux.conf needs no change.
    """
    if not os.path.exists(plugin_file()):
        raise Problem(f"{plugin_file()}: the plugin's own files are missing: install codex-tmux again")
    found = tmux_conf.loading()
    if check:
        return say_whether(found)
    # First: the line names the link where there is one.
    local_link.offer(yes)
    elsewhere = found is not None and not found.ours
    if found and elsewhere:
        click.echo(f"nothing to write: {found.path} loads the plugin: {found.text}")
    else:
        path, line = found.path if found else tmux_conf.place(), tmux_conf.load_line(program())
        nothing = f"nothing to write: {path} loads the plugin"
        rewrite(path, lambda data: tmux_conf.added(data or b"", line), yes, nothing)
    server = Server()
    if not elsewhere or not server.option("@codex_dir"):
        click.echo(load(server))
    click.echo(f"Next: {typed('setup')}")
    return 0


@click.command(epilog="Example: run-shell '~/.local/bin/codex-tmux load'   (in tmux.conf)")
def load_now() -> int:
    """Load the plugin into the running tmux server.

    This is the line that `codex-tmux install` adds to tmux.conf. It holds no version of Python, so upgrades keep it.
    """
    said = load(Server())
    click.echo(said)
    return 0 if said.startswith("Loaded") else 1


def say_whether(found: tmux_conf.Loading | None) -> int:
    if found and not found.ours:
        click.echo(f"installed: {found.path} loads the plugin: {found.text}")
        return 0
    if found and found.line == tmux_conf.load_line(program()):
        click.echo(f"installed: {found.path}")
        return 0
    path = found.path if found else tmux_conf.place()
    what = f"has another line: {found.text}" if found else "does not load the plugin"
    click.echo(f"not installed: {path} {what}; run: {typed('install')}")
    return 1


def load(server: Server) -> str:
    """Load the plugin into the tmux server, if one runs; what there is to say about it."""
    if server.try_run("list-sessions") is None:
        return "No tmux server is running; the next one loads it."
    server.try_run("run-shell", f"{literal(tmux_conf.load_command(program()))} >/dev/null 2>&1")
    if server.option("@codex_dir") != str(Path(plugin_file()).parent.resolve()):
        return "tmux did not load it; to see why: tmux show-messages"
    keys = prefixed(server.option("@codex_keys").split())
    return f"Loaded: a pane that runs Codex keeps its conversation. Keys: {keys}."
