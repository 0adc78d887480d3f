"""The two lines in tmux.conf: put in, found again, taken out."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from codex_tmux import launcher
from codex_tmux.errors import Problem
from codex_tmux.setup import install, tmux_conf, uninstall
from codex_tmux.setup.check_helper import check_conf
from codex_tmux.setup.doctor_facts import DoctorFacts, Finding
from codex_tmux.tmux.server import Server

LINE = b"run-shell '/opt/codex.tmux'"
OTHER = b"run-shell '/usr/codex.tmux'"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "argv", [str(program(tmp_path / "bin"))])
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return Path.home()


def program(directory: Path, does: str = "") -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / "codex-tmux"
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)
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


def test_what_a_former_version_wrote_is_ours_too() -> None:
    data = tmux_conf.COMMENT[:-1] + b", and the file)\n" + OTHER + b"\n"
    assert OTHER not in tmux_conf.added(data, LINE)
    assert tmux_conf.removed(data) == b""


def test_what_the_user_wrote_below_meanwhile_stays() -> None:
    for before in (b"", b"a", b"a\n"):
        data = tmux_conf.added(before, LINE) + b"\nset -g mouse on\n"
        assert tmux_conf.removed(data) == before + b"\nset -g mouse on\n"


def test_a_last_line_that_goes_on_is_not_continued_by_ours() -> None:
    for data in (b"set -g a \\", b"set -g a \\\n"):
        with pytest.raises(Problem, match="backslash"):
            tmux_conf.added(data, LINE)


@pytest.mark.parametrize(
    "name", ["plain", "with space", "it's", 'a"b', "#{pane_id}#S", "$HOME `id`", "ü%H", "a;b"]
)
def test_tmux_runs_the_program_whatever_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    out = tmp_path / "out"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for socket, directory in (("one", tmp_path / name), ("two", tmp_path / "home" / name)):
        directory.parent.mkdir(exist_ok=True)
        path = program(directory, f"echo $1 >> '{out}'")
        conf = tmp_path / "conf"
        conf.write_bytes(tmux_conf.load_line(str(path)) + b"\n")
        subprocess.run(
            ["tmux", "-L", socket, "-f", str(conf), "start-server", ";", "run-shell", "true"],
            check=True,
            timeout=20,
        )
    assert out.read_text() == "load\nload\n"


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
    with pytest.raises(Problem, match="--yes"):
        run("install")
    assert conf.read_bytes() == before, "nobody can be asked"
    done = run("install", "-y")
    assert done.return_value == 0
    assert "+run-shell" in done.output
    assert "No tmux server is running" in done.output
    assert conf.read_bytes().startswith(before)
    assert conf.stat().st_mode & 0o777 == 0o640
    [backup] = home.glob(".tmux.conf.codex-tmux-*")
    assert backup.read_bytes() == before
    assert run("install", "--check").return_value == 0
    written = conf.read_bytes()
    assert "nothing to write" in run("install").output
    assert conf.read_bytes() == written
    assert run("uninstall", "-y").return_value == 0
    assert conf.read_bytes() == before
    assert sorted(p.name for p in home.iterdir()) == [".tmux.conf"]


def test_a_file_that_was_not_there_goes_again(home: Path) -> None:
    run("install", "-y")
    run("uninstall", "-y")
    assert list(home.iterdir()) == []


def test_the_line_follows_the_program_when_that_moves(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("install", "-y")
    monkeypatch.setattr(sys, "argv", [str(program(tmp_path / "elsewhere"))])
    assert "another line" in run("install", "--check").output
    run("install", "-y")
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


def test_the_line_holds_a_name_that_stays_when_python_changes(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pipx and uv link from ~/.local/bin into an environment of their own."""
    script = program(tmp_path / "venv-of-python3.10")
    monkeypatch.setattr(sys, "argv", [str(script)])
    link = home / ".local/bin/codex-tmux"
    link.parent.mkdir(parents=True)
    link.symlink_to(script)
    run("install", "-y")
    assert "\nrun-shell '~/.local/bin/codex-tmux load'\n" in (home / ".tmux.conf").read_text()
    script.rename(tmp_path / "venv-of-python3.12")
    link.unlink()
    assert "gone" in of_conf().detail
    link.symlink_to(program(tmp_path / "new"))
    monkeypatch.setattr(sys, "argv", [str(link)])
    assert of_conf().status == "ok"


def of_conf() -> Finding:
    return check_conf(DoctorFacts(Server("/nowhere"), reachable=False))


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("set -g @plugin 'someone/codex-tmux'", "ok"),
        ("run-shell '/nowhere/lib/python3.10/site-packages/codex_tmux/share/codex.tmux'", "broken"),
        ("run '{there}/codex.tmux'", "ok"),
        ("run '~/nowhere/codex-tmux load'", "broken"),
    ],
)
def test_a_line_by_hand_that_will_load_nothing_is_found(
    home: Path, tmp_path: Path, line: str, status: str
) -> None:
    (tmp_path / "codex.tmux").touch()
    (home / ".tmux.conf").write_text(line.format(there=tmp_path))
    assert of_conf().status == status


def test_a_program_that_is_not_on_path_is_named_in_full_until_it_is_linked(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = program(home / "src")
    monkeypatch.setattr(sys, "argv", [str(script)])
    monkeypatch.setenv("PATH", f"{home}/.local/bin:/usr/bin:/bin")
    assert launcher.typed("setup") == "~/src/codex-tmux setup"
    done = run("install", "-y")
    assert (home / ".local/bin/codex-tmux").readlink() == script
    assert "Next: codex-tmux setup" in done.output
    assert "run-shell '~/.local/bin/codex-tmux load'" in (home / ".tmux.conf").read_text(), (
        "the link came first"
    )
    assert run("install", "--check").return_value == 0
    assert launcher.program() == str(home / ".local/bin/codex-tmux")
    assert "; rm ~/.local/bin/codex-tmux" in run("uninstall", "-y").output


def test_the_link_of_pipx_is_left_to_pipx(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = program(tmp_path / "venv")
    (tmp_path / "pipx_metadata.json").touch()
    link = home / ".local/bin/codex-tmux"
    link.parent.mkdir(parents=True)
    link.symlink_to(script)
    monkeypatch.setattr(sys, "argv", [str(link)])
    done = run("uninstall", "-y")
    assert link.is_symlink()
    assert "pipx uninstall codex-tmux" in done.output


def test_the_user_s_own_options_that_use_ours_are_named() -> None:
    listed = "@codex_dir x\nstatus-right '#{@codex_status}'\n@mine '#{@codex_status}'\nmouse on"
    assert uninstall.MENTION.findall(listed) == ["status-right", "@mine"]
