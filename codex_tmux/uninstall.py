"""`codex-tmux uninstall`: the plugin out of tmux.conf and out of the tmux server, as if it had never been there."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

import click

from codex_tmux import tmux_conf
from codex_tmux.config_file import ConfigFile
from codex_tmux.install import LOADED_WITHIN, POLL_SECONDS, other_line, place_of_ours
from codex_tmux.sandbox import plugin_file
from codex_tmux.shown_change import rewrite
from codex_tmux.sync import server_lock
from codex_tmux.tmux import Server, literal


@click.command(
    short_help="Take the plugin out of tmux.conf and tmux again.",
    epilog="Example: codex-tmux uninstall --yes",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def command(yes: bool) -> int:
    """Take the plugin out of your tmux.conf and out of the tmux server that runs.

    Both are then as they were before `install`. Panes that run Codex go on running; what codex-tmux knows of them
    stays in its state directory. `codex-tmux setup --undo` takes back what `setup` wrote.
    """
    path = place_of_ours()
    if path is None:
        click.echo("nothing to write: no tmux.conf has the lines of codex-tmux install")
        by_hand = other_line()
        if by_hand:
            click.echo(f"To be taken out of {by_hand[0]} by hand: {by_hand[1]}")
    elif not take_out(ConfigFile(path), yes):
        return 1
    click.echo(unload(Server()))
    return 0


def take_out(file: ConfigFile, yes: bool) -> bool:
    """Take our lines out of the file; False where the user does not want that."""
    done = rewrite(file, lambda data: None if data is None else tmux_conf.removed(data), yes, keep_copy=False)
    if done.new != done.old:
        remove_backups(file, done.new)
        click.echo(f"{'removed' if done.new is None else 'written'}: {file.path}")
    return done.agreed


def remove_backups(file: ConfigFile, new: bytes | None) -> None:
    """Remove the copies that install made, where they are what the file is again."""
    for backup in file.path.parent.glob(f"{file.path.name}.codex-tmux-*Z*"):
        if not backup.is_symlink() and backup.is_file() and backup.read_bytes() == new:
            backup.unlink()


def unload(server: Server) -> str:
    """Take the plugin out of the tmux server, if one runs; what there is to say about it."""
    loaded = server.try_run("display-message", "-p", "#{@codex_dir}")
    if not loaded:
        return "No tmux server runs with it."
    # The copy that was loaded knows what it has put there.
    script = Path(loaded, "plugin", "unload")
    if not script.exists():
        script = plugin_file().parent / "plugin" / "unload"
    words = literal(f"sh {shlex.quote(str(script))} >/dev/null 2>&1")
    end = time.monotonic() + LOADED_WITHIN
    while time.monotonic() < end:
        with server_lock(server):
            server.run("run-shell", "-b", words)
            while not is_clean(server) and time.monotonic() < end:
                time.sleep(POLL_SECONDS)
        # A sync that waited for the lock may have set its options once more.
        time.sleep(POLL_SECONDS)
        with server_lock(server):
            if is_clean(server):
                return "Taken out of the running tmux server."
    return f"tmux still has something of it; run: sh {shlex.quote(str(script))}"


def is_clean(server: Server) -> bool:
    """Whether no option of ours is left."""
    options = server.run("show-options", "-g") + server.run("show-options", "-s")
    panes = server.run("list-panes", "-a", "-F", "#{@codex_pane}#{@codex_session}#{@codex_keep}").strip()
    return "@codex_" not in options and not panes
