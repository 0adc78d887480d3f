"""The two lines in tmux.conf: put in, found again, taken out."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from codex_tmux import install, tmux_conf, uninstall
from codex_tmux.errors import Problem

LINE = b"run-shell '/opt/codex.tmux'"
OTHER = b"run-shell '/usr/codex.tmux'"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(install, "plugin_file", lambda: plugin(tmp_path / "plugin"))
    return Path.home()


def plugin(directory: Path, mode: int = 0o755) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / "codex.tmux"
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def run(*args: str) -> Result:
    command = {"install": install.command, "uninstall": uninstall.command}[args[0]]
    return CliRunner().invoke(command, list(args[1:]), standalone_mode=False, catch_exceptions=False)


CONFIGS = st.one_of(
    st.binary(max_size=200),
    st.text(alphabet="ab\n #\\'", max_size=40).map(str.encode),
).filter(lambda data: not data.rstrip(b"\n").endswith(b"\\") and not tmux_conf.OURS.search(data))


@given(CONFIGS)
def test_taken_out_the_file_is_what_it_was(data: bytes) -> None:
    with_ours = tmux_conf.added(data, LINE)
    assert LINE in with_ours.split(b"\n")
    assert tmux_conf.added(with_ours, LINE) == with_ours, "a second time changes nothing"
    assert tmux_conf.removed(with_ours) == data
    moved = tmux_conf.added(with_ours, OTHER)
    assert LINE not in moved
    assert tmux_conf.removed(moved) == data


def test_what_the_user_wrote_below_meanwhile_stays() -> None:
    for before in (b"", b"a", b"a\n"):
        data = tmux_conf.added(before, LINE) + b"\nset -g mouse on\n"
        assert tmux_conf.removed(data) == before + b"\nset -g mouse on\n"


def test_a_file_that_was_not_there_goes_again_unless_there_is_more_in_it_now() -> None:
    data = tmux_conf.added(None, LINE)
    assert tmux_conf.removed(data) is None
    assert tmux_conf.removed(data + b"set -g mouse on\n") == b"set -g mouse on\n"
    assert tmux_conf.removed(tmux_conf.added(b"", LINE)) == b"", "an empty file was one"


def test_a_last_line_that_goes_on_is_not_continued_by_ours() -> None:
    for data in (b"set -g a \\", b"set -g a \\\n"):
        with pytest.raises(Problem, match="backslash"):
            tmux_conf.added(data, LINE)


@pytest.mark.parametrize(
    "name", ["plain", "with space", "it's", 'a"b', "#{pane_id}#S", "$HOME `id`", "ü%H", "a;b"]
)
def test_tmux_runs_the_plugin_whatever_its_path(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    for mode in (0o755, 0o644):
        path = plugin(tmp_path / name, mode)
        path.write_text(f"#!/bin/sh\necho loaded >> '{out}'\n")
        conf = tmp_path / "conf"
        conf.write_bytes(tmux_conf.load_line(path) + b"\n")
        subprocess.run(
            ["tmux", "-L", "conf", "-f", str(conf), "start-server", ";", "run-shell", "true"],
            check=True,
            timeout=20,
        )
    assert out.read_text() == "loaded\nloaded\n"


def test_the_place_is_the_file_that_tmux_reads(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tmux_conf.place() == home / ".tmux.conf"
    (home / ".config/tmux").mkdir(parents=True)
    (home / ".config/tmux/tmux.conf").touch()
    assert tmux_conf.place() == home / ".config/tmux/tmux.conf"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "xdg"))
    (home / "xdg/tmux").mkdir(parents=True)
    (home / "xdg/tmux/tmux.conf").touch()
    assert tmux_conf.place() == home / "xdg/tmux/tmux.conf"


def test_install_shows_writes_and_is_idempotent_and_uninstall_leaves_nothing(home: Path) -> None:
    conf = home / ".tmux.conf"
    conf.write_bytes(b"set -g mouse on\n\xff# not UTF-8")
    conf.chmod(0o640)
    before = conf.read_bytes()
    assert run("install", "--check").return_value == 1
    done = run("install")
    assert done.return_value == 0
    assert "+run-shell" in done.output
    assert "No tmux server runs" in done.output
    assert conf.read_bytes().startswith(before)
    assert conf.stat().st_mode & 0o777 == 0o640
    [backup] = home.glob(".tmux.conf.codex-tmux-*")
    assert backup.read_bytes() == before
    assert run("install", "--check").return_value == 0
    written = conf.read_bytes()
    assert "nothing to write" in run("install").output
    assert conf.read_bytes() == written
    assert run("uninstall").return_value == 0
    assert conf.read_bytes() == before
    assert sorted(p.name for p in home.iterdir()) == [".tmux.conf"]


def test_a_copy_that_is_worth_something_stays(home: Path) -> None:
    conf = home / ".tmux.conf"
    conf.write_text("one\n")
    run("install")
    conf.write_text("two\n" + conf.read_text())
    run("uninstall")
    assert conf.read_text() == "two\none\n"
    assert [p.read_text() for p in home.glob(".tmux.conf.codex-tmux-*")] == ["one\n"]


def test_a_link_into_the_dotfiles_stays_a_link(home: Path) -> None:
    target = home / "dotfiles/tmux.conf"
    target.parent.mkdir()
    target.write_text("a\n")
    (home / ".tmux.conf").symlink_to(target)
    run("install")
    assert (home / ".tmux.conf").is_symlink()
    assert b"run-shell" in target.read_bytes()
    run("uninstall")
    assert (home / ".tmux.conf").is_symlink()
    assert target.read_text() == "a\n"


def test_a_read_only_file_is_left_alone(home: Path) -> None:
    conf = home / ".tmux.conf"
    conf.write_text("a\n")
    conf.chmod(0o444)
    with pytest.raises(Problem, match="read-only"):
        run("install")
    assert conf.read_text() == "a\n"


def test_the_line_follows_the_plugin_when_that_moves(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("install")
    monkeypatch.setattr(install, "plugin_file", lambda: plugin(tmp_path / "elsewhere"))
    assert "another copy" in run("install", "--check").output
    run("install")
    text = (home / ".tmux.conf").read_text()
    assert "elsewhere" in text
    assert text.count("run-shell") == 1


@pytest.mark.parametrize(
    "line",
    ["set -g @plugin 'someone/codex-tmux'", "run-shell ~/src/codex-tmux/codex.tmux", "run '/a/codex.tmux'"],
)
def test_a_plugin_that_is_loaded_already_is_not_loaded_twice(home: Path, line: str) -> None:
    conf = home / ".tmux.conf"
    conf.write_text(f"# run-shell /not/this/codex.tmux\n{line}\n")
    before = conf.read_bytes()
    done = run("install")
    assert done.return_value == 0
    assert line in done.output
    assert conf.read_bytes() == before
    assert run("uninstall").return_value == 0
    assert conf.read_bytes() == before
