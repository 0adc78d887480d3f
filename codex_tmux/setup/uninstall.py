"""`codex-tmux uninstall`: the plugin out of tmux.conf and out of the tmux server, as if it had never been there."""

import re
import shlex
import time
from pathlib import Path

import click

from codex_tmux.launcher import plugin_file, typed, with_tilde
from codex_tmux.paths import state_dir
from codex_tmux.setup import local_link, tmux_conf
from codex_tmux.setup.user_file import rewrite
from codex_tmux.tmux.server import Server, literal
from codex_tmux.tracking.sync import server_lock

TRIES = 3
"""How often a tmux server is asked to let go of the plugin: another helper may be at work there."""
OUR_OPTION = re.compile(r"^@codex_\w+", re.MULTILINE)
MENTION = re.compile(r"^(?!@codex_|command-alias)([\w@-]+)(?:\[\d+\])? .*@codex_", re.MULTILINE)
"""An option of the user's, by its name, whose value speaks of one of ours."""


@click.command(epilog="Example: codex-tmux uninstall --yes")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def command(yes: bool) -> int:
    """Remove the plugin from tmux.conf and from tmux.

    Both are then as they were before `install`. Panes that run Codex keep running. It says what remains, and how to
    remove that too: the line that `setup` wrote, the state directory, the program itself.
    """
    found = tmux_conf.loading()
    if found and found.ours:
        rewrite(found.path, lambda data: tmux_conf.removed(data or b"") or None, yes, "", undo=True)
    else:
        click.echo("nothing to remove: `codex-tmux install` has put no line into tmux.conf")
        if found:
            click.echo(f"Remove this line from {found.path} yourself: {found.text}")
    server = Server()
    click.echo(unload(server))
    listed = "\n".join(server.try_run("show-options", scope) or "" for scope in ("-g", "-gw"))
    for option in dict.fromkeys(MENTION.findall(listed)):
        click.echo(f"Your {option} still mentions @codex_…: edit it in tmux.conf.")
    click.echo("What remains, and how to remove it:")
    click.echo(f"  the session id in Codex's title, if you ran setup: {typed('setup', '--undo')}")
    if Path(state_dir()).exists():
        click.echo(f"  the record of your panes: rm -r {with_tilde(state_dir())}")
    click.echo(f"  the program: {local_link.removal()}")
    return 0


def unload(server: Server) -> str:
    """Take the plugin out of the tmux server, if one runs; what there is to say about it."""
    loaded = server.try_run("display-message", "-p", "#{@codex_dir}")
    if not loaded:
        return "Not loaded in tmux."
    # The copy that was loaded knows what it has put there.
    script = Path(loaded, "plugin", "unload")
    if not script.exists():
        script = Path(plugin_file()).parent / "plugin" / "unload"
    words = literal(f"sh {shlex.quote(str(script))} >/dev/null 2>&1")
    for _ in range(TRIES):
        with server_lock(server):
            server.try_run("run-shell", words)
        # A sync that waited for the lock may set its options once more.
        time.sleep(0.05)
        with server_lock(server):
            listed = server.run("show-options", "-g")
            panes = server.run("list-panes", "-a", "-F", "#{@codex_pane}#{@codex_session}").strip()
            if not OUR_OPTION.search(listed) and not panes:
                return "Unloaded from the running tmux server."
    return f"Not fully unloaded; run: sh {shlex.quote(str(script))}"
