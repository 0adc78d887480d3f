"""The log as `codex-tmux log` shows it: whole, its end, and what comes, over any rotation."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from codex_tmux.commands.show_log import Follower, command


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


def test_what_comes_is_followed(path: Path) -> None:
    follower = Follower(str(path))
    assert list(follower.new_lines()) == []
    append(path, "a")
    assert list(follower.new_lines()) == ["a"]
    with open(path, "a") as log:
        log.write("half")
    assert list(follower.new_lines()) == []
    append(path, " a line")
    assert list(follower.new_lines()) == ["half a line"]


@pytest.mark.parametrize("rotations", [1, 2])
def test_rotations_lose_nothing(path: Path, rotations: int) -> None:
    append(path, "a")
    follower = Follower(str(path))
    assert list(follower.new_lines()) == ["a"]
    expected = []
    for number in range(rotations):
        append(path, f"b{number}")
        rotate(path)
        expected.append(f"b{number}")
    append(path, "c")
    assert list(follower.new_lines()) == [*expected, "c"]
    append(path, "d")
    assert list(follower.new_lines()) == ["d"]


def test_a_log_between_two_names_is_waited_for(path: Path) -> None:
    append(path, "a")
    follower = Follower(str(path))
    list(follower.new_lines())
    append(path, "b")
    rotate(path)
    assert list(follower.new_lines()) == ["b"]
    append(path, "c")
    assert list(follower.new_lines()) == ["c"]


def test_one_emptied_by_hand_goes_on(path: Path) -> None:
    append(path, "a long line")
    follower = Follower(str(path))
    list(follower.new_lines())
    path.write_text("b\n")
    assert list(follower.new_lines()) == ["b"]
