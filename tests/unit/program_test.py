"""The program that becomes Codex in a pane."""

from pathlib import Path

import pytest

from codex_tmux.pane.program import missing_interpreter


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
