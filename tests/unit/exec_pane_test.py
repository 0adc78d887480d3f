from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios

import pytest
from click.testing import CliRunner

from codex_tmux import exec_pane
from codex_tmux.errors import Problem

ID = "01a206de-8f3c-7a10-81b3-02aa28d1e23e"


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("--sandbox", "read-only", "--model", "x", "--color", "never"),
        ("-c", "model_reasoning_effort=high", "--skip-git-repo-check", "-C", "resume"),
        ("--some-future-option=1",),
        ("-o", "last.txt"),
    ],
)
def test_flags_of_a_conversation(flags: tuple[str, ...]) -> None:
    exec_pane.check_flags(flags)


@pytest.mark.parametrize(
    "flags",
    [
        ("do this",),
        ("-m", "x", "do this"),
        ("resume", ID),
        ("resume",),
        ("fork", ID),
        ("review",),
        ("help",),
        ("exec",),
        ("--ephemeral",),
        ("-i", "a.png"),
        ("-ia.png",),
        ("--image=a.png",),
        ("--last",),
        ("--worktree",),
        ("-h",),
        ("--", "do this"),
        ("--",),
        ("--some-future-option", "1"),
    ],
)
def test_flags_of_one_turn_or_of_another_command(flags: tuple[str, ...]) -> None:
    with pytest.raises(Problem):
        exec_pane.check_flags(flags)


def test_a_new_panes_command_is_several_words_and_keeps_the_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CODEX_HOME")
    words = exec_pane.pane_command(["/bin/codex-tmux"], False, ("-m", "a b; $(id)"))
    assert words == ["/bin/codex-tmux", "exec", "--", "-m", "a b; $(id)"]


def test_a_codex_home_of_ones_own_is_part_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEX_HOME", "/some/home")
    assert exec_pane.pane_command(["h"], True, ())[:2] == ["env", "CODEX_HOME=/some/home"]
    assert "--json" in exec_pane.pane_command(["h"], True, ())


def test_options_that_need_one_another() -> None:
    run = CliRunner().invoke
    assert run(exec_pane.command, ["-c", "/"]).exit_code == 2
    assert run(exec_pane.command, ["--split", "-n", "x"]).exit_code == 2
    assert isinstance(run(exec_pane.command, ["--new", "-c", "/no/such/dir"]).exception, Problem)


def test_what_was_typed_before_the_program_was_there() -> None:
    """The terminal had made Enter a newline, as it does for a shell; from then on nothing is echoed."""
    leader, follower = pty.openpty()
    os.write(leader, b"early\rnext\rhalf")
    program = (
        "import os, sys, termios, time\n"
        "from codex_tmux.exec_pane import keyboard\n"
        "with keyboard() as early:\n"
        "    quiet = not termios.tcgetattr(0)[3] & (termios.ECHO | termios.ICANON)\n"
        "    sys.stderr.write(repr((early, quiet)))\n"
    )
    before = termios.tcgetattr(follower)
    done = subprocess.run([sys.executable, "-c", program], stdin=follower, stderr=subprocess.PIPE, text=True)
    after = termios.tcgetattr(follower)
    os.close(leader)
    os.close(follower)
    assert done.stderr == repr((b"early\rnext\rhalf", True))
    assert after == before
