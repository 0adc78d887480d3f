"""A long life, shortened: what is kept does not grow with what has been."""

from __future__ import annotations

from pathlib import Path

import pytest

from codex_tmux import log, pass_once
from codex_tmux.state import records
from tests.long_life import live


@pytest.fixture(autouse=True)
def undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock and the state directory are put back."""
    monkeypatch.setattr(pass_once, "now", records.now)
    monkeypatch.setenv("CODEX_TMUX_STATE_DIR", "")


def test_neither_records_nor_log_grow_with_the_sessions_of_a_year(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "LIMIT", 20_000)
    short, longer = live(tmp_path / "a", 1_000, 40), live(tmp_path / "b", 2_000, 40)
    assert longer.file_bytes < 1.1 * short.file_bytes


def test_without_a_limit_it_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="the state file grew"):
        live(tmp_path / "a", 3_000, 60, keep=10_000)
