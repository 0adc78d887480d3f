"""`codex-tmux setup`: the change, the file, the way back."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from codex_tmux.codex import version
from codex_tmux.codex.title_config import title_has_id
from codex_tmux.errors import Problem
from codex_tmux.setup import setup

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
LINE = 'terminal_title = ["activity", "thread-id", "thread-title", "project-name"]'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Codex home of our own, HOME and state too; no Codex on PATH."""
    at_home(tmp_path, monkeypatch)
    home = tmp_path / ".codex"
    home.mkdir()
    return home


@pytest.fixture
def config(home: Path) -> Path:
    """That home's config, with a line in it."""
    path = home / "config.toml"
    path.write_text("a = 1\n")
    return path


def at_home(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(directory))
    monkeypatch.setenv("CODEX_TMUX_STATE_DIR", str(directory / "state"))
    monkeypatch.setenv("PATH", str(directory / "bin"))
    monkeypatch.delenv("CODEX_HOME", raising=False)


def run(*args: str) -> Result:
    words = args if "--check" in args else (*args, "--yes")
    return CliRunner().invoke(setup.command, words, standalone_mode=False)


def ok(*args: str) -> str:
    result = run(*args)
    assert result.exception is None, result.exception
    assert result.return_value == 0, result.output
    return result.output


def problem(*args: str) -> str:
    result = run(*args)
    assert isinstance(result.exception, Problem), result
    return str(result.exception)


def names_in(directory: Path) -> list[str]:
    return sorted(p.name for p in directory.iterdir())


# --- what is said and asked -------------------------------------------------------------------------------


def test_shows_the_change_and_keeps_a_copy(home: Path, config: Path) -> None:
    out = ok()
    assert f"+{LINE}\n" in out
    assert out.index("+terminal_title") < out.index("written:")
    assert "restart" in out
    copy = next(home.glob("config.toml.codex-tmux-*Z"))
    assert str(copy) in out
    assert copy.read_text() == "a = 1\n"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert not (home.parent / "state").exists(), "the copy is all that --undo needs"
    written = config.read_bytes()
    assert "nothing to do" in ok()
    assert config.read_bytes() == written


@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"n\n", 1), (b"\x03", 130)])
def test_asks_on_a_terminal(home: Path, config: Path, answer: bytes, code: int) -> None:
    main, terminal = os.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "codex_tmux", "setup"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    os.close(terminal)
    out = b""
    try:
        while b"Write this?" not in out:
            out += os.read(main, 1000)
        assert config.read_text() == "a = 1\n"
        ended = None
        while ended is None:  # readline may miss a Ctrl-C that comes while it wakes up: press again
            os.write(main, answer)
            with suppress(subprocess.TimeoutExpired):
                ended = child.wait(2)
    finally:
        child.kill()
        child.wait()
        os.close(main)
    assert b"\x1b[32m+" in out or os.environ.get("NO_COLOR")
    assert ended == code
    assert (config.read_text() == "a = 1\n") is (code != 0)
    assert names_in(home) == ["config.toml"] or code == 0


@pytest.mark.parametrize("words", [[], ["--undo"]])
def test_without_a_terminal_nothing_is_written_unasked(config: Path, words: list[str]) -> None:
    if words:
        ok()
    before = config.read_bytes()
    result = CliRunner().invoke(setup.command, words, standalone_mode=False)
    assert isinstance(result.exception, Problem)
    assert "--yes" in str(result.exception)
    assert config.read_bytes() == before


def test_check_tells_and_never_writes(home: Path) -> None:
    result = run("--check")
    assert result.return_value == 1
    assert f"{home}/config.toml" in result.output
    assert "codex-tmux setup" in result.output
    assert names_in(home) == []
    ok()
    before = (home / "config.toml").stat()
    assert "set:" in ok("--check")
    assert (home / "config.toml").stat() == before


def test_check_and_undo_is_misuse(home: Path) -> None:
    assert isinstance(run("--check", "--undo").exception, click.UsageError)


# --- the file ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640])
def test_undo_gives_back_bytes_and_mode(home: Path, mode: int) -> None:
    config = home / "config.toml"
    config.write_bytes(b"\xef\xbb\xbf# \xc3\xa9\r\na = 1")
    config.chmod(mode)
    ok()
    assert stat.S_IMODE(config.stat().st_mode) == mode
    ok("--undo")
    assert stat.S_IMODE(config.stat().st_mode) == mode
    assert config.read_bytes() == b"\xef\xbb\xbf# \xc3\xa9\r\na = 1"
    assert names_in(home) == ["config.toml"]
    assert "nothing to undo" in ok("--undo")


def test_makes_the_default_home(home: Path) -> None:
    home.rmdir()
    ok()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "config.toml").stat().st_mode) == 0o600
    assert "removed" in ok("--undo")
    assert names_in(home) == []


def test_a_named_home_has_to_be_there(home: Path) -> None:
    assert "no such directory" in problem("--codex-home", str(home / "tpyo"))
    assert names_in(home) == []


@pytest.mark.parametrize("there", [True, False])
def test_writes_through_a_link(home: Path, there: bool) -> None:
    dotfiles = home.parent / "dotfiles"
    dotfiles.mkdir()
    target = dotfiles / "codex.toml"
    config = home / "config.toml"
    config.symlink_to("../dotfiles/codex.toml")
    if there:
        target.write_text("a = 1\n")
    ok()
    assert config.is_symlink()
    assert title_has_id(target.read_text())
    assert names_in(dotfiles) == ["codex.toml"]
    ok("--undo")
    assert config.is_symlink()
    assert target.exists() is there
    assert not there or target.read_text() == "a = 1\n"


UNTOUCHED = [
    (b"a = 1\nb =\n", "line 2, column 4", True),
    (b"a = 1\nb = '\xff'\n", "not UTF-8 (line 2)", True),
    (b'tui.terminal_title = "x"\n', "not a list", True),
    (b"tui.x = 1\n", "by hand, under `tui`: terminal_title = ", False),
]


@pytest.mark.parametrize(("data", "says", "check"), UNTOUCHED)
def test_files_that_are_broken_or_written_otherwise_stay_untouched(
    home: Path, data: bytes, says: str, check: bool
) -> None:
    config = home / "config.toml"
    config.write_bytes(data)
    for options in ([], ["--check"])[: 1 + check]:
        message = problem(*options)
        assert says in message
        assert message.startswith(f"{config}: ")
    assert config.read_bytes() == data
    assert names_in(home) == ["config.toml"]


def test_read_only_file(home: Path, config: Path) -> None:
    config.chmod(0o444)
    assert problem().startswith(f"{config}: read-only")
    assert config.read_text() == "a = 1\n"
    assert names_in(home) == ["config.toml"]
    assert "nothing to undo" in ok("--undo")


@ROOT
def test_the_owner_stays(config: Path) -> None:
    os.chown(config, 1234, 1235)
    for options in ([], ["--undo"]):
        ok(*options)
        assert (config.stat().st_uid, config.stat().st_gid) == (1234, 1235)


@ROOT
def test_a_device_stays(config: Path) -> None:
    config.unlink()
    os.mknod(config, stat.S_IFCHR | 0o666, os.stat("/dev/null").st_rdev)
    problem()
    assert config.is_char_device()


@pytest.mark.parametrize("options", [[], ["--undo"]])
def test_what_another_program_writes_meanwhile_stays(
    home: Path, config: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    """Codex does so without a lock. This one writes while our file is synced, before that takes its place."""
    if options:
        ok()
    before = len(names_in(home))
    fsync = os.fsync

    def write(fd: int) -> None:
        fsync(fd)
        if list(home.glob(".*.codex-tmux-*")):
            config.write_bytes(config.read_bytes() + b"# theirs\n")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", write)
        assert "try again" in problem(*options)
    assert config.read_text().endswith("# theirs\n")
    assert title_has_id(config.read_text()) is bool(options)
    assert len(names_in(home)) == before
    ok(*options)
    ok("--undo")
    assert config.read_text() == "a = 1\n# theirs\n"


@pytest.mark.parametrize("call", ["os.open", "os.write", "os.fsync", "os.rename"])
@pytest.mark.parametrize("there", [True, False])
def test_a_disk_that_refuses_leaves_everything_as_it_was(
    home: Path, monkeypatch: pytest.MonkeyPatch, call: str, there: bool
) -> None:
    config = home / "config.toml"
    if there:
        config.write_text("a = 1\n")

    def refused(*words: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(call, refused)
        said = problem()
    assert said.startswith(f"{home}: ")
    assert "No space left" in said
    assert names_in(home) == ["config.toml"] * there
    assert not there or config.read_text() == "a = 1\n"


def test_the_new_file_is_on_the_disk_before_it_takes_the_old_one_s_place(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []

    def noted(name: str, call: Callable[..., None]) -> Callable[..., None]:
        def called(*words: object) -> None:
            events.append(name)
            call(*words)

        return called

    for name, call in (("fsync", os.fsync), ("rename", os.rename)):
        monkeypatch.setattr(f"os.{name}", noted(name, call))
    ok()
    assert events == ["fsync", "fsync", "rename"], "the copy, the file"


# --- undo after changes -----------------------------------------------------------------------------------

CHANGED_SINCE = [
    ("a = 1\n", ("a = 1", "a = 2"), "a = 2\n"),
    ("a = 1\n", (LINE, LINE + "\nx = 1"), "a = 1\n\n[tui]\nx = 1\n"),
    ("[tui]\nx = 1\n", ("x = 1", "x = 2"), "[tui]\nx = 2\n"),
    ('[tui]\nterminal_title = ["a"]\n', ('"a"', '"b", "a"'), '[tui]\nterminal_title = ["b", "a"]\n'),
    (None, ("[tui]", "\n[tui]"), None),
    ("a = 1\n", (LINE, ""), "a = 1\n\n[tui]\n\n"),
]


@pytest.mark.parametrize(("before", "edit", "after"), CHANGED_SINCE)
def test_undo_leaves_what_came_since(
    home: Path, before: str | None, edit: tuple[str, str], after: str | None
) -> None:
    config = home / "config.toml"
    if before is not None:
        config.write_text(before)
    ok()
    config.write_text(config.read_text().replace(*edit))
    ok("--undo")
    assert (config.read_text() if config.exists() else None) == after
    assert len(list(home.glob("*.codex-tmux-*"))) == (after is not None), "the copy is worth something"
    assert "nothing to undo" in ok("--undo")


def test_undo_takes_what_two_setups_put_in(home: Path, config: Path) -> None:
    codex = make_codex(home.parent / "bin/codex", "echo codex-cli 0.137.0")
    ok("--codex", codex)
    assert '"thread-title"' not in config.read_text()
    make_codex(home.parent / "bin/codex", "echo codex-cli 0.169.0")
    assert f"+{LINE}\n" in ok("--codex", codex)
    ok("--undo")
    assert config.read_text() == "a = 1\n"


def test_without_its_copy_nothing_is_undone(home: Path) -> None:
    """Whose the item is then, nobody knows."""
    ok()
    before = (home / "config.toml").read_bytes()
    next(home.glob("*.codex-tmux-*")).unlink()
    assert "or its backup is gone" in ok("--undo")
    assert (home / "config.toml").read_bytes() == before


def test_homes_are_undone_one_by_one(home: Path) -> None:
    other = home.parent / "other"
    other.mkdir()
    ok()
    out = ok("--codex-home", str(other))
    assert f"codex-tmux setup --undo --codex-home {other}" in out
    ok("--undo")
    assert title_has_id((other / "config.toml").read_text())


# --- which Codex ------------------------------------------------------------------------------------------


def make_codex(path: Path, script: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("version", "item"),
    [("0.130.0-alpha.2", "session-id"), ("what", "thread-id")],
)
@pytest.mark.parametrize("by_option", [True, False])
def test_the_item_this_codex_knows(home: Path, version: str, item: str, by_option: bool) -> None:
    codex = make_codex(home.parent / "bin/codex", f"echo codex-cli {version}")
    ok(*(["--codex", codex] if by_option else []))
    assert f'"{item}"' in (home / "config.toml").read_text()


def test_too_old(home: Path) -> None:
    make_codex(home.parent / "bin/codex", "echo codex-cli 0.117.0")
    for options in ([], ["--check"]):
        assert "not available in that version" in problem(*options)
    assert names_in(home) == []


def test_a_codex_that_does_not_answer(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "SECONDS", 0.2)
    codex = make_codex(home.parent / "bin/codex", "exec /bin/sleep 20")
    assert "no answer" in problem("--codex", codex)
    assert "no such program" in problem("--codex", codex + "x")
    ok()
