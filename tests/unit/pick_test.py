"""Records and Codex's sessions as one list; what a menu, a line for fzf and a preview are made of."""

import os
import re
import threading
import time
import unicodedata
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from codex_tmux.codex.rollout import TAIL, last_messages, tail
from codex_tmux.codex.store import Session
from codex_tmux.commands.conversations import Conversation, Here, merge, with_activity
from codex_tmux.commands.pick import fzf, menu, preview
from codex_tmux.state.attention import Attention
from codex_tmux.state.records import Record
from codex_tmux.tmux.epoch import of_server
from codex_tmux.tmux.server import Server
from tests.unit.codex_store_test import said, written

ONE, TWO, THREE = (f"01a2077{n}-d21c-79a2-9d8c-51234567890{n}" for n in range(3))


def session(session_id: str, updated: float, exec_session: bool = False) -> Session:
    return Session(
        session_id, "/r", "/w", "a title", "a title", "cli", False, exec_session, False, 0, updated
    )


def record(session_id: str, status: str, epoch: str = "1:1") -> Record:
    pane = ("%1", "work", 2, "w", "", 0)
    when = datetime(2026, 11, 1, tzinfo=timezone.utc)
    launch = ("/w", "/bin/codex", "/h", ("-m", "x"))
    return Record(session_id, "title", "tui", status, "/s", epoch, *pane, *launch, when)


MERGED: dict[str, tuple[list[Record], list[Session], list[tuple[str, str, str]]]] = {
    "one list, newest first": (
        [record(ONE, "ended")],
        [session(TWO, 30), session(ONE, 20), session(THREE, 40)],
        [(THREE, "", ""), (TWO, "", ""), (ONE, "ended", "")],
    ),
    "known by the beginning of its id, it is the same": (
        [record(ONE[:29], "ended")],
        [session(ONE, 20)],
        [(ONE, "ended", "")],
    ),
    "a record that cannot be resumed is shown only while it has a pane": (
        [record(ONE, "closed"), record(TWO, "live"), record(THREE, "live", epoch="2:2")],
        [],
        [(TWO, "live", "%1")],
    ),
}


@pytest.mark.parametrize("case", MERGED)
def test_records_and_sessions_are_one_list(case: str) -> None:
    records, sessions, wanted = MERGED[case]
    here = Here(epoch="1:1", marks={"%1": Attention()})
    found = merge(records, {s.id: (s, "/h") for s in sessions}, here)
    assert [(c.session_id, c.status, c.pane) for c in found] == wanted
    assert all(c.launch.flags == (("-m", "x") if c.status else ()) for c in found)


def test_a_pane_of_another_server_that_runs_is_not_ours_and_one_that_does_not_is_free() -> None:
    mine = of_server(str(os.getpid()))
    running, ended = record(ONE, "live", epoch=mine), record(TWO, "live", epoch="99999999:5")
    stored = {ONE: (session(ONE, 1), "/h"), TWO: (session(TWO, 2), "/h")}
    found = {c.session_id: c for c in merge((running, ended), stored, Here())}
    assert (found[ONE].elsewhere, found[ONE].pane) == ("/s", "")
    assert (found[TWO].elsewhere, found[TWO].pane) == ("", "")


def test_a_session_of_exec_comes_back_by_exec() -> None:
    [found] = merge((), {ONE: (session(ONE, 1, exec_session=True), "/h")}, Here())
    assert found.launch.mode == "exec"


def conversation(title: str = "t", cwd: str = "/w", status: str = "live") -> Conversation:
    return Conversation(record(ONE, status)._replace(cwd=cwd, window=1), title, 5.0, "%1")


TEXT = st.text(max_size=40)


@given(TEXT, TEXT)
def test_nothing_in_a_menu_is_a_format_or_a_control(title: str, cwd: str) -> None:
    name = menu.item_name(conversation(title, cwd), 60, 6)
    assert "#" not in name
    assert not name.startswith("-")
    assert not [c for c in name if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert cell_len(name) <= 60, "tmux 3.2a shows no menu that is wider than the client"


@given(TEXT, TEXT)
def test_a_line_for_fzf_is_one_line_with_the_id_first(title: str, cwd: str) -> None:
    line = fzf.fzf_line(conversation(title, cwd)._replace(updated=time.time() - 5), 6, 20)
    first, _, rest = line.partition("\t")
    assert first == ONE
    assert "\n" not in rest
    assert "\t" not in rest
    # Nothing of it but our own four colours, and the id.
    assert len(rest.split("\x1b[")) == 9
    assert "  5s  " in rest
    assert "\x1b" not in rest.replace("\x1b[", "")


def test_titles_are_whole_and_line_up_where_they_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    long = "a long title of " + "many words " * 9 + "and the moon"
    some = [conversation("日本語の題名は一文字が二桁"), conversation("a short one"), conversation(long)]
    widths = fzf.widths_of(some)
    assert widths == (len("running"), 60)
    shown = [fzf.fzf_line(c, *widths).partition("\t")[2] for c in some]
    at = [cell_len(line[: line.index("  /w")]) for line in shown]
    assert at[0] == at[1] == 7 + 2 + 4 + 2 + 60
    assert long in shown[2]
    assert all(ONE in line for line in shown), "the id is searched as well"
    assert fzf.widths_of([conversation("short")]) == (7, 5)


def test_a_choice_does_not_wait_for_the_older_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "fzf"
    program.write_text("#!/bin/sh\nread -r line\nprintf '%s\\0\\0%s\\0' word \"$line\"\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    here, there = conversation(cwd="/w"), conversation(cwd="/elsewhere")
    chosen, read = threading.Event(), []

    def older(_: list[Conversation]) -> list[Session]:
        read.append(chosen.wait(10))
        return []

    monkeypatch.setattr(fzf, "known", lambda _: [there, here])
    monkeypatch.setattr(fzf, "others", older)
    choice = fzf.ask_fzf(Server("/nonexistent"), fzf.View(directory="/w"))
    assert choice == fzf.Choice("go", here.session_id, "word")
    assert not read
    chosen.set()


def test_no_colours_where_the_user_wants_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in fzf.fzf_line(conversation(), 6, 20)


def test_what_a_conversation_does_stands_with_its_status() -> None:
    both = [conversation("first"), Conversation(record(TWO[:29], ""), "second", 5.0)]
    found = with_activity(both, {ONE: "approval", TWO: "working", THREE: "idle"})
    assert [c.state for c in found] == ["needs approval", "· working"]
    assert with_activity(both, {}) == both
    lines = [fzf.fzf_line(c, 14, 20).partition("\t")[2] for c in (*found, *both)]
    assert len({re.sub(r"\x1b\[[\d;]*m", "", line).index("56y ") for line in lines}) == 1, "in line"
    assert "\x1b[35m\x1b[1mneeds approval\x1b[0m" in lines[0], "it stands out"
    assert menu.item_name(found[0], 60, 6).startswith("needs approval  first")
    assert "place      work:1.0, needs approval" in preview.preview(found[0], None)


def test_a_menu_shows_the_newest_that_fit() -> None:
    many = [conversation(f"number {n}") for n in range(45)]
    for height, shown in ((24, 17), (8, 1), (99, 35)):
        words = menu.menu(many, "c", 80, height, ["/a b/codex-tmux"])
        names = [w for w in words if "number" in w]
        assert [n.split("number ")[1].split()[0] for n in names] == [str(n) for n in range(shown)]
        keys = words[words.index(names[0]) + 1 :: 3]
        assert len(set(keys[:shown])) == shown
        assert words[-6:] == [menu.NO_SEARCH, "", "", "Close", menu.CLOSE, ""]


def test_the_commands_of_a_menu_survive_any_path_of_the_helper() -> None:
    line = menu.run(["/it's #1/codex tmux"], "/dev/pts/1", "--do", ONE)
    assert "##1" in line
    assert line.startswith("run-shell -b '")


def said_in(directory: Path, *entries: tuple[str, str]) -> str:
    """A rollout in which these roles said these words."""
    return str(written(directory / "r", *(said(role, text) for role, text in entries)))


def test_a_preview_reads_only_the_end_of_a_rollout(tmp_path: Path) -> None:
    path = said_in(tmp_path, *(("user", f"message {n} " + "x" * 1000) for n in range(3000)))
    assert os.path.getsize(path) > TAIL
    assert len(tail(path, TAIL) or b"") == TAIL
    said = last_messages(path, preview.MESSAGES)
    assert said[-1][1].startswith("message 2999 ")
    assert len(said) == preview.MESSAGES


def test_a_preview_fits_and_shows_the_end(tmp_path: Path) -> None:
    path = said_in(tmp_path, *(("user", f"message {n}") for n in range(9)))
    lines = preview.preview(conversation(), path, 80, 16)
    assert lines[-1] == "message 8"
    assert len(lines) <= 16
    assert "message 4" not in lines


def test_a_preview_in_a_small_window_has_the_last_message_all_the_same(tmp_path: Path) -> None:
    long = "\n".join(f"line {n} " + "x" * 60 for n in range(50))
    path = said_in(tmp_path, ("user", "one"), ("assistant", long))
    lines = preview.preview(conversation(cwd="/some/where"), path, 40, 9)
    assert "── Codex" in lines
    assert lines[-1] == "…"
    assert "one" not in lines


def test_a_preview_leaves_out_what_codex_says_in_the_user_s_name_and_what_a_terminal_obeys(
    tmp_path: Path,
) -> None:
    path = said_in(
        tmp_path,
        ("user", "<environment_context>x</environment_context>"),
        ("developer", "be nice"),
        ("user", "evil \x1b]0;title\x07\x1b[2Jwords"),
    )
    lines = preview.preview(conversation(title="\x1b[31mred"), path)
    assert lines[-2:] == ["── you", "evil words"]
    assert lines[0] == "red"
    assert not any("\x1b" in line or "environment" in line or "be nice" in line for line in lines)


def test_without_a_tmux_server_there_is_no_pane(tmp_path: Path) -> None:
    assert Here.of(Server(str(tmp_path / "none"))) == Here()
