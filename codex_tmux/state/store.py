"""The state file: locked while it changes, replaced whole, recovered when broken."""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
import zlib
from typing import NamedTuple

import tomli_w

from codex_tmux.log import log
from codex_tmux.paths import make_state_dir, state_dir
from codex_tmux.state.lock import StateError as StateError
from codex_tmux.state.lock import lock as lock
from codex_tmux.state.lock import reason
from codex_tmux.state.records import END, HEAD, VERSION, Record, RecordError, record_of, to_toml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = "state.toml"
BACKUP = "state.toml.last"
TEMPORARY = f".{NAME}.new"
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
    loaded = read()
    if not loaded.broken:
        return loaded.records
    path = os.path.join(state_dir(), NAME)
    aside = set_aside(path, loaded.broken)
    if loaded.records:
        # At once: a process that is killed between the two must not leave a state without its records.
        try:
            write(loaded.records, backup=False)
        except StateError:
            os.replace(aside, path)  # the next one will try again, and needs no second copy
            raise
    elif os.path.lexists(path):
        os.unlink(path)
    log("state.broken", file=path, moved_to=aside, recovered=len(loaded.records), why=loaded.broken)
    return loaded.records


def peek() -> tuple[Record, ...]:
    """The records on disk, for whoever only looks: needs no lock, changes nothing. Raises as `load` does."""
    return read().records


def read() -> Loaded:
    """What the state file holds. Of a file that cannot be understood the last good one answers; of one with a broken
    entry the good ones count, and the last good one answers for the rest. Raises as `load` does."""
    path = os.path.join(state_dir(), NAME)
    try:
        records, broken = parse(read_file(path))
    except FileNotFoundError:
        return Loaded(())
    except (ValueError, RecursionError) as e:
        return Loaded(last_good(), first_line(e))
    except OSError as e:
        raise StateError(f"{path} cannot be read: {reason(e)}") from e
    if broken:
        sessions = {r.session_id for r in records}
        records += tuple(r for r in last_good() if r.session_id not in sessions)
    return Loaded(records, broken[0] if broken else "")


def set_aside(path: str, why: str) -> str:
    """Give a broken state file a name of its own, never another one's, and return that."""
    stem = aside = f"{path}.broken-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}"
    number = 1
    while os.path.lexists(aside):
        number += 1
        aside = f"{stem}-{number}"
    try:
        try:
            # It stays where it is, too, until the recovered one replaces it.
            os.link(path, aside, follow_symlinks=False)
        except OSError:
            os.replace(path, aside)  # a file system without hard links
    except OSError as e:
        raise StateError(f"{path} is broken ({why}) and cannot be set aside: {reason(e)}") from e
    return aside


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


def first_line(e: Exception) -> str:
    """What an exception says, in one line."""
    return (str(e) or type(e).__name__).splitlines()[0][:200]


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
    check_whole(data)
    document = parse_toml(data.decode("utf-8"))
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"version is {version!r}")
    if version > VERSION:
        raise newer_version(version)
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


def sealed(text: str) -> bytes:
    """The content of a state file with the line that tells damage: cut off between two entries it would still parse."""
    data = text.encode("utf-8")
    return data + f"{END}{zlib.crc32(data):08x}\n".encode()


def check_whole(data: bytes) -> None:
    """Raise ValueError where bytes that `sealed` made have changed. What a person wrote has no such head."""
    if not data.startswith(HEAD.encode()):
        return
    content, end, checksum = data.rpartition(END.encode())
    if not end:
        raise ValueError("it was cut off: its last line is missing")
    if checksum != f"{zlib.crc32(content):08x}\n".encode():
        raise ValueError("its checksum is wrong: it was damaged, or changed by hand")


def parse_toml(text: str) -> dict[str, object]:
    """TOML text as values. Raises ValueError."""
    document: dict[str, object] = tomllib.loads(text)
    return document


def save(records: tuple[Record, ...]) -> None:
    """Replace the state file by one that holds `records`; on return it is on the disk.

    Only under `lock()`. The file that was there becomes the backup. Raises StateError; the old file is then
    still there.
    """
    write(records, backup=True)


def write(records: tuple[Record, ...], backup: bool) -> None:
    """As `save`; without `backup` the file that was there is not kept, as it is no good one."""
    data = sealed(HEAD + tomli_w.dumps(to_toml(records)))
    try:
        directory = make_state_dir()
        path = os.path.join(directory, NAME)
        refuse_newer(path)
        # Under the lock it is nobody else's: what is there is left from a process that was killed.
        temporary = os.path.join(directory, TEMPORARY)
        unlink_quietly(temporary)
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            try:
                write_all(fd, data)
                os.fsync(fd)  # before the rename: else a power cut may leave the new name with no content
            finally:
                os.close(fd)
            if backup:
                keep_backup(directory, path)
            os.replace(temporary, path)
        except OSError:
            unlink_quietly(temporary)
            raise
        fsync_directory(directory)
    except OSError as e:
        raise StateError(f"{state_dir()}: the state cannot be saved: {reason(e)}") from e


def refuse_newer(path: str) -> None:
    """Raise NewerVersion where the file that is about to be replaced is of a newer codex-tmux.

    Whoever saves has loaded before, so this costs no parser; it is for a file that came in between.
    """
    try:
        head = read_file(path)[:4096].decode("utf-8", "replace")
    except (OSError, ValueError, StateError):
        return  # what cannot be read is no newer file: replacing it, or failing to, is up to the rename
    for line in head.splitlines():
        name, _, value = (part.strip() for part in line.partition("="))
        is_number = value.isascii() and value.isdigit() and len(value) < 10
        if name == "version" and is_number and int(value) > VERSION:
            raise newer_version(value)


def newer_version(version: object) -> NewerVersion:
    """The error for a file of that version."""
    path = os.path.join(state_dir(), NAME)
    return NewerVersion(f"{path} is of version {version}; this codex-tmux knows {VERSION}: update it")


def keep_backup(directory: str, path: str) -> None:
    """Make the file that is about to be replaced the backup, without a moment in which it is missing."""
    link = os.path.join(directory, f".{BACKUP}")
    unlink_quietly(link)
    try:
        os.link(path, link)
    except FileNotFoundError:
        return
    except OSError:
        return  # a file system without hard links has no backup; the state file itself is safe all the same
    try:
        os.replace(link, os.path.join(directory, BACKUP))
    finally:
        # Where both are the same file already (a save was killed right here), rename(2) leaves both names.
        unlink_quietly(link)


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data`; a short write is not an error by itself."""
    while data:
        data = data[os.write(fd, data) :]


def fsync_directory(directory: str) -> None:
    """Put the rename itself on the disk."""
    fd = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as e:
        if e.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems know no such thing
            raise
    finally:
        os.close(fd)


def unlink_quietly(path: str) -> None:
    """Remove a file if it is there."""
    try:
        os.unlink(path)
    except OSError:
        pass
