"""The log as `codex-tmux log` shows it: whole, its end, and what comes, over any rotation."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from codex_tmux.commands.show_log import command


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the log is written."""
    monkeypatch.setenv("CODEX_TMUX_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    return tmp_path / "state" / "log"


def append(path: Path, *lines: str) -> None:
    with open(path, "a") as log:
        log.writelines(f"{line}\n" for line in lines)


def rotate(path: Path) -> None:
    os.replace(path, f"{path}.1")


def printed(*args: str) -> list[str]:
    done = CliRunner().invoke(command, args, catch_exceptions=False)
    assert done.exit_code == 0
    return done.output.splitlines()


def test_both_files_in_their_order(path: Path) -> None:
    append(path, "a", "b")
    rotate(path)
    append(path, "c", "d")
    assert printed() == ["a", "b", "c", "d"]
    assert printed("-n", "3") == ["b", "c", "d"]
    assert printed("-n", "0") == []


def test_no_log_yet(path: Path) -> None:
    assert printed() == ["nothing has been logged yet"]


def test_nothing_in_it_reaches_the_terminal(path: Path) -> None:
    append(path, "2026 event key=\x1b]0;evil\x07x\x1b[2J", "b\rc")
    path.write_bytes(path.read_bytes() + b"\xff\xfe\n")
    assert printed() == ["2026 event key=x", "b c", "\ufffd\ufffd"]


def test_a_line_that_is_not_whole_yet_waits(path: Path) -> None:
    path.write_text("a\nhalf")
    assert printed() == ["a"]


def test_what_comes_is_followed_over_any_rotation(path: Path) -> None:
    append(path, "old")
    rotate(path)
    append(path, "a")
    with open(path, "a") as log:
        log.write("half")
    words = [sys.executable, "-m", "codex_tmux", "log", "-f"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        try:
            assert [reader.stdout.readline() for _ in range(2)] == ["old\n", "a\n"]
            append(path, " a line")
            assert reader.stdout.readline() == "half a line\n"
            append(path, "it watches by now")  # tail reads what is there before it begins to watch
            assert reader.stdout.readline() == "it watches by now\n"
            append(path, "b")
            rotate(path)
            assert reader.stdout.readline() == "b\n"
            append(path, "longer than d")
            assert reader.stdout.readline() == "longer than d\n"
            path.write_text("d\n")
            assert reader.stdout.readline() == "d\n", "emptied by hand, it goes on"
        finally:
            reader.send_signal(signal.SIGINT)
            rest = reader.communicate(timeout=10)
    assert rest == ("", "")


def test_a_log_that_is_not_there_yet_is_waited_for(path: Path) -> None:
    words = [sys.executable, "-m", "codex_tmux", "log", "-f"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        append(path, "a")
        try:
            assert reader.stdout.readline() == "a\n"
        finally:
            reader.send_signal(signal.SIGINT)
