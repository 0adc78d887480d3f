"""The state file's TOML: what is written is what a TOML parser reads."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from codex_tmux.store import parse_toml
from codex_tmux.toml_writer import document

# What UTF-8 can hold: lone surrogates are taken out before.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
MOMENTS = st.datetimes(timezones=st.sampled_from([timezone.utc, timezone(timedelta(hours=-3))]))
PLAIN = TEXTS | st.booleans() | st.integers(-(2**63), 2**63 - 1) | MOMENTS
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_any_document_is_read_as_it_was_written(values: dict[str, Any]) -> None:
    assert parse_toml(document(values).encode().decode()) == values


@pytest.mark.parametrize("char", [chr(c) for c in (*range(0x21), 0x22, 0x5C, 0x7F, 0x85, 0x2028, 0xFFFD)])
def test_every_odd_character(char: str) -> None:
    assert parse_toml(document({char: f"a{char}b"})) == {char: f"a{char}b"}


def test_as_the_documentation_shows_it() -> None:
    values = {
        "version": 1,
        "panes": [
            {"pane": "%10", "window": 2, "flags": ["-m", "x"], "shell": True},
            {"env": {"A": "b"}, "updated_at": datetime(2026, 11, 22, 6, 3, 43, tzinfo=timezone.utc)},
        ],
    }
    assert document(values) == (
        'version = 1\n\n[[panes]]\npane = "%10"\nwindow = 2\nflags = ["-m", "x"]\nshell = true\n'
        '\n[[panes]]\nenv = {A = "b"}\nupdated_at = 2026-11-22T06:03:43Z\n'
    )


def test_what_it_does_not_know_is_no_silent_loss() -> None:
    with pytest.raises(TypeError):
        document({"a": None})
