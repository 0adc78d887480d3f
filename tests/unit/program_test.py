"""The program that becomes Codex in a pane."""

import os
from pathlib import Path

import pytest

from codex_tmux.codex.home import default_home
from codex_tmux.pane.program import find_program, missing_interpreter


@pytest.mark.parametrize(
    ("first", "missing"),
    [
        ("#!/usr/bin/env node", "node"),
        ("#!/usr/bin/env -S node --enable-source-maps", "node"),
        ("#!/usr/bin/env A=1 node", "node"),
        ("#!/usr/bin/env beside", ""),
        ("#!/usr/bin/env on_path", ""),
        ("#!/bin/sh", ""),
        ("#!", ""),
        ("\x7fELF", ""),
        ("", ""),
    ],
)
def test_missing_interpreter(tmp_path: Path, first: str, missing: str) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "path").mkdir()
    for name in ("bin/beside", "path/on_path", "bin/codex"):
        (tmp_path / name).touch(0o755)
    (tmp_path / "bin/codex").write_text(first + "\n")
    assert missing_interpreter(str(tmp_path / "bin/codex"), str(tmp_path / "path")) == missing


def test_a_program_that_is_not_there_misses_nothing(tmp_path: Path) -> None:
    assert missing_interpreter(str(tmp_path / "codex"), "/usr/bin") == ""


def test_codex_is_found_from_a_directory_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    monkeypatch.delenv("CODEX_HOME", raising=False)
    assert find_program("/bin/sh", "") == "/bin/sh"
    assert default_home() == os.path.expanduser("~/.codex")
