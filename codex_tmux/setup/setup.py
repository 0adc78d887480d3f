"""`codex-tmux setup`: have Codex write its session id into the pane title, the best evidence there is."""

import os
import shutil
from pathlib import Path

import click

from codex_tmux.codex.home import default_home
from codex_tmux.codex.title_config import items_for, title_has_id
from codex_tmux.codex.version import Version, ask_version
from codex_tmux.commands.completion import DIRECTORY, PROGRAM
from codex_tmux.errors import Problem
from codex_tmux.launcher import typed
from codex_tmux.setup.title_item import with_items, without_items
from codex_tmux.setup.user_file import backups, read, rewrite


def codex_version(codex: str | None) -> Version | None:
    """The version of the Codex at `codex`, or of the first on PATH; None where none is or it does not say.

    Problem where `codex` is given and there is no such program, or it cannot be run.
    """
    found = shutil.which(codex or "codex")
    if codex and not found:
        raise Problem(f"{codex}: no such program; give --codex the Codex you use")
    try:
        return ask_version(found) if found else None
    except Problem:
        if codex:
            raise
        return None


def config_of(home: str) -> Path:
    return Path(os.path.realpath(home)) / "config.toml"


def config_text(data: bytes | None) -> str:
    """What the bytes of a config say, "" where there is none; Problem where they are not UTF-8."""
    try:
        return (data or b"").decode()
    except UnicodeDecodeError as e:
        line = (data or b"").count(b"\n", 0, e.start) + 1
        raise Problem(f"not UTF-8 (line {line}), so Codex cannot read it either; fix that first") from e


def config_has_id(path: Path, item: str) -> bool:
    data = read(path)
    try:
        return title_has_id(config_text(data), item)
    except Problem as e:
        raise Problem(f"{path}: {e}") from e


def add(path: Path, items: tuple[str, ...], named: bool, yes: bool) -> int:
    home = path.parent
    if named and not home.exists():
        # A typo more likely than a plan, and Codex does not start with such a home.
        raise Problem(f"{home}: no such directory; make it first, or name another Codex home")

    def changed(data: bytes | None) -> bytes | None:
        new, inserted = with_items(config_text(data), items)
        return new.encode() if inserted else data

    if rewrite(path, changed, yes, f"nothing to do: {path} has the session id in the title"):
        click.echo("A Codex that already runs shows it after a restart (respawn its pane).")
        click.echo(f"To undo: {command_for(named, home, '--undo')}")
    return 0


def take_out(path: Path, yes: bool) -> int:
    """Take out what `add` put in, which the copies of the file tell; what has come into the file since stays."""
    befores = [config_text(copy.read_bytes()) for copy in backups(path)]
    if not befores:
        click.echo(f"nothing to undo: codex-tmux has not changed {path}, or its backup is gone")
        return 0

    def changed(data: bytes | None) -> bytes | None:
        text = new = config_text(data)
        for before in befores:  # newest first
            new = without_items(new, before)
        if new == text:
            return data
        return new.encode() if befores[-1] or new.strip() else None

    nothing = f"nothing to undo: {path} no longer has the session id in the title"
    rewrite(path, changed, yes, nothing, undo=True)
    return 0


def command_for(named: bool, home: Path, *options: str) -> str:
    return typed("setup", *options, *(["--codex-home", str(home)] if named else []))


@click.command(epilog="Example: codex-tmux setup --check || codex-tmux setup")
@click.option("--check", is_flag=True, help="Report whether it is set (exit 0) or not (exit 1).")
@click.option("--undo", is_flag=True, help="Remove what setup wrote, and only that.")
@click.option(
    "--codex-home", type=DIRECTORY, metavar="DIR", help="Codex's home (default: $CODEX_HOME, then ~/.codex)."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--codex", type=PROGRAM, metavar="PATH", help="The Codex to set up for (default: the first on PATH)."
)
def command(check: bool, undo: bool, codex_home: str | None, yes: bool, codex: str | None) -> int:
    """Show the session id in the pane title, for exact tracking.

    Adds `thread-id` and `thread-title` to `tui.terminal_title` in Codex's config.toml (`session-id` alone for Codex
    0.130 to 0.136) and keeps the rest of the file byte for byte. The id tells which conversation a pane shows; the
    name lets a window follow `/rename` at once. Shows the change and asks before writing; without a terminal, --yes
    is required. Keeps a copy of the file beside it. If the list spans several lines, or `tui` is no table of its own,
    it changes nothing and says what to write by hand.

    tmux's default status line shows the pane title, so it will show the id too. To show something else there, set
    status-right: docs/themes.md has a line to copy.

    Creates ~/.codex if it is missing; a home that you name must exist.
    """
    if check and undo:
        raise click.UsageError("--check and --undo do not go together")
    named = bool(codex_home or os.environ.get("CODEX_HOME"))
    path = config_of(os.path.expanduser(codex_home) if codex_home else default_home())
    if undo:
        return take_out(path, yes)
    items = items_for(codex_version(codex))
    if not check:
        return add(path, items, named, yes)
    if config_has_id(path, items[0]):
        click.echo(f"set: {path} has the session id in the title")
        return 0
    to_run = command_for(named, path.parent)
    click.echo(f"not set: {path} has no session id in the title; run: {to_run}")
    return 1
