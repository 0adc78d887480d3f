"""Codex's database, read only: its table `threads` has a row a session, with columns that differ by version."""

import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

from codex_tmux.paths import names_in

Sql = str | Callable[[set[str]], str]
"""A query; or what makes one for the columns that `threads` has."""


class Database:
    """The databases of one folder. Codex counts up when it changes the form; the newest that can be read is asked."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def files(self) -> list[str]:
        matches = (re.fullmatch(r"state_([0-9]+)\.sqlite", name) for name in names_in(self.folder))
        found = sorted(filter(None, matches), key=lambda match: int(match[1]), reverse=True)
        return [os.path.join(self.folder, match[0]) for match in found]

    def rows(self, sql: Sql, *values: object, word: str = "") -> list[dict[str, Any]]:
        """The rows of the first database that answers; none where none does. In the query `has_word(blob)` tells
        whether `word` is in it, in any case."""
        for path in self.files():
            # Read-only, a database in WAL mode that nobody has open gets a -wal and a -shm, which then stay.
            in_use = os.path.exists(f"{path}-wal") or os.path.exists(f"{path}-journal")
            # Immutable alone would make a database that is not there (any more).
            ways = ("mode=ro", "mode=ro&immutable=1")
            for how in ways if in_use else reversed(ways):
                try:
                    with closing(sqlite3.connect(_uri(path, how), uri=True, timeout=0.2)) as connection:
                        return _rows(connection, sql, values, word.casefold())
                except (sqlite3.Error, OverflowError, UnicodeError, ValueError):
                    continue
        return []


def _rows(
    connection: sqlite3.Connection, sql: Sql, values: tuple[object, ...], word: str
) -> list[dict[str, Any]]:
    connection.create_function("has_word", 1, lambda raw: word in raw.decode("utf-8", "replace").casefold())
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    columns = {str(row[1]) for row in connection.execute("PRAGMA table_info(threads)")}
    if "id" not in columns:
        raise sqlite3.DatabaseError("no table threads with an id")
    cursor = connection.execute(sql if isinstance(sql, str) else sql(columns), values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def _uri(path: str, how: str) -> str:
    for character, quoted in (("%", "%25"), ("?", "%3f"), ("#", "%23")):
        path = path.replace(character, quoted)
    return f"file:{os.path.abspath(path)}?{how}"
