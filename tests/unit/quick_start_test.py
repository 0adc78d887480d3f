"""The quick way to start codex-tmux, and that it is left where it does not work."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from codex_tmux import __version__, quick_start
from codex_tmux.hook import prepare
from codex_tmux.options import has_moved, helper_of, shell_words

PACKAGE = Path(quick_start.HOOK).parent


def script(path: Path, text: str) -> str:
    path.write_text(text)
    path.chmod(0o700)
    return str(path)


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        (f"#!{sys.executable}\nimport sys\n", True),
        (f"#!{sys.executable} -I\nimport sys\n", True),
        (f"#!/bin/sh\n'''exec' \"{sys.executable}\" \"$0\" \"$@\"\n' '''\n", True),
        (f"#!{sys.executable}3\n", False),
        (f'#!/bin/sh\nA=1 exec {sys.executable} -m codex_tmux "$@"\n', False),
        ("#!/usr/bin/env python3\n", False),
        ("", False),
    ],
)
def test_only_a_helper_that_starts_just_us_is_passed_by(tmp_path: Path, text: str, ours: bool) -> None:
    assert quick_start.is_for(script(tmp_path / "codex-tmux", text)) is ours


def test_a_helper_that_is_gone_is_not_passed_by(tmp_path: Path) -> None:
    assert not quick_start.is_for(str(tmp_path / "nothing"))


@pytest.mark.parametrize("place", ["plain", "it's", "a b", "a#{b}$(c)"])
def test_the_stored_command_starts_the_quick_way_and_else_the_helper(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / place
    there.mkdir()
    python = script(there / "python", '#!/bin/sh\necho "python $*"\n')
    hook = script(there / "hook.py", "")
    helper = script(there / "codex-tmux", '#!/bin/sh\necho "helper $*"\n')
    monkeypatch.setattr(sys, "executable", python)
    monkeypatch.setattr(quick_start, "HOOK", hook)
    words = [*quick_start.stored(helper, quick_start.shell_text()), "run", "--shell"]

    def said() -> str:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    assert said() == f"python -I -S {hook} run --shell"
    os.unlink(hook)  # the package has moved, as by an upgrade of Python below pipx
    assert said() == "helper run --shell"
    os.unlink(python)
    assert said() == "helper run --shell"


def test_the_stored_command_counts_as_ours() -> None:
    words = quick_start.stored("/x/codex-tmux", quick_start.shell_text())
    for command, ours in (("run", True), ("exec", True), ("sync", False)):
        # As tmux tells it: each word quoted.
        text = " ".join('"' + w.replace("\\", "\\\\").replace('"', '\\"') + '"' for w in [*words, command])
        assert shell_words(text) == [*words, command]
        assert bool(helper_of(text)) is ours
    assert not helper_of("/bin/sh -c 'codex hook.py run'")


def test_what_is_no_quick_way_leaves_the_helper() -> None:
    assert quick_start.stored("/x/codex-tmux", "rubbish") == ["/x/codex-tmux"]


def hook(*args: str, package: Path = PACKAGE, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", str(package / "hook.py"), *args],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
    )


def test_every_command_is_there_by_the_quick_way_too() -> None:
    done = hook("--version")
    assert (done.returncode, done.stdout.strip()) == (0, f"codex-tmux, version {__version__}"), done.stderr
    assert hook("no-such-command").returncode == 2


@pytest.mark.parametrize(("writable", "compiled", "elsewhere"), [(0, 0, True), (1, 0, False), (0, 1, False)])
def test_a_package_that_cannot_be_written_is_compiled_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writable: int, compiled: int, elsewhere: bool
) -> None:
    """Python would compile all of it at each start, in silence."""
    cached = tmp_path / f"__pycache__/sync.{sys.implementation.cache_tag}.pyc"
    if compiled:
        cached.parent.mkdir()
        cached.touch()
    # Root may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: bool(writable))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "pycache_prefix", None)
    monkeypatch.setenv("XDG_CACHE_HOME", "/the/cache")
    prepare(str(tmp_path))
    assert sys.pycache_prefix == ("/the/cache/codex-tmux/pycache" if elsewhere else None)


HERE, THERE = "/here/bin/codex-tmux", "/there/bin/codex-tmux"
MOVED = [
    # stored command, present helper, moved
    (f"{HERE} run", HERE, False),
    (f"{THERE} run", HERE, True),
    (f"{THERE} run --shell", HERE, True),
    (f"{THERE} exec", HERE, True),
    (shlex.join([*quick_start.stored(HERE, quick_start.shell_text()), "run"]), HERE, False),
    (shlex.join([*quick_start.stored(THERE, quick_start.shell_text()), "run"]), HERE, True),
    (f"{THERE} run", "", False),  # no helper is known: nothing to lay it for
    ("codex-tmux run", HERE, False),  # by PATH
    ("codex 'use /there/bin/codex-tmux run'", HERE, False),
    ("bash", HERE, False),
]


@pytest.mark.parametrize(("command", "helper", "moved"), MOVED)
def test_a_stored_command_of_a_helper_that_has_moved(command: str, helper: str, moved: bool) -> None:
    assert has_moved(command, helper) is moved
