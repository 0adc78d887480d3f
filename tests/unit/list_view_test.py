"""The table of `list`: it fits, and nothing in it acts on the terminal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from codex_tmux.commands.list_view import (
    GAP,
    LEAST,
    age,
    aligned,
    cells_of,
    fitted,
    paste_lines,
    right_part,
    with_tilde,
)
from codex_tmux.records import now

ROW: dict[str, Any] = {
    "session_id": "01a20733-33a0-7285-8004-2625b8c7adf3",
    "evidence": "title",
    "exact": True,
    "status": "live",
    "server": "/tmp/tmux-0/default",
    "pane": "%1",
    "tmux_session": "main",
    "window": 1,
    "pane_index": 0,
    "cwd": "/srv/api",
    "title": "fix the parser",
    "activity": None,
    "updated_at": None,
}


@given(st.fixed_dictionaries({name: st.integers(1, 300) for name in (*LEAST, "PANE")}), st.integers(60, 300))
def test_columns_fit_or_are_as_small_as_they_get(natural: dict[str, int], width: int) -> None:
    natural["PANE"] = min(natural["PANE"], 8)
    widths = fitted(natural, width)
    assert sum(widths.values()) + GAP * (len(widths) - 1) <= width
    assert all(min(natural[name], LEAST.get(name, natural[name])) <= widths[name] for name in natural)


@pytest.mark.parametrize(
    ("evidence", "exact", "shown"),
    [("title", True, "exact (title)"), ("inferred", False, "inferred"), (None, False, "unknown")],
)
def test_how_it_is_known(evidence: str | None, exact: bool, shown: str) -> None:
    assert cells_of({**ROW, "evidence": evidence, "exact": exact}, None)["KNOWN BY"] == shown


def test_a_codex_elsewhere_tells_where_and_what_to_paste() -> None:
    transport = {"kind": "ssh", "target": "host\x1b[2J", "command": ["ssh", "host"]}
    prefix = str(ROW["session_id"])[:29]
    row = {**ROW, "session_id": None, "session_prefix": prefix, "status": "dead", "transport": transport}
    cells = cells_of(row, None)
    assert cells["SESSION"] == f"{prefix}…"
    assert cells["DIRECTORY"].startswith("ssh host")
    (line,) = paste_lines(
        [row | {"paste": "codex resume"}, row | {"paste": None}, {**row, "status": "live", "paste": "x"}]
    )
    assert line.endswith("paste there: codex resume")
    assert line.startswith("%1: to resume in ssh host")
    assert "\x1b" not in line + cells["DIRECTORY"]


def test_hostile_text_is_plain() -> None:
    hostile = {**ROW, "title": "\x1b[31mred\nx\x07", "cwd": "/a\x1b]0;t\x07b\n", "tmux_session": "m\x9b2Jain"}
    cells = cells_of(hostile, None)
    assert (cells["TITLE"], cells["DIRECTORY"], cells["WHERE"]) == ("red x", "/ab", "main:1.0")


def test_a_pane_of_another_server_says_so() -> None:
    assert cells_of(ROW, "/tmp/tmux-0/default")["WHERE"] == "main:1.0"
    assert cells_of(ROW, "/tmp/tmux-0/other")["WHERE"] == "main:1.0 @default"


def test_wide_characters_are_aligned() -> None:
    cells = [cells_of({**ROW, "cwd": cwd}, None) for cwd in ("/日本語", "/abc")]
    lines = list(aligned(cells))
    assert len({cell_len(line[: line.index("fix the")]) for line in lines[1:]}) == 1


def test_the_end_of_a_path_is_kept() -> None:
    assert right_part("/home/user/src/api", 10) == "…r/src/api"
    assert cell_len(right_part("/日本語/日本語", 8)) <= 8


def test_home_is_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/user")
    assert [with_tilde(p) for p in ("/home/user", "/home/user/a", "/home/users")] == [
        "~",
        "~/a",
        "/home/users",
    ]


@pytest.mark.parametrize(
    ("ago", "shown"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (7200, "2h"), (90000, "1d"), (-100, "0s")],
)
def test_ages(monkeypatch: pytest.MonkeyPatch, ago: int, shown: str) -> None:
    fixed = now()
    monkeypatch.setattr("codex_tmux.commands.list_view.now", lambda: fixed)
    assert age((fixed - timedelta(seconds=ago)).isoformat()) == shown


def test_one_that_is_not_known() -> None:
    assert age(None) == "-"
