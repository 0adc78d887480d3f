"""Records and their TOML form: any record survives the way to the disk and back."""

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from codex_tmux.state import store
from codex_tmux.state.records import (
    EVIDENCE,
    HEAD,
    MODES,
    STATUSES,
    Record,
    RecordError,
    entry_of,
    record_of,
)
from tests.unit.store_test import load, record, save

# Whatever tmux, a file system or a command line may hold: bytes that are no UTF-8 arrive as lone surrogates.
BYTES = st.binary(max_size=30).map(lambda b: b.decode("utf-8", "surrogateescape"))
HOSTILE = st.sampled_from(
    '|\x00|\x7f|\r\n|\udcff|\ufffd|\'|"|"""|\\|\\u0041|\ud83d|\u202e|# x|\n[[panes]]\n'.split("|")
)
TEXTS = st.one_of(BYTES, HOSTILE, st.text(max_size=30), st.tuples(BYTES, HOSTILE, BYTES).map("".join))
MOMENTS = st.datetimes(
    min_value=datetime(1971, 1, 1), max_value=datetime(2999, 1, 1), timezones=st.just(timezone.utc)
)
HEX = st.text("0123456789abcdef", min_size=12, max_size=12)
IDS = st.one_of(
    HEX.map(lambda h: f"01a201da-7561-7551-a7df-{h}"), HEX.map(lambda h: f"01a201da-7561-7551-a7df-{h[:5]}")
)
INTEGERS = st.integers(0, 2**31)

RECORDS = st.builds(
    Record,
    session_id=IDS,
    evidence=st.sampled_from(EVIDENCE),
    mode=st.sampled_from(MODES),
    status=st.sampled_from(STATUSES),
    server=TEXTS,
    epoch=TEXTS,
    pane=TEXTS,
    tmux_session=TEXTS,
    window=INTEGERS,
    window_name=TEXTS,
    window_layout=TEXTS,
    pane_index=INTEGERS,
    cwd=TEXTS,
    codex=TEXTS,
    codex_home=TEXTS,
    flags=st.lists(TEXTS, max_size=4).map(tuple),
    updated_at=MOMENTS,
    shell=st.booleans(),
    env=st.dictionaries(TEXTS, TEXTS, max_size=3).map(lambda d: tuple(d.items())),
    revivals=st.lists(MOMENTS, max_size=3).map(tuple),
    neighbours=st.lists(st.tuples(INTEGERS, TEXTS, st.booleans()), max_size=3).map(tuple),
    transport=st.lists(TEXTS, max_size=4).map(tuple),
    window_automatic=st.booleans(),
)

LENIENT = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@LENIENT
@given(st.lists(RECORDS, max_size=3).map(tuple))
def test_any_record_comes_back_from_the_disk(records: tuple[Record, ...]) -> None:
    save(*records)
    assert load() == records
    text = store.read_file(os.path.join(os.environ["CODEX_TMUX_STATE_DIR"], store.NAME)).decode("utf-8")
    assert not any((ord(c) < 32 and c not in "\n\t") or c == "\x7f" for c in text), "a person can read it"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("session_id", "x"),
        ("session_id", "01A201DA-7561-7551-A7DF-A07AA6F38CDB"),
        ("evidence", "guess"),
        ("status", "zombie"),
        ("mode", ["tui"]),
        ("window", True),
        ("pane_index", 1.0),
        ("flags", "-m x"),
        ("flags", [1]),
        ("env", {"A": 1}),
        ("shell", "yes"),
        ("updated_at", "2026-01-02"),
        ("revivals", [1]),
        ("neighbours", [{"pane_index": 1}]),
        ("tmux_session", None),
    ],
)
def test_a_wrong_entry_is_refused_by_name(name: str, value: Any) -> None:
    entry = entry_of(record())
    entry[name] = value
    with pytest.raises(RecordError, match=name):
        record_of(entry)


@pytest.mark.parametrize("entry", [None, 1, "x", [], [{}]])
def test_no_table_is_no_record(entry: object) -> None:
    with pytest.raises(RecordError, match="not a table"):
        record_of(entry)


JSON_LIKE: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), MOMENTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.sampled_from(Record._fields), JSON_LIKE)
def test_any_value_in_any_field_is_a_record_or_an_error(name: str, value: Any) -> None:
    entry = entry_of(record()) | {name: value}
    try:
        made = record_of(entry)
    except RecordError:
        return
    hash(made)
    assert record_of(entry_of(made)) == made


def test_unknown_fields_are_let_be() -> None:
    assert record_of(entry_of(record()) | {"from_the_future": 1}) == record()


def test_a_time_without_an_offset_is_utc() -> None:
    made = record_of(entry_of(record()) | {"updated_at": datetime(2026, 1, 2, 3, 4, 5)})
    assert made == record()


def test_bytes_that_are_no_text_are_escaped_in_the_file() -> None:
    one = record(env=(("A", "b"),), neighbours=((1, "/caf\udce9", True),))
    save(one)
    text = (Path(os.environ["CODEX_TMUX_STATE_DIR"]) / store.NAME).read_text()
    assert text.startswith(HEAD)
    assert '{ pane_index = 1, cwd = "/caf\ufffddce9", shell = true },' in text
    assert load() == (one,)
