"""Codex's own files damaged, or huge: no answer is better than a crash, a wrong one or a long wait."""

import json
import os
import random
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codex_tmux.codex.rollout import (
    TAIL,
    last_directory,
    last_messages,
    last_user_message,
    read_rollout,
    tail,
)
from codex_tmux.codex.store import Session, Store
from tests.unit.codex_store_test import ID, database, found_in, meta, rollout, user

SMALL = 10 * 1024 * 1024
"""Bytes that may be read of a file of 100 MB, by five questions about it."""
HUGE = 100 * 1024 * 1024


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "codex"


def read_by_all(home: Path, path: Path) -> Session:
    """What the store has of a rollout that every reader has read: each tells something, or nothing, and none fails."""
    store = Store(str(home))
    assert store.resumable(ID)[1] in ("", "subagent", "no-message", "unknown")
    assert isinstance(store.is_subagent(ID), bool)
    assert all(isinstance(text, str) for said in last_messages(str(path), 8) for text in said)
    assert isinstance(last_user_message(str(path)), str | None)
    assert isinstance(last_directory(tail(str(path), TAIL) or b""), str)
    found = found_in(home)
    assert (found.id, found.rollout) == (ID, str(path))
    return found


def bytes_read() -> int:
    """What this process has read so far, by the kernel's count."""
    with open("/proc/self/io") as io:
        return int(io.readline().split()[1])


@pytest.fixture
def reads_little() -> Iterator[None]:
    if not sys.platform.startswith("linux"):
        pytest.skip("the kernel counts what is read on Linux only")
    before = bytes_read()
    yield
    assert bytes_read() - before < SMALL


@pytest.mark.parametrize("first", ["whole", "endless", "none"])
def test_a_huge_line_is_not_read(home: Path, reads_little: None, first: str) -> None:
    path = rollout(home, ID, meta(), user("hello"))
    head = {"whole": path.read_bytes(), "endless": json.dumps(meta()).encode()[:-2], "none": b""}[first]
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(HUGE)  # a hole: no byte of it is on the disk
    found = read_by_all(home, path)
    assert not found.subagent
    assert found.first_message == ("hello" if first == "whole" else "")
    assert [s.id for s in Store(str(home)).recent(5)] == [ID]


def test_a_rollout_cut_off_at_every_byte(home: Path) -> None:
    path = rollout(home, ID, meta(cwd="/w", source="subagent"), user("hello"))
    whole = path.read_bytes()
    first_line = whole.index(b"\n")
    store = Store(str(home))
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        ok, why = store.resumable(ID)
        # Half a first line may not say any more that it is a sub-agent's; a whole one always does.
        assert (ok, why) == (False, "subagent") or length < first_line
        assert length or why == "no-message"
        assert read_by_all(home, path).first_message in ("", "hello")


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
WORDS = "user_message item_completed UserMessage message user subagent turn_context".split()
KEYS = "type item role content message source thread_source thread_settings cwd id text".split()
PAYLOAD = st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, JSON | st.sampled_from(WORDS)))
LINE = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([byte * 300_000 for byte in (b"\x00", b"[", b'{"payload":')]),
    st.sampled_from(
        [b"{}", b"[]", b'{"payload":[]}', *(json.dumps(e).encode() for e in (meta(), user("x")))]
    ),
    st.builds(
        lambda kind, payload: json.dumps({"type": kind, "payload": payload}).encode(),
        st.sampled_from(["session_meta", *WORDS]),
        PAYLOAD | st.builds(lambda item: {"type": "item_completed", "item": item}, PAYLOAD | JSON),
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINE, max_size=6), st.integers(0, 600))
def test_lines_of_anything(home: Path, lines: list[bytes], cut: int) -> None:
    path = rollout(home)
    path.write_bytes(b"\n".join(lines)[: cut or None])
    read_by_all(home, path)


def test_another_kind_of_file_in_the_place_of_a_rollout(home: Path) -> None:
    path = rollout(home, ID)
    for make in (os.mkfifo, os.mkdir, lambda p: os.symlink("/nowhere/at/all", p), lambda p: os.symlink(p, p)):
        path.unlink()
        make(path)
        assert Store(str(home)).resumable(ID) == (False, "unknown")
        assert Store(str(home)).find(ID) is None
        assert Store(str(home)).recent(3) == []
        assert read_rollout(str(path)) == ({}, "")
        assert last_messages(str(path), 8) == []
        assert last_user_message(str(path)) is None
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
            path.touch()


def test_a_database_cut_off_or_flipped_anywhere(home: Path) -> None:
    """The rollout tells as much."""
    path = rollout(home, ID, meta(), user("hello"))
    whole = database(home, id=ID, rollout_path=str(path), title="t").read_bytes()
    chance = random.Random(3)
    for round_ in range(150):
        at = chance.randrange(len(whole))
        damaged = whole[:at]
        if round_ % 2:
            damaged = whole[:at] + os.urandom(chance.randrange(1, 200)) + whole[at + 1 :]
        (home / "state_5.sqlite").write_bytes(damaged)
        store = Store(str(home))
        found = found_in(home)
        assert found.rollout == str(path)
        assert store.resumable(ID) == (True, "")
        assert store.complete(ID[:29]) == ID
        store.recent(3)
        store.named("t")


def test_a_database_that_has_gone_is_not_made_again(home: Path, tmp_path: Path) -> None:
    """As where Codex takes an old one away just now: between a listing and the opening it is gone."""
    home.mkdir()
    (home / "state_5.sqlite").symlink_to(tmp_path / "gone.sqlite")
    assert Store(str(home)).find(ID) is None
    assert not (tmp_path / "gone.sqlite").exists()


def test_a_locked_database(home: Path) -> None:
    path = rollout(home, ID, meta(), user("hello"))
    name = database(home, id=ID, rollout_path=str(path), title="known")
    for mode in ("DELETE", "WAL"):
        connection = sqlite3.connect(name, isolation_level=None)
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("UPDATE threads SET title = 'half written'")
        try:
            found = found_in(home)
            assert found.rollout == str(path)
            assert found.title != "half written"
            assert Store(str(home)).resumable(ID) == (True, "")
        finally:
            connection.execute("ROLLBACK")
            connection.close()
