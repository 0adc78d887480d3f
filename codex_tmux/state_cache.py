"""The records of the state file, parsed: a copy that spares a sync the TOML parser, half of its budget.

The state file alone is the truth. The copy counts only while that file is the very one it was made from (inode,
size, time), and is let go for anything else.
"""

from __future__ import annotations

import marshal
import os
import stat
import sys
import zlib

from codex_tmux.c_datetime import datetime, timezone
from codex_tmux.paths import state_dir
from codex_tmux.records import VERSION, Record
from codex_tmux.store import NAME as STATE
from codex_tmux.store import unlink_quietly

NAME = "state.cache"
TAG = (VERSION, sys.hexversion, Record._fields)
"""What else must be as it was when the copy was made."""


def stamp() -> tuple[int, int, int] | None:
    """What tells the state file from any other one; None where it is no ordinary file of this user's."""
    try:
        status = os.lstat(os.path.join(state_dir(), STATE))
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def get() -> tuple[Record, ...] | None:
    """The records of the state file as it is now; None where there is no true copy of them."""
    try:
        fd = os.open(
            os.path.join(state_dir(), NAME), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        )
    except OSError:
        return None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            return None
        data = os.read(fd, status.st_size)
        if zlib.crc32(data[4:]) != int.from_bytes(data[:4], "big"):
            return None
        made_of, tag, rows = marshal.loads(data[4:])
        current = stamp()
        if current is None or (tuple(made_of), tag) != (current, TAG):
            return None
        return tuple(unpack(row) for row in rows)
    except (OSError, ValueError, EOFError, TypeError):
        return None
    finally:
        os.close(fd)


def put(records: tuple[Record, ...]) -> None:
    """Keep a copy of what the state file holds now. One that cannot be kept is let go. Only under the state's lock."""
    made_of = stamp()
    if made_of is None:
        return
    data = marshal.dumps((made_of, TAG, [pack(r) for r in records]))
    path = os.path.join(state_dir(), NAME)
    try:
        unlink_quietly(path + ".new")
        fd = os.open(
            path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        try:
            # No fsync: a copy that a power cut spoils has another checksum.
            os.write(fd, zlib.crc32(data).to_bytes(4, "big") + data)
        finally:
            os.close(fd)
        os.replace(path + ".new", path)
    except OSError:
        unlink_quietly(path + ".new")


def pack(record: Record) -> tuple[object, ...]:
    """A record in what marshal knows."""
    return tuple(
        record._replace(
            updated_at=record.updated_at.timestamp(),  # type: ignore[arg-type]
            revivals=tuple(t.timestamp() for t in record.revivals),  # type: ignore[misc]
        )
    )


def unpack(row: tuple[object, ...]) -> Record:
    """The record that `pack` packed."""
    record = Record(*row)  # type: ignore[arg-type]
    return record._replace(
        updated_at=datetime.fromtimestamp(record.updated_at, timezone.utc),  # type: ignore[arg-type]
        revivals=tuple(datetime.fromtimestamp(t, timezone.utc) for t in record.revivals),  # type: ignore[arg-type]
    )
