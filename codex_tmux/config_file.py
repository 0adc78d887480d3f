"""One of the user's own files, Codex's `config.toml` or tmux.conf: replaced whole, never over what another program
just wrote."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from codex_tmux.errors import Problem


@dataclass(frozen=True)
class ConfigFile:
    """One file, by the name the user knows it by; it may be a link into somebody's dotfiles."""

    path: Path

    @property
    def target(self) -> Path:
        """The file behind the link; the same file where there is no link."""
        return Path(os.path.realpath(self.path))

    def read(self) -> bytes | None:
        """The bytes of the file, None where there is none."""
        try:
            return self.target.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as e:
            raise Problem(f"{self.path}: cannot be read: {e.strerror}") from e

    def text(self) -> tuple[bytes | None, str]:
        """The bytes of the file and what they say ("" where there is none); Problem where it is not UTF-8."""
        data = self.read()
        try:
            return data, (data or b"").decode()
        except UnicodeDecodeError as e:
            line = (data or b"").count(b"\n", 0, e.start) + 1
            raise Problem(
                f"{self.path}: not UTF-8 (line {line}); Codex cannot read it either: mend it first"
            ) from e

    def back_up(self, data: bytes) -> Path:
        """Write `data` beside the file under a name of its own, 0600; returns where."""
        stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        for n in range(1, 1000):
            path = self.path.with_name(f"{self.path.name}.codex-tmux-{stamp}{f'-{n}' if n > 1 else ''}")
            try:
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue
            except OSError as e:
                raise Problem(
                    f"{path.parent}: cannot write the backup there: {e.strerror}; nothing changed"
                ) from e
            with open(fd, "wb") as f:
                f.write(data)
                f.flush()
                os.fsync(f.fileno())
            return path
        raise Problem(f"{self.path.parent}: too many backups of this second; nothing changed")

    def replace(self, read: bytes | None, new: bytes | None) -> bool:
        """Make the file hold `new` (None: be gone) if it still holds `read`; returns False where it does not.

        Readers see the old file or the new one, whole; after a power cut too. The mode stays, and the owner
        where the system lets us. Problem where file or directory are read-only.
        """
        target = self.target
        self._check_writable(target)
        temporary: Path | None = None
        try:
            if new is not None:
                temporary = _write_beside(target, new)
            # Codex writes this file too, without a lock: as late as possible, look whether it did.
            if not self._still(read):
                return False
            if temporary is None:
                target.unlink(missing_ok=True)
            else:
                os.rename(temporary, target)
                temporary = None
            _sync_directory(target.parent)
        except OSError as e:
            raise Problem(f"{target.parent}: cannot replace {target.name} there: {e.strerror}") from e
        finally:
            if temporary is not None:
                temporary.unlink(missing_ok=True)
        return True

    def _still(self, read: bytes | None) -> bool:
        return self.read() == read

    def _check_writable(self, target: Path) -> None:
        """A rename would go over a read-only file without a word: who made it so meant it (Nix does)."""
        with contextlib.suppress(FileNotFoundError):
            mode = target.stat().st_mode
            if not stat.S_ISREG(mode):
                raise Problem(f"{target}: not a regular file")
            if not mode & 0o222 or not os.access(
                target, os.W_OK, effective_ids=os.access in os.supports_effective_ids
            ):
                raise Problem(f"{target}: read-only; make it writable, or change it where it is generated")


def _write_beside(target: Path, data: bytes) -> Path:
    fd, name = tempfile.mkstemp(prefix=f".{target.name}.codex-tmux-", dir=target.parent)  # 0600
    try:
        with open(fd, "wb") as f:
            f.write(data)
            with contextlib.suppress(FileNotFoundError):
                old = target.stat()
                with contextlib.suppress(PermissionError):  # only root may give a file away
                    os.fchown(fd, old.st_uid, old.st_gid)
                os.fchmod(fd, stat.S_IMODE(old.st_mode))
            f.flush()
            os.fsync(fd)
    except BaseException:
        os.unlink(name)
        raise
    return Path(name)


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems refuse; the rename stands all the same
            os.fsync(fd)
    finally:
        os.close(fd)
