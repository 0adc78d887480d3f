"""A file of the user's (tmux.conf, Codex's config.toml): a change is shown, agreed to, and made whole or not at all."""

import contextlib
import difflib
import os
import re
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

import click

from codex_tmux.errors import Problem
from codex_tmux.new_file import unlink_if_there, write_new

COLOURS = {"+": "green", "-": "red", "@": "cyan"}
TRIES = 5
"""How often a file may change while it is edited."""


@dataclass(frozen=True)
class UserFile:
    """One file, by the name the user knows it by; it may be a link into somebody's dotfiles."""

    path: Path

    @property
    def target(self) -> Path:
        return Path(os.path.realpath(self.path))

    def read(self) -> bytes | None:
        try:
            return self.target.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as e:
            raise Problem(f"{self.path}: cannot be read: {e.strerror}") from e

    def back_up(self, data: bytes) -> Path:
        """Write `data` beside the file under a name of its own, 0600; returns where."""
        stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
        path = self.path.with_name(f"{self.path.name}.codex-tmux-{stamp}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_new(str(path), data)
        except OSError as e:
            raise Problem(
                f"{path.parent}: cannot write the backup there: {e.strerror}; nothing changed"
            ) from e
        return path

    def backups(self) -> list[Path]:
        found = self.path.parent.glob(f"{self.path.name}.codex-tmux-*Z*")
        return sorted((path for path in found if path.is_file() and not path.is_symlink()), reverse=True)

    def remove_backups(self) -> None:
        """Remove the copies that hold what the file holds again."""
        now = self.read() or b""
        for backup in self.backups():
            if backup.read_bytes() == now:
                backup.unlink()

    def replace(self, read: bytes | None, new: bytes | None) -> bool:
        """Make the file hold `new` (None: be gone) if it still holds `read`; returns False where it does not.

        Readers see the old file or the new one, whole; after a power cut too. The mode stays, and the owner
        where the system lets us. Problem where file or directory are read-only.
        """
        target = self.target
        _check_writable(target)
        temporary = str(target.with_name(f".{target.name}.codex-tmux-{os.getpid()}"))
        unlink_if_there(temporary)
        try:
            if new is not None:
                write_new(temporary, new)
                _like(target, temporary)
            # Codex writes its config too, without a lock: as late as possible, look whether it did.
            if not self.still_holds(read):
                return False
            if new is None:
                target.unlink(missing_ok=True)
            else:
                os.rename(temporary, target)
        except OSError as e:
            raise Problem(f"{target.parent}: cannot replace {target.name} there: {e.strerror}") from e
        finally:
            unlink_if_there(temporary)
        return True

    def still_holds(self, read: bytes | None) -> bool:
        return self.read() == read


def _check_writable(target: Path) -> None:
    """A rename would go over a read-only file without a word: who made it so meant it (Nix does)."""
    with contextlib.suppress(FileNotFoundError):
        mode = target.stat().st_mode
        if not stat.S_ISREG(mode):
            raise Problem(f"{target}: not a regular file")
        if not mode & 0o222 or not os.access(target, os.W_OK):
            raise Problem(f"{target}: read-only; make it writable, or change it where it is generated")


def _like(target: Path, temporary: str) -> None:
    """Give a file the mode of `target`, where that is there, and its owner where the system lets us."""
    with contextlib.suppress(FileNotFoundError):
        old = target.stat()
        with contextlib.suppress(PermissionError):  # only root may give a file away
            os.chown(temporary, old.st_uid, old.st_gid)
        os.chmod(temporary, stat.S_IMODE(old.st_mode))


class Rewritten(NamedTuple):
    """What became of a file: its bytes before and after (None: no file), whether the user agreed."""

    old: bytes | None
    new: bytes | None
    agreed: bool = True

    @property
    def changed(self) -> bool:
        return self.new != self.old


def rewrite(
    file: UserFile,
    changed: Callable[[bytes | None], bytes | None],
    yes: bool,
    keep_copy: bool,
    nothing: str = "",
) -> Rewritten:
    """Make of a file what `changed` makes of its bytes, once the user has seen that and agreed, and say so; `nothing`
    is said where that changes nothing. Raises Problem.

    The copy comes first, an empty one where there is no file: a change without a copy cannot be undone.
    """
    shown: list[str] | None = None
    for _ in range(TRIES):
        old = file.read()
        try:
            new = changed(old)
        except Problem as e:
            raise Problem(f"{file.path}: {e}") from e
        if new == old:
            if nothing:
                click.echo(nothing)
            return Rewritten(old, new)
        lines = difference(str(file.path), *((data or b"").decode(errors="replace") for data in (old, new)))
        if lines != shown and not agreed(lines, yes):
            click.echo("nothing written")
            return Rewritten(old, old, agreed=False)
        shown = lines
        if replaced(file, old, new, keep_copy):
            return Rewritten(old, new)
    raise Problem(f"{file.path}: kept changing while being edited; nothing written; try again")


def replaced(file: UserFile, old: bytes | None, new: bytes | None, keep_copy: bool) -> bool:
    """Make the file hold `new`, and say so; False, and no copy, where it holds `old` no more."""
    backup = file.back_up(old or b"") if keep_copy else None
    written = False
    try:
        written = file.replace(old, new)
    finally:
        if backup and not written:
            backup.unlink(missing_ok=True)
    if written:
        copy = f" (backup: {backup})" if backup and old is not None else ""
        click.echo(f"{'removed' if new is None else 'written'}: {file.path}{copy}")
    return written


def difference(name: str, old: str, new: str) -> list[str]:
    lines: list[str] = []
    # splitlines() would also break at characters that end no line in TOML or in tmux.conf
    before, after = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (old, new))
    for line in difflib.unified_diff(before, after, name, f"{name} (new)"):
        lines.append(line.rstrip("\r\n"))
        if not line.endswith("\n"):
            lines.append("\\ no newline at the end of the file")
    return lines


def agreed(lines: list[str], yes: bool) -> bool:
    """Show the change and ask. Raises Problem where nobody can be asked."""
    for n, line in enumerate(lines):
        colour = COLOURS.get(line[:1]) if n > 1 else None  # the first two name the file
        click.echo(click.style(line, fg=colour) if colour else line)
    if not yes and not sys.stdin.isatty():
        raise Problem("standard input is not a terminal, so nothing was written; to write it: --yes")
    return yes or click.confirm("Write this?", default=True)
