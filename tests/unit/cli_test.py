"""The command line as a whole: each command explains itself, and what hooks start imports none of it."""

from __future__ import annotations

import os
import subprocess
import sys

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


@pytest.mark.parametrize(
    ("text", "drawn"), [("a conversation · asleep", "\na conversation · asleep"), ("", "")]
)
@pytest.mark.parametrize("command", ["run", "exec"])
def test_what_a_restored_pane_says_is_not_on_the_line_that_tmux_scrolls_off(
    command: str, text: str, drawn: str
) -> None:
    environ = os.environ | {LAY: f"={text}", "PYTHONUTF8": "1"}
    words = [sys.executable, "-m", "codex_tmux", command]
    done = subprocess.run(words, env=environ, capture_output=True, encoding="utf-8")
    assert (done.stdout, done.returncode) == (drawn, 1), "the status lets tmux keep the pane"
