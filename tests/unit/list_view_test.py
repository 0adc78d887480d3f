"""The table of `list`: it fits, and nothing in it acts on the terminal."""

import re
import time
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from codex_tmux.commands.conversations import Conversation, Here
from codex_tmux.commands.list_panes import give_hints
from codex_tmux.commands.list_view import cells_of, show
from codex_tmux.tmux.epoch import ALIVE, ELSEWHERE, GONE
from tests.unit.pick_test import ONE, record

ROW = Conversation(record(ONE, "live")._replace(window=1, cwd="/srv/api"), "fix the parser", 5.0, "%1")


def row(**changes: Any) -> Conversation:
    return ROW._replace(record=ROW.record._replace(**changes))


@pytest.mark.parametrize(
    ("evidence", "shown"), [("title", "exact (title)"), ("inferred", "inferred"), ("", "unknown")]
)
def test_how_it_is_known(evidence: str, shown: str) -> None:
    assert cells_of(row(evidence=evidence))["KNOWN BY"] == shown


def test_a_codex_elsewhere_tells_where_and_what_to_paste(capsys: pytest.CaptureFixture[str]) -> None:
    far = row(session_id=ONE[:29], status="dead", transport=("ssh", "host\x1b[2J"), codex="")
    cells = cells_of(far)
    assert cells["SESSION"] == f"{ONE[:29]}…"
    assert cells["DIRECTORY"].startswith("ssh host")
    here = far.record._replace(codex="codex")
    give_hints([far.record, here, far.record._replace(status="live")])
    out = capsys.readouterr().out
    [line] = out.splitlines()
    assert line.endswith("paste there: codex resume")
    assert line.startswith("%1: to resume in ssh host")
    assert "\x1b" not in out


def test_hostile_text_is_plain() -> None:
    hostile = row(cwd="/a\x1b]0;t\x07b\n", tmux_session="m\x9b2Jain")
    cells = cells_of(hostile._replace(title="\x1b[31mred\nx\x07"))
    assert (cells["TITLE"], cells["DIRECTORY"], cells["WHERE"]) == ("red x", "/ab", "main:1.0")


def test_a_pane_of_another_server_says_so() -> None:
    record = ROW.record._replace(epoch="a.1.b:7:1")
    here = Here(socket="/s", fates={record.epoch: GONE})
    assert here.name_of(record) == ""
    assert Here(socket="/other", fates={record.epoch: GONE}).name_of(record) == " @s"
    assert cells_of(ROW._replace(at=" @s"))["WHERE"] == "work:1.0 @s"
    elsewhere = replace(here, fates={record.epoch: ELSEWHERE})
    assert elsewhere.name_of(record) == " @another host"
    assert replace(here, fates={record.epoch: ALIVE}).name_of(record) == " @process 7"


def test_piped_it_is_aligned_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    show([row(cwd=cwd)._replace(title="fix the " + "x" * 99) for cwd in ("/日本語", "/abc")])
    head, *lines = capsys.readouterr().out.splitlines()
    assert head == head.rstrip()
    assert all(line.endswith("x" * 99) for line in lines)
    assert len({cell_len(line[: line.index("fix the")]) for line in lines}) == 1


@pytest.mark.parametrize("width", [64, 80, 149, 150, 200])
def test_on_a_terminal_it_is_cut_and_coloured(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    needs = row(cwd="/日本語/" * 20)._replace(activity="approval", title="long " * 20)
    show([needs, needs._replace(record=needs.record._replace(status="dead"))])
    out = capsys.readouterr().out
    assert "\x1b[1;35mneeds approval" in out
    head, *lines = (re.sub(r"\x1b\[[0-9;]*m", "", line) for line in out.splitlines())
    assert len(lines) == 2
    assert all(cell_len(line) <= width for line in (head, *lines))
    assert all(line.startswith("work:1.0  %1 ") for line in lines), "where it is can be read whole"
    assert "asleep, needs approval" in lines[1]
    assert (ONE in lines[0]) == (width >= 150)


def test_ages() -> None:
    ages = [(0, "0s"), (59, "59s"), (60, "1m"), (7200, "2h"), (90000, "1d"), (-100, "0s")]
    for ago, shown in ages:
        assert cells_of(ROW._replace(updated=time.time() - ago))["AGE"] == shown
    assert cells_of(row(session_id="")._replace(updated=time.time()))["AGE"] == "-"
