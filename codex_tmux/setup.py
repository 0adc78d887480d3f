"""`codex-tmux setup`: have Codex write its session id into the pane title, the best evidence there is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from codex_tmux import setup_record
from codex_tmux.codex.title_config import (
    SESSION_ID,
    THREAD_ID,
    Change,
    add_item,
    change_adding,
    remove_item,
    title_has_id,
    title_items,
)
from codex_tmux.codex.version import Version, ask_version, version_beside
from codex_tmux.completion import DIRECTORY, PROGRAM
from codex_tmux.config_file import ConfigFile
from codex_tmux.errors import Problem
from codex_tmux.launcher import typed
from codex_tmux.shown_change import agreed, difference

__all__ = ["add_item", "command", "remove_item", "title_has_id"]

TRIES = 5


def codex_version(codex: str | None) -> Version | None:
    """The version of the Codex at `codex`, or of the first on PATH; None where none is or it does not say.

    Problem where `codex` is given and there is no such program, or it cannot be run.
    """
    found = shutil.which(codex or "codex")
    if found is None:
        if codex:
            raise Problem(f"{codex}: no such program; give --codex the Codex you use")
        return None
    try:
        return version_beside(found) or ask_version([found])
    except Problem:
        if codex:
            raise
        return None


def item_for(version: Version | None) -> str:
    """The title item by which this Codex shows the session id; the newest's where the version is unknown."""
    if version is None or version >= (0, 137, 0):
        return THREAD_ID
    if version >= (0, 130, 0):
        return SESSION_ID
    raise Problem(
        f"Codex {'.'.join(map(str, version))} cannot show the session id in the title: "
        "exact tracking by title is not available in that version; upgrade Codex to 0.137 or later"
    )


@contextmanager
def _about(path: Path) -> Iterator[None]:
    """Names the file in a Problem with its text."""
    try:
        yield
    except Problem as e:
        raise Problem(f"{path}: {e}") from e


def config_of(codex_home: str | None) -> tuple[ConfigFile, bool]:
    """The config of this Codex home, and whether the home was named (by option or CODEX_HOME)."""
    named = codex_home or os.environ.get("CODEX_HOME")
    home = Path(named).expanduser() if named else Path.home() / ".codex"
    return ConfigFile(Path(os.path.realpath(home)) / "config.toml"), bool(named)


def _add(file: ConfigFile, item: str, named: bool, yes: bool) -> int:
    home = file.path.parent
    made_home = not home.exists()
    if made_home and named:  # a typo more likely than a plan, and Codex does not start with such a home
        raise Problem(f"{home}: no such directory; make it first, or name another Codex home")
    shown: list[str] | None = None
    for _ in range(TRIES):
        before, text = file.text()
        with _about(file.path):
            change = change_adding(text, item)
            emptied = title_items(text) == []
        if change is None:
            click.echo(f"nothing to do: {file.path} has the session id in the title")
            return 0
        lines = difference(str(file.path), text, change.text)
        if not agreed(lines, shown, yes):
            click.echo("nothing written")
            return 1
        shown = lines
        record = _write(file, before, change, item, made_home)
        if record:
            click.echo(f"written: {file.path}" + (f" (backup: {record.backup})" if record.backup else ""))
            if emptied:
                click.echo("The title was switched off; it now shows the session id and nothing else.")
            click.echo("A Codex that already runs shows it after a restart (respawn its pane).")
            click.echo(f"To undo: {_command(named, home, '--undo')}")
            return 0
    raise Problem(f"{file.path}: kept changing while being edited; nothing written; try again")


def _write(
    file: ConfigFile, before: bytes | None, change: Change, item: str, made_home: bool
) -> setup_record.SetupRecord | None:
    """Copy, record, replace, in this order: at no moment is there a change that --undo does not know.

    Returns the record, None where the file changed meanwhile.
    """
    home = file.path.parent
    backup = None
    written = False
    try:
        if made_home:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
        after = change.text.encode()
        backup = None if before is None else file.back_up(before)
        record = setup_record.record_of(file.path, item, change.made, before, after, backup, made_home)
        setup_record.save(record)
        written = file.replace(before, after)
        return record if written else None
    except OSError as e:
        raise Problem(f"{home}: cannot be made: {e.strerror}") from e
    finally:
        if not written:
            setup_record.delete(file.path)
            if backup:
                backup.unlink(missing_ok=True)
            if made_home:
                _remove_if_empty(home)


def _remove_if_empty(directory: Path) -> None:
    with suppress(OSError):
        directory.rmdir()


def _undo(file: ConfigFile, yes: bool) -> int:
    record = setup_record.load(file.path)
    if record is None:
        click.echo(f"nothing to undo: codex-tmux has not changed {file.path}")
        return 0
    shown: list[str] | None = None
    for _ in range(TRIES):
        now, text = file.text()
        exact = now is not None and setup_record.digest(now) == record.after_sha256
        new: bytes | None
        if exact and now is not None:
            new = record.before(now)
        else:
            with _about(file.path):
                new = remove_item(text, record.item, record.made).encode()
            if new == (now or b""):
                setup_record.delete(file.path)
                click.echo(f"nothing to undo: {file.path} no longer has {record.item} in the title")
                return 0
            if not record.before_sha256 and not new.strip():
                new = None
        lines = difference(str(file.path), text, (new or b"").decode())
        if not agreed(lines, shown, yes):
            click.echo("nothing written")
            return 1
        shown = lines
        if file.replace(now, new):
            _clean_up(file, record, exact)
            click.echo(f"{'removed' if new is None else 'written'}: {file.path}{'' if exact else _KEPT}")
            return 0
    raise Problem(f"{file.path}: kept changing while being edited; nothing undone; try again")


_KEPT = " (it has changed since setup: only the item was taken out)"


def _clean_up(file: ConfigFile, record: setup_record.SetupRecord, exact: bool) -> None:
    """Leave nothing of ours behind; the copy stays where it differs from what the file is now."""
    setup_record.delete(file.path)
    if exact and record.backup:
        Path(record.backup).unlink(missing_ok=True)
    if record.made_home:
        _remove_if_empty(file.path.parent)  # it is not once Codex lives there


def _check(file: ConfigFile, item: str, named: bool) -> int:
    _, text = file.text()
    with _about(file.path):
        has = title_has_id(text, item)
    if has:
        click.echo(f"set: {file.path} has the session id in the title")
        return 0
    click.echo(
        f"not set: {file.path} has no session id in the title; run: {_command(named, file.path.parent)}"
    )
    return 1


def _command(named: bool, home: Path, *options: str) -> str:
    home_option = ["--codex-home", str(home)] if named else []
    return typed("setup", *options, *home_option)


@click.command(
    short_help="Show the session id in the pane title, for exact tracking.",
    epilog="Example: codex-tmux setup --check || codex-tmux setup",
)
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
    """Show the session id in the pane title, where codex-tmux reads it.

    Adds `thread-id` to `tui.terminal_title` in Codex's config.toml (`session-id` for Codex 0.130 to 0.136) and keeps
    the rest of the file byte for byte. Shows the change and asks before writing; without a terminal, --yes is
    required. Keeps a copy of the file beside it.

    tmux's default status line shows the pane title, so it will show the id too. To show something else there, set
    status-right: docs/themes.md has a line to copy.

    Creates ~/.codex if it is missing; a home that you name must exist.
    """
    if check and undo:
        raise click.UsageError("--check and --undo do not go together")
    file, named = config_of(codex_home)
    if undo:
        return _undo(file, yes)
    item = item_for(codex_version(codex))
    return _check(file, item, named) if check else _add(file, item, named, yes)
