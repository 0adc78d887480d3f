"""Which version a Codex is, and what follows from that."""

from pathlib import Path

import pytest

from codex_tmux.codex.version import LIMITS, ask_version, limits_of, version_in
from codex_tmux.errors import Problem


def test_what_a_codex_says(tmp_path: Path) -> None:
    program = tmp_path / "codex"
    program.write_text("#!/bin/sh\necho codex-cli 0.117.0\n")
    program.chmod(0o755)
    assert ask_version(str(program)) == (0, 117, 0)
    program.write_text("#!/bin/sh\necho codex-cli 0.117.0; exit 1\n")
    assert ask_version(str(program)) is None
    with pytest.raises(Problem, match="gave no answer"):
        ask_version(str(tmp_path / "gone"))
    assert version_in("codex-cli 0.0.0") is None, "built from source"


def test_limits() -> None:
    assert limits_of((0, 98, 0)) == [text for _, text in LIMITS]
    assert len(limits_of((0, 117, 0))) == 2
    assert len(limits_of((0, 144, 6))) == 1
    assert limits_of((0, 154, 0)) == []
