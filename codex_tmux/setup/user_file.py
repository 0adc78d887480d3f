"""A file of the user's (tmux.conf, Codex's config.toml): a change is shown, agreed to, and made whole or not at all."""

import contextlib
import difflib
import os
import stat
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import click

from codex_tmux.errors import Problem
from codex_tmux.new_file import unlink_if_there, write_new

COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def read(path: Path) -> bytes | None:
    """What the file holds, None where there is none; it may be a link into somebody's dotfiles. Raises Problem."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as e:
        raise Problem(f"{path}: cannot be read: {e.strerror}") from e


def back_up(path: Path, data: bytes) -> Path:
    """Write `data` beside the file under a name of its own, 0600; returns where."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
    copy = path.with_name(f"{path.name}.codex-tmux-{stamp}")
    try:
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_new(str(copy), data)
    except OSError as e:
        raise Problem(f"{copy.parent}: cannot write the backup there: {e.strerror}; nothing changed") from e
    return copy


def backups(path: Path) -> list[Path]:
    """The copies of the file, newest first."""
    found = path.parent.glob(f"{path.name}.codex-tmux-*Z*")
    return sorted((copy for copy in found if copy.is_file() and not copy.is_symlink()), reverse=True)


def replace(path: Path, old: bytes | None, new: bytes | None) -> None:
    """Make the file hold `new` (None: be gone), which held `old`.

    Readers see the old file or the new one, whole; after a power cut too. Mode and owner stay. Problem where the file
    holds something else by now, or file or directory are read-only.
    """
    target = Path(os.path.realpath(path))
    # A rename would go over a read-only file without a word: who made it so meant it (Nix does).
    if target.exists() and (not target.stat().st_mode & 0o222 or not os.access(target, os.W_OK)):
        raise Problem(f"{target}: read-only; make it writable, or change it where it is generated")
    if target.exists() and not target.is_file():  # a rename would put a file in the place of /dev/null
        raise Problem(f"{target}: not a regular file")
    temporary = str(target.with_name(f".{target.name}.codex-tmux-{os.getpid()}"))
    unlink_if_there(temporary)
    try:
        if new is not None:
            write_new(temporary, new)
            with contextlib.suppress(FileNotFoundError):
                was = target.stat()
                with contextlib.suppress(PermissionError):  # only root may give a file away
                    os.chown(temporary, was.st_uid, was.st_gid)
                os.chmod(temporary, stat.S_IMODE(was.st_mode))
        # Codex writes its config too, without a lock: as late as possible, look whether it did.
        if read(path) != old:
            raise Problem(f"{path}: another program has just changed it; nothing written; try again")
        if new is None:
            target.unlink(missing_ok=True)
        else:
            os.rename(temporary, target)
    except OSError as e:
        raise Problem(f"{target.parent}: cannot replace {target.name} there: {e.strerror}") from e
    finally:
        unlink_if_there(temporary)


def rewrite(
    path: Path,
    changed: Callable[[bytes | None], bytes | None],
    yes: bool,
    nothing: str,
    undo: bool = False,
) -> bool:
    """Make of a file what `changed` makes of its bytes (None: no file), once the user has seen that and agreed.

    Returns whether it is another one now; `nothing` is said where not. Exits with 1 where the user says no. Raises
    Problem. A copy comes first, an empty one where there is no file: a change without a copy cannot be undone. `undo`
    needs none, and removes the copies that hold what the file holds again.
    """
    old = read(path)
    try:
        new = changed(old)
    except Problem as e:
        raise Problem(f"{path}: {e}") from e
    if new == old:
        click.echo(nothing)
        return False
    ask(str(path), old or b"", new or b"", yes)
    if not undo:
        write_with_copy(path, old, new)
        return True
    replace(path, old, new)
    click.echo(f"{'removed' if new is None else 'written'}: {path}")
    for copy in backups(path):
        if copy.read_bytes() == (new or b""):
            copy.unlink()
    return True


def write_with_copy(path: Path, old: bytes | None, new: bytes | None) -> None:
    backup = back_up(path, old or b"")
    try:
        replace(path, old, new)
    except Problem:
        backup.unlink(missing_ok=True)
        raise
    click.echo(f"written: {path}" + (f" (backup: {backup})" if old is not None else ""))


def ask(name: str, old: bytes, new: bytes, yes: bool) -> None:
    """Show the change and ask. Raises Problem where nobody can be asked."""
    before, after = (data.decode(errors="replace").split("\n") for data in (old, new))
    for n, line in enumerate(difflib.unified_diff(before, after, name, f"{name} (new)", lineterm="")):
        colour = COLOURS.get(line[:1]) if n > 1 else None  # the first two name the file
        click.echo(click.style(line.rstrip("\r"), fg=colour))
    if yes:
        return
    if not sys.stdin.isatty():
        raise Problem("standard input is not a terminal, so nothing was written; to write it: --yes")
    if not click.confirm("Write this?", default=True):
        click.echo("nothing written")
        sys.exit(1)
