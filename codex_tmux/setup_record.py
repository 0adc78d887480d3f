"""What `setup` did to one config, kept so that `setup --undo` can take it back."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import tomli_w

from codex_tmux.codex.title_config import Made
from codex_tmux.errors import Problem
from codex_tmux.lock import reason
from codex_tmux.paths import state_dir

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

VERSION = 1
HEAD = (
    "# What `codex-tmux setup` put into a Codex config; `codex-tmux setup --undo` reads it and deletes it.\n"
)


def digest(data: bytes | None) -> str:
    """The name of these bytes; "" for no file."""
    return "" if data is None else hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class SetupRecord:
    """The one contiguous change from `before` to `after`: enough to go back without a copy of the config."""

    config: str
    item: str
    made: Made
    before_sha256: str
    """"" where there was no file."""
    after_sha256: str
    at: int
    """Offset of the change, in bytes."""
    was: str
    """What stood there, in hex."""
    length: int
    """How many bytes stand there now."""
    backup: str
    """The copy of the whole file beside it, "" where there was none."""
    made_home: bool

    def before(self, after: bytes) -> bytes | None:
        """The config as it was, from `after`, whose digest is `after_sha256`."""
        if not self.before_sha256:
            return None
        data = after[: self.at] + bytes.fromhex(self.was) + after[self.at + self.length :]
        if digest(data) != self.before_sha256:
            raise Problem(f"{self.config}: the undo record does not fit; its copy is {self.backup}")
        return data


def _common(a: bytes, b: bytes) -> int:
    """How many bytes `a` and `b` begin with in common."""
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def record_of(
    config: Path,
    item: str,
    made: Made,
    before: bytes | None,
    after: bytes,
    backup: Path | None,
    made_home: bool,
) -> SetupRecord:
    """The record of a change that is about to be written."""
    old = before or b""
    start = _common(old, after)
    end = _common(old[start:][::-1], after[start:][::-1])
    return SetupRecord(
        config=str(config),
        item=item,
        made=made,
        before_sha256=digest(before),
        after_sha256=digest(after),
        at=start,
        was=old[start : len(old) - end].hex(),
        length=len(after) - end - start,
        backup=str(backup or ""),
        made_home=made_home,
    )


def _path(config: Path) -> Path:
    return Path(state_dir(), "setup") / f"{digest(os.fsencode(config))[:16]}.toml"


def save(record: SetupRecord) -> None:
    """Write the record, 0600, in place of an older one of the same config."""
    path = _path(Path(record.config))
    temporary = path.with_suffix(".new")
    try:
        for directory in (path.parent.parent, path.parent):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
            f.write(HEAD + tomli_w.dumps({"version": VERSION, **asdict(record)}))
            f.flush()
            os.fsync(f.fileno())
        os.replace(temporary, path)
    except OSError as e:
        raise Problem(
            f"{path.parent}: cannot keep the undo record there: {reason(e)}. Nothing was changed"
        ) from e


def load(config: Path) -> SetupRecord | None:
    """The record of this config, None where `setup` has nothing to take back."""
    path = _path(config)
    try:
        data = tomllib.loads(path.read_text())
        if data.pop("version") != VERSION:
            raise Problem(f"{path}: written by another version of codex-tmux; undo with that one")
        return SetupRecord(**data)
    except FileNotFoundError:
        return None
    except OSError as e:
        raise Problem(f"{path}: cannot be read: {e.strerror}") from e
    except (ValueError, KeyError, TypeError) as e:
        raise Problem(
            f"{path}: damaged ({e}); take the item out of {config} by hand, then delete this file"
        ) from e


def delete(config: Path) -> None:
    """Forget the record of this config, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        _path(config).unlink()
