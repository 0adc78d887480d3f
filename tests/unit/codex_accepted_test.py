"""Which options a Codex accepts, told by its own parser."""

from pathlib import Path

import pytest

from codex_tmux.codex.accepted import accepted, accepts

REFUSES = """#!/bin/sh
[ "$*" = "${*%--version}" ] && exit 9  # never started as a conversation
echo "$*" >> ASKED
for word; do
    case $word in --full-auto|untrusted|--search=2) exit 2;; --crash) exit 1;; esac
done
case $* in *-m*-p*) exit 2;; esac
"""


@pytest.fixture
def codex(tmp_path: Path) -> list[str]:
    program = tmp_path / "codex"
    program.write_text(REFUSES.replace("ASKED", str(tmp_path / "asked")))
    program.chmod(0o755)
    return [str(program)]


@pytest.mark.parametrize(
    ("flags", "kept"),
    [
        ([], []),
        (["-m", "x", "--yolo"], ["-m", "x", "--yolo"]),
        (["-m", "x", "--full-auto", "--yolo"], ["-m", "x", "--yolo"]),
        (["-a", "untrusted", "-C", "/d"], ["-C", "/d"]),
        (["-auntrusted", "--future"], ["-auntrusted", "--future"]),
        (["-a", "untrusted"], []),
        # Fine each for itself, but not side by side.
        (["-m", "x", "-p", "y"], []),
        # What it says about anything else than the command line is no reason to leave something out.
        (["--crash"], ["--crash"]),
    ],
)
def test_what_is_kept(codex: list[str], flags: list[str], kept: list[str]) -> None:
    assert accepted(codex, flags) == kept


def test_it_is_asked_once_where_all_is_well(codex: list[str], tmp_path: Path) -> None:
    accepted(codex, ["-m", "x", "--yolo"])
    assert (tmp_path / "asked").read_text() == "-m x --yolo --version\n"


def test_options_of_exec_stand_behind_that_word(codex: list[str], tmp_path: Path) -> None:
    assert accepts(codex, ["--search", "--skip-git-repo-check", "-m", "x"], "exec")
    assert (tmp_path / "asked").read_text() == "--search exec --skip-git-repo-check -m x --version\n"


def test_one_that_cannot_be_asked_refuses_nothing(tmp_path: Path) -> None:
    assert accepted([str(tmp_path / "gone")], ["--full-auto"]) == ["--full-auto"]
