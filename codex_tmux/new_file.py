"""A new file that is whole and on the disk, ready to be renamed over an older one."""

import contextlib
import os


def write_new(path: str, data: bytes) -> None:
    """Make a file of `data`, 0600, that is on the disk on return; none where that fails. Raises OSError."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            while data:
                data = data[os.write(fd, data) :]
            os.fsync(fd)  # before the rename: else a power cut may leave the new name with no content
        finally:
            os.close(fd)
    except OSError:
        unlink_if_there(path)
        raise


def unlink_if_there(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
