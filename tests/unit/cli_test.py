"""The command line as a whole: each command explains itself, and what hooks start imports none of it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from codex_tmux.cli import COMMANDS, cli
from codex_tmux.state.launch import LAY

OF_PEOPLE = ("click", "rich", "websockets", "libtmux", "prompt_toolkit", "psutil")
"""What a command that people type may take its time to import."""


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_with_an_example(name: str) -> None:
    done = CliRunner().invoke(cli, [name, "--help"], catch_exceptions=False)
    assert done.exit_code == 0
    assert "Usage:" in done.output
    assert "Example: " in done.output


@pytest.mark.parametrize("module", ["tracking.sync", "tracking.pass_once", "pane.run"])
def test_what_hooks_start_imports_nothing_for_people(module: str) -> None:
    code = f"import sys, codex_tmux.{module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not set(loaded) & set(OF_PEOPLE)


@pytest.mark.parametrize("command", ["run", "exec"])
@pytest.mark.parametrize(
    ("buffer", "holds", "size", "drawn"),
    [
        # The line that tmux draws in a dead pane scrolls the first one off.
        (
            "codex-said-1",
            "\x1eyou\nplease #{pane_id}\x1eCodex\nIt is\ndone",
            "10 4 0",
            ["", "› please…", "• It is", "  done"],
        ),
        ("codex-said-1", "", "10 4 0", [""]),
        ("codex-1", "a screen\nPane is dead", "10 4 0", ["", "a screen"]),
        ("codex-1", "not where tmux would end with it", "10 4 1", [""]),
    ],
)
def test_a_pane_that_falls_asleep_draws_a_buffer_and_takes_it_away(
    tmp_path: Path, command: str, buffer: str, holds: str, size: str, drawn: list[str]
) -> None:
    (tmp_path / "held").write_text(holds)
    tmux = tmp_path / "tmux"
    tmux.write_text(
        f'#!/bin/sh\ncd {tmp_path}; case $2 in save-buffer) cat held;; *) echo "$@" >>calls; echo {size}; esac\n'
    )
    tmux.chmod(0o700)
    environ = os.environ | {LAY: buffer, "CODEX_TMUX_TMUX": str(tmux), "TMUX_PANE": "%7", "PYTHONUTF8": "1"}
    words = [sys.executable, "-m", "codex_tmux", command]
    done = subprocess.run(words, env=environ, capture_output=True, encoding="utf-8")
    assert done.returncode == 1, "the status lets tmux keep the pane"
    assert re.sub(r"\x1b\[[?0-9;]*[a-z]", "", done.stdout).split("\n") == drawn
    assert f"delete-buffer -b {buffer}" in (tmp_path / "calls").read_text()
