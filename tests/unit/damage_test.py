"""The state file damaged in every way: the last good one is used, the damaged one kept, and nothing waits for good."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codex_tmux import log, pass_once
from codex_tmux.reconcile import Policy, Snapshot, reconcile
from codex_tmux.state import store
from codex_tmux.state.records import HEAD, Record
from tests.unit.records_test import RECORDS
from tests.unit.store_test import NOW, record

OLD = (record(1, env=(("A", "b"),)), record(2))
NEW = (record(1, env=(("A", "b"),)), record(2, status="dead"), record(3, env=(("LAST", "one"),)))


@pytest.fixture
def directory() -> Path:
    return Path(os.environ["CODEX_TMUX_STATE_DIR"])


@pytest.fixture
def state(directory: Path) -> Path:
    """A state file that holds NEW; the last good one before it held OLD."""
    for records in (OLD, NEW):
        save(records)
    return directory / store.NAME


def save(records: tuple[Record, ...]) -> None:
    with store.lock():
        store.save(records)


def load() -> tuple[Record, ...]:
    with store.lock():
        return store.load()


def test_cut_off_at_every_byte(state: Path) -> None:
    whole = state.read_bytes()
    for length in range(len(whole)):
        state.write_bytes(whole[:length])
        assert store.peek() == OLD, f"cut off after {length} of {len(whole)} bytes"
        assert state.read_bytes() == whole[:length], "who only looks changes nothing"
    state.write_bytes(whole[:-1])
    assert load() == OLD


def test_a_flipped_bit_in_every_byte(state: Path) -> None:
    whole = state.read_bytes()
    chance = random.Random(7)
    for at in range(len(whole)):
        flipped = whole[:at] + bytes([whole[at] ^ (1 << chance.randrange(8))]) + whole[at + 1 :]
        state.write_bytes(flipped)
        # In the comment at the head a bit may cost nothing.
        assert store.peek() in ((OLD, NEW) if at < len(HEAD.encode()) else (OLD,)), f"byte {at}"


@pytest.mark.parametrize("fill", [b"\x00", b"\xff", b"\n", b'"'], ids=["zeros", "ones", "lines", "quotes"])
def test_a_lost_block(state: Path, fill: bytes) -> None:
    whole = state.read_bytes()
    for at in range(len(HEAD), len(whole) - 64, 97):
        state.write_bytes(whole[:at] + fill * 64 + whole[at + 64 :])
        assert store.peek() == OLD


BY_HAND = {
    "junk": os.urandom(10 * 1024 * 1024),
    "text": b"x" * (10 * 1024 * 1024),
    "double-key": b"version = 1\nversion = 1\n",
    "double-field": b'version = 1\n[[panes]]\nmode = "tui"\nmode = "tui"\n',
    "list": b"version = [1]\n",
    "date": b"version = 2026-01-01\n",
    "huge-number": b"version = " + b"9" * 5000 + b"\n",
    "null": b"version = 1\x00\n",
    "float": b"version = 1.0\n",
    "nan": b"version = nan\n",
    "long-comment": b"version = 1\n#" + b"x" * (9 * 1024 * 1024) + b"\n",
    "bom": b"\xef\xbb\xbfversion = 1\n",
}


@pytest.mark.parametrize("name", list(BY_HAND))
def test_what_is_no_state_file(state: Path, directory: Path, name: str) -> None:
    state.write_bytes(BY_HAND[name])
    assert load() == OLD
    (aside,) = directory.glob("*.broken-*")
    assert aside.read_bytes() == BY_HAND[name]
    assert store.peek() == OLD, "what was recovered is on the disk"
    said = (directory / log.NAME).read_text()
    assert said.count("state.broken") == 1
    assert "recovered=2" in said


def test_a_recovered_state_survives_damage_to_itself(state: Path, directory: Path) -> None:
    """The last good file stays the last good one: what was broken never takes its place."""
    for number in range(3):
        state.write_bytes(f"[broken {number}".encode())
        assert load() == OLD
    assert len(list(directory.glob("*.broken-*"))) == 3


def test_nothing_recovered_is_not_written_over_anything(state: Path, directory: Path) -> None:
    state.write_bytes(b"[")
    (directory / store.BACKUP).write_bytes(b"]")
    assert load() == ()
    assert not state.exists()
    assert [p.read_bytes() for p in directory.glob("*.broken-*")] == [b"["]
    assert (directory / store.BACKUP).read_bytes() == b"]"


def test_a_session_or_a_pane_twice(state: Path) -> None:
    """As where two files were merged by hand: each session once, each pane once, after the next sync."""
    twice = (record(1), record(1, pane="%9"), record(4, pane="%2"), record(2, updated_at=NOW + timedelta(1)))
    save(twice)
    snapshot = Snapshot(server="/tmp/another", epoch="1:2", panes=())
    settled, _ = reconcile(load(), snapshot, Policy(), NOW + timedelta(2))
    current = [r for r in settled if r.current]
    assert len({r.session_id for r in settled}) == len(settled) == 3
    assert len({r.place for r in current}) == len(current)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(RECORDS, max_size=3, unique_by=lambda r: r.session_id).map(tuple), st.data())
def test_any_records_damaged_anywhere_are_they_or_the_last_good_ones(
    records: tuple[Record, ...], data: st.DataObject
) -> None:
    save(OLD)
    save(records)
    path = Path(os.environ["CODEX_TMUX_STATE_DIR"], store.NAME)
    whole = path.read_bytes()
    at = data.draw(st.integers(len(HEAD.encode()), len(whole) - 1))
    damage = data.draw(st.binary(max_size=40))
    length = data.draw(st.integers(0, 40))
    path.write_bytes(whole[:at] + damage + whole[at + length :])
    assert store.peek() == (records if path.read_bytes() == whole else OLD)


# -- what may lie in the place of any of its files --

NAMES = [
    store.NAME,
    store.BACKUP,
    store.TEMPORARY,
    f".{store.BACKUP}",
    "state.lock",
    "log",
    "log.1",
]
SNAPSHOT = Snapshot(server="/tmp/tmux-1000/default", epoch="10:20", panes=())


def make_link_to_nothing(path: Path) -> None:
    path.symlink_to("/nowhere/at/all")


def make_link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def make_link_to_endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


KINDS: list[Callable[[Path], None]] = [
    os.mkfifo,
    Path.mkdir,
    make_link_to_nothing,
    make_link_to_itself,
    make_link_to_endless,
]


@pytest.mark.parametrize("kind", KINDS, ids=["fifo", "directory", "dangling", "loop", "zero"])
@pytest.mark.parametrize("name", NAMES)
def test_another_kind_of_file_hangs_nobody_and_costs_no_record(
    state: Path, directory: Path, name: str, kind: Callable[[Path], None]
) -> None:
    """A whole decision of a sync, which reads, saves, caches and logs."""
    path = directory / name
    path.unlink(missing_ok=True)
    kind(path)
    _, records, _, fault = pass_once.decide(SNAPSHOT, Policy())
    log.log("said")
    if name == store.NAME:
        # The file itself is gone: that is no damage, and who took it away is told where something lies in its way.
        assert fault or records == ()
        return
    assert {r.session_id for r in records} == {r.session_id for r in NEW}
    assert {r.session_id for r in store.peek()} == {r.session_id for r in NEW}
    if fault:
        assert "\n" not in fault
        assert str(directory) in fault
    else:
        assert store.peek() == records


def test_a_pane_does_not_wait_for_a_fifo_either(directory: Path) -> None:
    directory.mkdir(parents=True)
    os.mkfifo(directory / store.NAME)
    script = (
        "from codex_tmux.here import file_record\n"
        "class Here: id, epoch, former, session = '%1', '1:2', '1:2', 'x'\n"
        "print(file_record(Here, True), file_record(Here, False))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout == "None None\n", done.stderr


def test_the_times_of_syncs_in_a_fifo(directory: Path) -> None:
    from codex_tmux import sync
    from codex_tmux.tmux import Server

    directory.mkdir(parents=True)
    server = Server("/tmp/x")
    os.mkfifo(sync.times_path(server))
    assert sync.sync_times(server) == []
    sync.note_time(server)
