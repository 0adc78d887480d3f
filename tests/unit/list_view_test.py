"""The table of `list`: it fits, and nothing in it acts on the terminal."""

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from codex_tmux.commands.list_view import (
    GAP,
    LEAST,
    LEFT_OUT,
    age_of,
    cells_of,
    fitted,
    paste_lines,
    right_part,
    show,
)
from codex_tmux.state.records import now

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
    "unread_since": None,
    "updated_at": None,
}


SHORT = {"PANE": 8, "STATUS": 22, "KNOWN BY": 8, "AGE": 4}


@given(
    st.fixed_dictionaries({name: st.integers(1, 300) for name in LEAST}),
    st.fixed_dictionaries({name: st.integers(1, most) for name, most in SHORT.items()}),
    st.integers(56, 300),
)
def test_columns_fit_and_none_is_too_small_to_be_read(
    long: dict[str, int], short: dict[str, int], width: int
) -> None:
    natural = long | short
    widths = fitted(natural, width)
    assert sum(widths.values()) + GAP * (len(widths) - 1) <= width
    assert all(min(natural[name], LEAST.get(name, natural[name])) <= widths[name] for name in widths)
    assert set(natural) - set(widths) <= set(LEFT_OUT if width < 81 else ())


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


def test_piped_it_is_aligned_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    show([{**ROW, "cwd": cwd, "title": "fix the " + "x" * 99} for cwd in ("/日本語", "/abc")], None)
    head, *lines = capsys.readouterr().out.splitlines()
    assert head == head.rstrip()
    assert all(line.endswith("x" * 99) for line in lines)
    assert len({cell_len(line[: line.index("fix the")]) for line in lines}) == 1


@pytest.mark.parametrize(
    ("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_on_a_terminal_it_is_cut_and_coloured(
    environ: dict[str, str],
    coloured: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in ({"COLUMNS": "60", "TERM": "xterm", "NO_COLOR": ""} | environ).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    show([{**ROW, "activity": "approval", "title": "long " * 20, "cwd": "/long/" * 20}], None)
    out = capsys.readouterr().out
    assert ("\x1b[35m\x1b[1mneeds approval\x1b[0m" in out) == coloured
    assert ("\x1b" in out) == coloured
    head, row = (re.sub(r"\x1b\[[0-9;]*m", "", line) for line in out.splitlines())
    assert max(cell_len(head), cell_len(row)) <= 60
    assert row.startswith("main:1.0  %1 "), "where it is can be read whole"


def test_the_end_of_a_path_is_kept() -> None:
    assert right_part("/home/user/src/api", 10) == "…r/src/api"
    assert cell_len(right_part("/日本語/日本語", 8)) <= 8


def test_ages(monkeypatch: pytest.MonkeyPatch) -> None:
    fixed = now()
    monkeypatch.setattr("codex_tmux.commands.list_view.now", lambda: fixed)
    for ago, shown in ((None, "-"), (60, "1m"), (90000, "1d")):
        assert age_of(None if ago is None else (fixed - timedelta(seconds=ago)).isoformat()) == shown
