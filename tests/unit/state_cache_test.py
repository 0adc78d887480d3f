"""The parsed copy of the state file: it counts for that very file, written by that very user, and whole."""

from __future__ import annotations

import marshal
import os
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codex_tmux import state_cache, store
from codex_tmux.records import Record
from tests.unit.records_test import RECORDS
from tests.unit.store_test import record

RECORD = record(1)


@pytest.fixture
def copy() -> Path:
    """The copy of a state file with one record."""
    keep((RECORD,))
    return Path(os.environ["CODEX_TMUX_STATE_DIR"], state_cache.NAME)


def in_whole_seconds(one: Record) -> Record:
    """The record with times as codex-tmux takes them."""
    return one._replace(
        updated_at=one.updated_at.replace(microsecond=0),
        revivals=tuple(t.replace(microsecond=0) for t in one.revivals),
    )


def keep(records: tuple[Record, ...]) -> None:
    with store.lock():
        store.save(records)
        state_cache.put(records)


def test_it_holds_what_the_file_holds(copy: Path) -> None:
    assert state_cache.get() == (RECORD,)
    assert copy.stat().st_mode & 0o777 == 0o600


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.lists(RECORDS.map(in_whole_seconds), max_size=3).map(tuple))
def test_any_records_come_back(records: tuple[Record, ...]) -> None:
    keep(records)
    assert state_cache.get() == records == store.peek()


def test_another_file_has_no_copy(copy: Path) -> None:
    with store.lock():
        store.save((record(2),))
    assert state_cache.get() is None


def test_a_file_put_back_by_hand_has_none(copy: Path) -> None:
    state = copy.parent / store.NAME
    text = state.read_bytes()
    state.write_bytes(text)
    os.utime(state)
    assert state_cache.get() is None
    state.unlink()
    assert state_cache.get() is None


def test_damage_is_seen(copy: Path) -> None:
    whole = copy.read_bytes()
    for at in range(len(whole)):
        copy.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert state_cache.get() is None, f"byte {at}"
        copy.write_bytes(whole[:at])
        assert state_cache.get() is None, f"cut off at {at}"
    copy.write_bytes(whole)
    assert state_cache.get() == (RECORD,)


def test_what_is_whole_and_no_copy(copy: Path) -> None:
    contents: list[Any] = [None, 1, (1, 2), (1, 2, 3), ((1, 2, 3), state_cache.TAG, [])]
    for content in contents:
        data = marshal.dumps(content)
        copy.write_bytes(zlib.crc32(data).to_bytes(4, "big") + data)
        assert state_cache.get() is None, content


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
def test_another_user_s_copy_is_not_trusted(copy: Path) -> None:
    os.chown(copy, 12345, 12345)
    assert state_cache.get() is None
