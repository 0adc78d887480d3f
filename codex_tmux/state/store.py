"""The state file: locked while it changes, replaced whole, recovered when broken."""

import errno
import os
import stat
import sys
from datetime import datetime, timezone
from typing import NamedTuple

import tomli_w

from codex_tmux.log import log
from codex_tmux.new_file import unlink_if_there, write_new
from codex_tmux.paths import make_state_dir, state_dir
from codex_tmux.state.lock import StateError as StateError
from codex_tmux.state.lock import lock as lock
from codex_tmux.state.lock import reason
from codex_tmux.state.records import HEAD, VERSION, Record, RecordError, record_of, to_toml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = "state.toml"
BACKUP = "state.toml.last"
TEMPORARY = f".{NAME}.new"
SECOND_NAME = f".{BACKUP}"
TOO_LARGE = 8 * 1024 * 1024
"""Bytes beyond which a state file is not ours: a thousand records take about 600 KB."""


class NewerVersion(StateError):
    """The state file was written by a newer codex-tmux: it is left alone."""


class Loaded(NamedTuple):
    """What the state file held: its records, and what is wrong with it, "" where all of it was understood."""

    records: tuple[Record, ...]
    broken: str = ""


def load() -> tuple[Record, ...]:
    """The records on disk, for whoever holds `lock()` and may save; none where there is no state file.

    A file that cannot be understood is set aside for good, and what is recovered takes its place. Raises
    NewerVersion for a file of a newer codex-tmux, StateError where the file cannot be read at all.
    """
    records, broken = read()
    if broken:
        aside = f"{NAME}.broken-{datetime.now(timezone.utc):%Y%m%dT%H%M%S.%fZ}"
        write(records, aside)
        moved_to = os.path.join(state_dir(), aside)
        log("state.broken", file=state_path(), moved_to=moved_to, recovered=len(records), why=broken)
    return records


def peek() -> tuple[Record, ...]:
    """The records on disk, for whoever only looks: needs no lock, changes nothing. Raises as `load` does."""
    return read().records


def save(records: tuple[Record, ...]) -> None:
    """Replace the state file by one that holds `records`; on return it is on the disk.

    Only under `lock()`, and after `load()`, which refuses a file of a newer version. The file that was there becomes
    the backup. Raises StateError; the old file is then still there.
    """
    write(records, BACKUP)


def read() -> Loaded:
    """What the state file holds. Of a file that cannot be understood the last good one answers; of one with a broken
    entry the good ones count, and the last good one answers for the rest. Raises as `load` does."""
    path = state_path()
    try:
        records, broken = parse(read_file(path))
    except FileNotFoundError:
        return Loaded(())
    except (ValueError, RecursionError) as e:
        return Loaded(last_good(), (str(e) or type(e).__name__).splitlines()[0][:200])
    except OSError as e:
        raise StateError(f"{path} cannot be read: {reason(e)}") from e
    if broken:
        sessions = {r.session_id for r in records}
        records += tuple(r for r in last_good() if r.session_id not in sessions)
    return Loaded(records, broken[0] if broken else "")


def last_good() -> tuple[Record, ...]:
    """The records of the last good file; none where there is none or it is broken too. Raises StateError where the
    disk does not tell: then it may still be there."""
    path = os.path.join(state_dir(), BACKUP)
    try:
        return parse(read_file(path))[0]
    except (FileNotFoundError, ValueError, RecursionError, StateError):
        return ()
    except OSError as e:
        raise StateError(f"{path} cannot be read: {reason(e)}") from e


def state_path() -> str:
    return os.path.join(state_dir(), NAME)


def read_file(path: str) -> bytes:
    """The bytes of a state file. Raises StateError where it is not an ordinary file of this user's."""
    # O_NONBLOCK: a FIFO put in its place must not hang a hook.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise StateError(f"{path} is not an ordinary file; move it away")
        if status.st_uid not in (os.geteuid(), 0):
            raise StateError(f"{path} belongs to user {status.st_uid}, not to you; it is not trusted")
        if status.st_size > TOO_LARGE:
            raise ValueError(f"{status.st_size} bytes are no state file")
        data = b""
        while chunk := os.read(fd, 1 << 20):
            data += chunk
        return data
    finally:
        os.close(fd)


def parse(data: bytes) -> tuple[tuple[Record, ...], list[str]]:
    """The records in a state file's bytes, and what is wrong with the entries that are none.

    Raises ValueError where it is no state file, NewerVersion for a newer one.
    """
    document = tomllib.loads(data.decode("utf-8"))
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"version is {version!r}")
    if version > VERSION:
        raise NewerVersion(
            f"{state_path()} is of version {version}; this codex-tmux knows {VERSION}: update it"
        )
    entries = document.get("panes", [])
    if not isinstance(entries, list):
        raise ValueError("panes is not a list")
    records, broken = [], []
    for number, entry in enumerate(entries, 1):
        try:
            records.append(record_of(entry))
        except RecordError as e:
            broken.append(f"entry {number}: {e}")
    return tuple(records), broken


def write(records: tuple[Record, ...], former: str) -> None:
    """Replace the state file by one that holds `records`; what was there stays in the directory, named `former`."""
    data = (HEAD + tomli_w.dumps(to_toml(records))).encode()
    try:
        directory = make_state_dir()
        # Under the lock it is nobody else's: what is there is left from a process that was killed.
        temporary = os.path.join(directory, TEMPORARY)
        unlink_if_there(temporary)
        write_new(temporary, data)
        try:
            keep(directory, former)
            os.replace(temporary, os.path.join(directory, NAME))
        except OSError:
            unlink_if_there(temporary)
            raise
        sync_directory(directory)
    except OSError as e:
        raise StateError(f"{state_dir()}: the state cannot be saved: {reason(e)}") from e


def keep(directory: str, former: str) -> None:
    """Give what the state file holds the name `former` too, by a copy: in no moment is either missing."""
    second = os.path.join(directory, SECOND_NAME)
    unlink_if_there(second)
    try:
        with open(os.path.join(directory, NAME), "rb") as file:
            write_new(second, file.read())
    except FileNotFoundError:
        return  # the first save
    os.replace(second, os.path.join(directory, former))


def sync_directory(directory: str) -> None:
    """Put the rename itself on the disk."""
    fd = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as e:
        if e.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems know no such thing
            raise
    finally:
        os.close(fd)
