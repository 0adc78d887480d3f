"""`codex-tmux setup`: the change, the file, the way back."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from codex_tmux import setup, shown_change
from codex_tmux.codex import version
from codex_tmux.codex.title_config import change_adding
from codex_tmux.config_file import ConfigFile
from codex_tmux.errors import Problem
from codex_tmux.setup import add_item, item_for, remove_item, title_has_id
from tests.conftest import FUZZ

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT = '["activity", "project-name", "thread-id"]'
TABLE = f"[tui]\nterminal_title = {DEFAULT}\n"


# --- the text ---------------------------------------------------------------------------------------------

EXAMPLES = {
    "nothing": ("", TABLE),
    "no tui": ("a = 1\n", "a = 1\n\n" + TABLE),
    "no final newline": ("a = 1", "a = 1\n\n" + TABLE[:-1]),
    "blank line at the end": ("a = 1\n\n", "a = 1\n\n" + TABLE),
    "only a comment": ("# mine\n", "# mine\n\n" + TABLE),
    "crlf": ("a = 1\r\n", f"a = 1\r\n\r\n[tui]\r\nterminal_title = {DEFAULT}\r\n"),
    "byte order mark": ("\ufeffa = 1\n", "\ufeffa = 1\n\n" + TABLE),
    "empty table": ("[tui]\n[b]\n", TABLE + "[b]\n"),
    "empty table at the end": ("[tui]", TABLE[:-1]),
    "table in the middle": (
        "[a]\nx = 1\n\n# of tui\n[tui] # t\n  y = 1 # hi\n\n# of b\n[b]\n",
        f"[a]\nx = 1\n\n# of tui\n[tui] # t\n  y = 1 # hi\n  terminal_title = {DEFAULT}\n\n# of b\n[b]\n",
    ),
    "quoted header": ('[ "tui" ]\nx = 1', f'[ "tui" ]\nx = 1\nterminal_title = {DEFAULT}'),
    "table behind its sub-table": (
        "[tui.z]\nq = 1\n[tui]\nx = 1\n[b]\n",
        f"[tui.z]\nq = 1\n[tui]\nx = 1\nterminal_title = {DEFAULT}\n[b]\n",
    ),
    "sub-table only": ("a = 1\n\n# z\n[tui.z]\nq = 1\n", "a = 1\n\n" + TABLE + "\n# z\n[tui.z]\nq = 1\n"),
    "array of tables below": ("[[tui.z]]\nq = 1\n", TABLE + "\n[[tui.z]]\nq = 1\n"),
    "inline": ("tui = { x = 1 } # c\n", f"tui = {{ x = 1, terminal_title = {DEFAULT} }} # c\n"),
    "empty inline": ("tui = {}\n", f"tui = {{ terminal_title = {DEFAULT} }}\n"),
    "dotted": ("tui.x = 1 # c\nb = 2\n[z]\n", f"tui.x = 1 # c\ntui.terminal_title = {DEFAULT}\nb = 2\n[z]\n"),
    "looks like a table in a string": ('a = """\n[tui]\n"""""\n', 'a = """\n[tui]\n"""""\n\n' + TABLE),
    "list": ('[tui]\nterminal_title = ["a"] # c\n', '[tui]\nterminal_title = ["a", "thread-id"] # c\n'),
    "list, trailing comma": ('tui.terminal_title = ["a", ]', 'tui.terminal_title = ["a", "thread-id", ]'),
    "list in a dotted key": (
        'tui . "terminal_title"=["a"]\n',
        'tui . "terminal_title"=["a", "thread-id"]\n',
    ),
    "list in an inline table": (
        "tui = {x={y=[1,2]},terminal_title=['a'],z=1}\n",
        "tui = {x={y=[1,2]},terminal_title=['a', \"thread-id\"],z=1}\n",
    ),
    "emptied": ("[tui]\nterminal_title = []\n", '[tui]\nterminal_title = ["thread-id"]\n'),
    "emptied, with a comment": (
        "[tui]\nterminal_title = [\n  # off\n]\n",
        '[tui]\nterminal_title = [\n  # off\n  "thread-id"\n]\n',
    ),
    "lines": (
        '[tui]\nterminal_title = [\n\t"a", # one\n\t"b", # ], two\n]\n',
        '[tui]\nterminal_title = [\n\t"a", # one\n\t"b", # ], two\n\t"thread-id",\n]\n',
    ),
    "lines, no last comma": (
        '[tui]\r\nterminal_title = [\r\n  "a",\r\n  "b" # two\r\n  # end\r\n]\r\n',
        '[tui]\r\nterminal_title = [\r\n  "a",\r\n  "b", # two\r\n  "thread-id"\r\n  # end\r\n]\r\n',
    ),
    "lines, commas in front": (
        '[tui]\nterminal_title = [ "a"\n , "b"\n ]\n',
        '[tui]\nterminal_title = [ "a"\n , "b", "thread-id"\n ]\n',
    ),
}


@pytest.mark.parametrize(("before", "after"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_adds_the_item_and_takes_it_out_again(before: str, after: str) -> None:
    change = change_adding(before)
    assert change is not None
    assert change.text == after
    assert not title_has_id(before)
    assert title_has_id(after)
    assert add_item(after) == after
    if before != "a = 1\n\n":  # whose blank line looks like ours
        assert remove_item(after, made=change.made) == before


@pytest.mark.parametrize("item", ["thread-id", "session-id"])
def test_leaves_a_title_that_has_the_id(item: str) -> None:
    text = f'[tui]\nterminal_title = ["{item}"]\n'
    assert title_has_id(text)
    assert add_item(text) == text


def test_an_old_codex_does_not_know_thread_id() -> None:
    text = '[tui]\nterminal_title = ["thread-id"]\n'
    assert not title_has_id(text, "session-id")
    assert add_item(text, "session-id") == '[tui]\nterminal_title = ["thread-id", "session-id"]\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('tui.terminal_title = "thread-id"', "not a list"),
        ("tui.terminal_title = [1]", "not a list"),
        ("tui = 1", "not a table"),
        ("[[tui]]", "not a table"),
        ("a = 1\nb = = 2", r"line 2, column 5"),
        ("[tui]\n[tui]\n", r"line 2"),
    ],
)
def test_refuses(text: str, says: str) -> None:
    with pytest.raises(Problem, match=says):
        add_item(text)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ('[tui]\nterminal_title = ["thread-id", "b"]\n', '[tui]\nterminal_title = ["b"]\n'),
        ('[tui]\nterminal_title = ["a", "thread-id", "b"]\n', '[tui]\nterminal_title = ["a", "b"]\n'),
        ('[tui]\nterminal_title = [ "thread-id" ]\n', "[tui]\nterminal_title = [ ]\n"),
        (f"[tui]\nterminal_title = {DEFAULT} # mine\n", "[tui]\n# mine\n"),
        (f"[tui]\n# mine\nterminal_title = {DEFAULT}\n", "[tui]\n# mine\n"),
        (f"[tui]\nterminal_title = {DEFAULT}\n# mine\n", "[tui]\n# mine\n"),
        (f"[tui]\nterminal_title = {DEFAULT}\nx = 1\n", "[tui]\nx = 1\n"),
        ('[tui]\nterminal_title = ["thread-id", "x"]\n', '[tui]\nterminal_title = ["x"]\n'),
        (
            '[tui]\nterminal_title = [\n  "thread-id", # mine\n  "b",\n]\n',
            '[tui]\nterminal_title = [\n  # mine\n  "b",\n]\n',
        ),
        ("a = 1\n", "a = 1\n"),
    ],
)
def test_takes_out_no_more_than_its_own(text: str, after: str) -> None:
    assert remove_item(text, made="table") == after


# Random documents. The parts are whole lines, so any order of tables is a document; tui comes in every shape.

comments = st.sampled_from(["", "", " # c", " # ] } \" ' = [tui]", "\t# ünï"])
blanks = st.lists(st.sampled_from(["\n", "\n", "# of what follows\n", "  # [tui]\n", "#\n"]), max_size=3).map(
    "".join
)
values = st.sampled_from(
    [
        "1",
        "-1.5e3",
        "nan",
        "true",
        "1979-05-27 07:32:00",
        '"a # b"',
        "'c:\\'",
        '"""\n[tui]\n\\""""""',
        "'''\nx = ['''",
        "[]",
        "[ 1, 2 ]",
        "[\n  [1], # x\n  { a = 1 },\n]",
        "{ }",
        "{ terminal_title = ['x'] }",
        '{"a b".c = "}"}',
    ]
)
names = ["a", "b-1", '"quo.ted"', "terminal", "'tui.'", "9"]
words = st.sampled_from(['"activity"', "'x'", '"project-name"', '"é\\u0041"', '"a\\"]"'])


@st.composite
def keys(draw: st.DrawFn, prefix: str = "") -> str:
    chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=3))
    indent = draw(st.sampled_from(["", "  ", "\t"]))
    equals = draw(st.sampled_from([" = ", "=", "  =\t"]))
    return "".join(
        draw(blanks) + indent + prefix + name + equals + draw(values) + draw(comments) + "\n"
        for name in chosen
    )


@st.composite
def arrays(draw: st.DrawFn, one_line: bool = False) -> str:
    chosen = draw(st.lists(words, max_size=4))
    if one_line or draw(st.booleans()):
        comma = draw(st.sampled_from([",", ", ", " , "]))
        last = draw(st.sampled_from(["", ",", ", "])) if chosen else ""
        pad = draw(st.sampled_from(["", " "]))
        return f"[{pad}{comma.join(chosen)}{last}{pad}]"
    text = "[" + draw(comments) + "\n"
    for n, word in enumerate(chosen):
        comma = "," if n + 1 < len(chosen) or draw(st.booleans()) else ""
        text += f"{draw(blanks)}{draw(st.sampled_from(['', '  ', chr(9)]))}{word}{comma}{draw(comments)}"
        text += draw(st.sampled_from(["\n", "\n", "\n", "" if text.endswith(("]", '"', ",")) else "\n"]))
    if not text.endswith("\n") and "#" in text.rpartition("\n")[2]:
        text += "\n"
    return text + draw(blanks if text.endswith("\n") else st.just("")) + "]"


@st.composite
def documents(draw: st.DrawFn) -> str:
    shape = draw(st.sampled_from(["none", "table", "sub", "dotted", "inline"]))
    listed = draw(st.booleans())
    root = draw(keys())
    header = draw(st.sampled_from(["[tui]", '[ "tui" ]', "  [tui]"]))
    tables = [
        f"{draw(blanks)}[{n}]{draw(comments)}\n{draw(keys())}"
        for n in draw(st.sampled_from([[], ["z"], ["y", "x.y"]]))
    ]
    title = f"terminal_title = {draw(arrays(one_line=shape == 'inline'))}"
    if shape == "dotted":
        root += draw(keys("tui.")) or "tui.q = 1\n"
        root += f"tui.{title}{draw(comments)}\n" if listed else ""
        root += draw(blanks) + "last = 1\n"
    elif shape == "inline":
        inner = [
            *draw(st.sampled_from([[], ["x = 1"], ["x.y = ']'", '"q" = [1,[2]]']])),
            *([title] if listed else []),
        ]
        entries = ", ".join(draw(st.permutations(inner)))
        root += f"tui = {{{draw(st.sampled_from(['', ' ']))}{entries} }}{draw(comments)}\n"
    elif shape == "table":
        body = draw(keys()) + (f"{title}{draw(comments)}\n" if listed else "")
        tables.append(f"{draw(blanks)}{header}{draw(comments)}\n{body}")
    if shape in ("table", "sub") and (shape == "sub" or draw(st.booleans())):
        tables.append(f"{draw(blanks)}[tui.sub]{draw(comments)}\n{draw(keys())}")
    text = root + "".join(draw(st.permutations(tables))) + draw(blanks)
    if draw(st.booleans()):
        text = text.removesuffix("\n")
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return draw(st.sampled_from(["", "", "\ufeff"])) + text


def parsed(text: str) -> dict[str, Any]:
    data: dict[str, Any] = tomllib.loads(text.removeprefix("\ufeff"), parse_float=str)
    return data


@settings(max_examples=FUZZ or 400, deadline=None)
@given(documents())
def test_any_document_gets_the_one_key_and_nothing_else(text: str) -> None:
    before = parsed(text)
    change = change_adding(text)
    assert change is not None  # and nothing was "not safe to change"
    after = parsed(change.text)
    items = before.get("tui", {}).get("terminal_title")
    want = [*(["activity", "project-name"] if items is None else items), "thread-id"]
    assert after["tui"].pop("terminal_title") == want
    before.setdefault("tui", {}).pop("terminal_title", None)
    assert after == before
    assert add_item(change.text) == change.text
    # Nothing the user wrote is gone or moved: what we added can be struck out of the new text.
    rest = iter(change.text)
    assert all(c in rest for c in text)
    assert change.text.endswith("\n") == text.endswith("\n") or not text.removeprefix("\ufeff")
    assert ("\r\n" in text) <= ("\n" not in change.text.replace("\r\n", ""))


@settings(max_examples=FUZZ or 400, deadline=None)
@given(documents())
def test_taking_the_item_out_needs_no_record_of_the_bytes(text: str) -> None:
    change = change_adding(text)
    assert change is not None
    back = remove_item(change.text, made=change.made)
    assert parsed(back) == parsed(text)
    assert re.sub(r"\s+", "", back) == re.sub(r"\s+", "", text)


# --- the file ---------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Codex home of our own, HOME and state too; no Codex on PATH."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CODEX_TMUX_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("CODEX_HOME", raising=False)
    home = tmp_path / ".codex"
    home.mkdir()
    return home


def run(*args: str, **more: Any) -> Result:
    words = args if "--check" in args else (*args, "--yes")
    return CliRunner().invoke(setup.command, words, standalone_mode=False, **more)


def ok(*args: str, **more: Any) -> str:
    result = run(*args, **more)
    assert result.exception is None, result.exception
    assert result.return_value == 0, result.output
    return result.output


def problem(*args: str) -> str:
    result = run(*args)
    assert isinstance(result.exception, Problem), result
    return str(result.exception)


def names_in(directory: Path) -> list[str]:
    return sorted(p.name for p in directory.iterdir())


@settings(max_examples=60, deadline=None)
@given(text=documents(), existed=st.booleans())
def test_undo_gives_back_every_byte(text: str, existed: bool) -> None:
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", directory)
        patch.setenv("PATH", directory)
        patch.setenv("CODEX_TMUX_STATE_DIR", directory + "/state")
        patch.delenv("CODEX_HOME", raising=False)
        config = Path(directory, ".codex", "config.toml")
        if existed:
            config.parent.mkdir()
            config.write_bytes(text.encode())
        ok()
        once = config.read_bytes()
        assert "nothing to do" in ok()
        assert config.read_bytes() == once
        ok("--undo")
        if existed:
            assert config.read_bytes() == text.encode()
            assert names_in(config.parent) == ["config.toml"]
        else:
            assert not config.parent.exists()
        assert "nothing to undo" in ok("--undo")


def test_shows_the_change_and_keeps_a_copy(home: Path) -> None:
    config = home / "config.toml"
    config.write_text("a = 1\n")
    out = ok()
    assert f"+terminal_title = {DEFAULT}\n" in out
    assert out.index("+terminal_title") < out.index("written:")
    assert "restart" in out
    copy = next(home.glob("config.toml.codex-tmux-*Z"))
    assert str(copy) in out
    assert copy.read_text() == "a = 1\n"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    state = home.parent / "state"
    assert [stat.S_IMODE(p.stat().st_mode) for p in (state, state / "setup")] == [0o700, 0o700]
    assert [stat.S_IMODE(p.stat().st_mode) for p in (state / "setup").iterdir()] == [0o600]


def test_colour_only_on_a_terminal(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(click, "echo", shown.append)
    shown_change.show(["--- a", "+++ b", "+x"])
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    shown_change.show(["--- a", "+++ b", "+x"])
    monkeypatch.setenv("NO_COLOR", "1")
    shown_change.show(["--- a", "+++ b", "+x"])
    assert [s for s in shown if s.endswith("x") or "\x1b" in s] == ["+x", "\x1b[32m+x\x1b[0m", "+x"]


@pytest.mark.parametrize(("answer", "written"), [(b"y\n", True), (b"n\n", False), (b"\x03", False)])
def test_asks_on_a_terminal(home: Path, answer: bytes, written: bool) -> None:
    config = home / "config.toml"
    config.write_text("a = 1\n")
    main, terminal = os.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "codex_tmux", "setup"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),
        env={**os.environ, "PYTHONPATH": str(Path(setup.__file__).parent.parent)},
    )
    os.close(terminal)
    out = b""
    try:
        while b"Write this?" not in out:
            out += os.read(main, 1000)
        assert config.read_text() == "a = 1\n"
        code = None
        while code is None:  # readline may miss a Ctrl-C that comes while it wakes up: press again
            os.write(main, answer)
            with suppress(subprocess.TimeoutExpired):
                code = child.wait(2)
    finally:
        child.kill()
        child.wait()
        os.close(main)
    assert b"\x1b[32m+" in out or os.environ.get("NO_COLOR")
    assert (config.read_text() != "a = 1\n") is written
    assert code == {b"y\n": 0, b"n\n": 1, b"\x03": 130}[answer]
    assert names_in(home) == ["config.toml"] or written


def test_without_a_terminal_nothing_is_written_unasked(home: Path) -> None:
    config = home / "config.toml"
    for words in ([], ["--undo"]):
        config.write_text("a = 1\n")
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


def test_crlf_on_disk(home: Path) -> None:
    (home / "config.toml").write_bytes(b"a = 1\r\n")
    ok()
    assert (
        home / "config.toml"
    ).read_bytes() == f"a = 1\r\n\r\n[tui]\r\nterminal_title = {DEFAULT}\r\n".encode()


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640])
def test_keeps_the_mode(home: Path, mode: int) -> None:
    config = home / "config.toml"
    config.write_text("a = 1\n")
    config.chmod(mode)
    for options in ([], ["--undo"]):
        ok(*options)
        assert stat.S_IMODE(config.stat().st_mode) == mode


def test_a_new_file_is_private(home: Path) -> None:
    ok()
    assert stat.S_IMODE((home / "config.toml").stat().st_mode) == 0o600


def test_makes_the_default_home_and_takes_it_away(home: Path) -> None:
    home.rmdir()
    ok()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    ok("--undo")
    assert not home.exists()


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


def test_broken_and_foreign_files_stay_untouched(home: Path) -> None:
    config = home / "config.toml"
    for data, says in [
        (b"a = 1\nb =\n", "line 2, column 4"),
        (b"a = 1\nb = '\xff'\n", "not UTF-8 (line 2)"),
        (b'tui.terminal_title = "x"\n', "not a list"),
    ]:
        config.write_bytes(data)
        for options in ([], ["--check"]):
            message = problem(*options)
            assert says in message
            assert message.startswith(f"{config}: ")
        assert config.read_bytes() == data
        assert names_in(home) == ["config.toml"]
    config.unlink()
    config.mkdir()
    assert "config.toml" in problem()


def test_read_only_file(home: Path) -> None:
    config = home / "config.toml"
    config.write_text("a = 1\n")
    config.chmod(0o444)
    assert problem().startswith(f"{config}: read-only")
    assert config.read_text() == "a = 1\n"
    assert names_in(home) == ["config.toml"]
    assert "nothing to undo" in ok("--undo")


@pytest.fixture
def nobodys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """HOME of a user whom read-only directories stop: root turns into nobody for the test."""
    directory = Path(tempfile.mkdtemp(prefix="codex-tmux-"))
    root = os.geteuid() == 0
    if root:
        os.chown(directory, 65534, 65534)
        os.seteuid(65534)
    monkeypatch.setenv("HOME", str(directory))
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setenv("CODEX_TMUX_STATE_DIR", str(directory / "state"))
    monkeypatch.delenv("CODEX_HOME", raising=False)
    try:
        yield directory
    finally:
        if root:
            os.seteuid(0)
        for path in [directory, *directory.rglob("*")]:
            path.chmod(0o700)
        shutil.rmtree(directory)


@pytest.mark.parametrize("file_there", [True, False])
def test_read_only_directory(nobodys: Path, file_there: bool) -> None:
    home = nobodys / ".codex"
    home.mkdir()
    if file_there:
        (home / "config.toml").write_text("a = 1\n")
    home.chmod(0o500)
    assert problem().startswith(f"{home}: ")
    assert names_in(home) == ["config.toml"] * file_there
    assert "nothing to undo" in ok("--undo")


def test_read_only_state_directory(nobodys: Path) -> None:
    (nobodys / ".codex").mkdir()
    (nobodys / "state").mkdir(mode=0o500)
    said = problem()
    assert said.startswith(f"{nobodys}/state/setup: ")
    assert "check who owns it. Nothing was changed" in said
    assert names_in(nobodys / ".codex") == []


def test_somebody_elses_file(nobodys: Path) -> None:
    config = nobodys / ".codex/config.toml"
    config.parent.mkdir(mode=0o700)
    config.write_text("a = 1\n")
    config.chmod(0o400)
    assert problem().startswith(f"{config}: read-only")


# --- Codex writes the same file ---------------------------------------------------------------------------


class Writer:
    """Writes to the config between our read and our rename: whenever a temporary file is synced."""

    def __init__(self, config: Path, patch: pytest.MonkeyPatch, times: int, write: Any = None) -> None:
        self.config, self.times, self.fsync = config, times, os.fsync
        self.write = write or (
            lambda n: config.write_bytes((config.read_bytes() if config.exists() else b"") + b"# %d\n" % n)
        )
        patch.setattr("os.fsync", self)

    def __call__(self, fd: int) -> None:
        self.fsync(fd)
        ours = list(self.config.parent.glob(".*.codex-tmux-*"))
        if ours and self.times:
            self.times -= 1
            self.write(self.times)


@pytest.mark.parametrize("there", [True, False])
def test_keeps_what_another_program_writes_meanwhile(
    home: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    config = home / "config.toml"
    if there:
        config.write_text("a = 1\n")
    writer = Writer(config, monkeypatch, 2)
    ok()
    assert writer.times == 0
    text = config.read_text()
    assert title_has_id(text)
    assert "# 1\n# 0\n" in text
    assert len(names_in(home)) == 2
    ok("--undo")
    assert config.read_text() == ("a = 1\n" if there else "") + "# 1\n# 0\n"


def test_without_the_second_look_it_would_be_lost(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = home / "config.toml"
    config.write_text("a = 1\n")
    monkeypatch.setattr(ConfigFile, "_still", lambda self, read: True)
    Writer(config, monkeypatch, 1)
    ok()
    assert "# 0" not in config.read_text()


def test_the_other_program_wrote_the_id_itself(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = home / "config.toml"
    Writer(config, monkeypatch, 1, lambda n: config.write_text('tui.terminal_title = ["session-id"]\n'))
    assert "nothing to do" in ok()
    assert config.read_text() == 'tui.terminal_title = ["session-id"]\n'
    assert "nothing to undo" in ok("--undo")


@pytest.mark.parametrize("undo", [False, True])
def test_gives_up_on_a_file_that_never_rests(home: Path, monkeypatch: pytest.MonkeyPatch, undo: bool) -> None:
    config = home / "config.toml"
    config.write_text("a = 1\n")
    if undo:
        ok()
    before = len(names_in(home))
    Writer(config, monkeypatch, 99)
    assert "kept changing" in problem(*["--undo"] * undo)
    assert title_has_id(config.read_text()) is undo
    assert len(names_in(home)) == before


def test_a_writer_in_another_process(home: Path) -> None:
    """Two hundred lines written by read-change-rename, as Codex does, while setup and undo take turns."""
    config = home / "config.toml"
    config.write_text("")
    code = (
        "import os, sys, time\np = sys.argv[1]\n"
        "for n in range(200):\n"
        " t = open(p).read(); open(p + '~', 'w').write(f'# {n}\\n' + t)\n"
        " os.rename(p + '~', p); time.sleep(0.005)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(config)]) as child:
        while child.poll() is None:
            for options in ([], ["--undo"]):
                result = run(*options)
                assert result.exception is None or isinstance(result.exception, Problem)
                assert not config.read_text() or tomllib.loads(config.read_text()) is not None
            time.sleep(0.001)
    text = config.read_text()
    assert text.count("terminal_title") <= 1
    assert text.count("[tui]") <= 1


def test_a_crash_before_the_rename_leaves_the_old_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = home / "config.toml"
    config.write_text("a = 1\n")

    def no_room(*paths: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.rename", no_room)
    assert "No space left" in problem()
    assert config.read_text() == "a = 1\n"
    assert names_in(home) == ["config.toml"]


def test_syncs_file_and_directory_around_the_rename(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    fsync, rename = os.fsync, os.rename

    def synced(fd: int) -> None:
        events.append("directory" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file")
        fsync(fd)

    def renamed(a: Path, b: Path) -> None:
        events.append("rename")
        rename(a, b)

    monkeypatch.setattr("os.fsync", synced)
    monkeypatch.setattr("os.rename", renamed)
    ok()
    assert events[-3:] == ["file", "rename", "directory"]


# --- undo after changes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "edit", "after"),
    [
        ("a = 1\n", ("a = 1", "a = 2"), "a = 2\n"),
        ("a = 1\n", ("[tui]\n", "[tui]\nx = 1\n"), "a = 1\n\n[tui]\nx = 1\n"),
        ("[tui]\nx = 1\n", ("x = 1", "x = 2"), "[tui]\nx = 2\n"),
        ('tui.terminal_title = ["a"]\n', ('"a"', '"b", "a"'), 'tui.terminal_title = ["b", "a"]\n'),
        ("tui = {}\n", ("tui", "a = 1\ntui"), "a = 1\ntui = {}\n"),
        (None, ('"activity", ', ""), '[tui]\nterminal_title = ["project-name"]\n'),
        (None, ("[tui]", "\n[tui]"), None),
    ],
)
def test_undo_leaves_what_came_since(
    home: Path, before: str | None, edit: tuple[str, str], after: str | None
) -> None:
    config = home / "config.toml"
    if before is not None:
        config.write_text(before)
    ok()
    config.write_text(config.read_text().replace(*edit))
    assert "only the item" in ok("--undo")
    assert (config.read_text() if config.exists() else None) == after
    assert len(list(home.glob("*.codex-tmux-*"))) == (before is not None)


def test_undo_where_the_user_took_it_out(home: Path) -> None:
    config = home / "config.toml"
    ok()
    config.write_text("b = 1\n")
    assert "nothing to undo" in ok("--undo")
    assert config.read_text() == "b = 1\n"


def test_undo_needs_no_copy(home: Path) -> None:
    config = home / "config.toml"
    config.write_text("a = 1")
    ok()
    next(home.glob("*.codex-tmux-*")).unlink()
    ok("--undo")
    assert config.read_text() == "a = 1"


def test_undo_never_takes_a_title_of_the_users_own(home: Path) -> None:
    config = home / "config.toml"
    config.write_text('tui.terminal_title = ["thread-id"]\n')
    assert "nothing to do" in ok()
    assert "nothing to undo" in ok("--undo")
    assert config.read_text() == 'tui.terminal_title = ["thread-id"]\n'


def test_a_damaged_record_is_named(home: Path) -> None:
    ok()
    record = next((home.parent / "state/setup").iterdir())
    record.write_text("version = 1\n")
    assert str(record) in problem("--undo")
    record.write_text(record.read_text().replace("1", "2"))
    assert "another version" in problem("--undo")


def test_homes_have_records_of_their_own(home: Path) -> None:
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
    [
        ("0.169.0", "thread-id"),
        ("0.137.0", "thread-id"),
        ("0.136.9", "session-id"),
        ("0.130.0-alpha.2", "session-id"),
        ("0.0.0", "thread-id"),
        ("1.0.0", "thread-id"),
        ("what", "thread-id"),
    ],
)
@pytest.mark.parametrize("by_option", [True, False])
def test_the_item_this_codex_knows(home: Path, version: str, item: str, by_option: bool) -> None:
    codex = make_codex(home.parent / "bin/codex", f"echo codex-cli {version}")
    ok(*(["--codex", codex] if by_option else []))
    assert f'"{item}"]' in (home / "config.toml").read_text()


def test_too_old(home: Path) -> None:
    make_codex(home.parent / "bin/codex", "echo codex-cli 0.117.0")
    for options in ([], ["--check"]):
        assert "not available in that version" in problem(*options)
    assert names_in(home) == []
    assert item_for((0, 130, 0)) == "session-id"


def test_a_codex_that_does_not_answer(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "SECONDS", 0.2)
    codex = make_codex(home.parent / "bin/codex", "exec /bin/sleep 20")
    assert "no answer" in problem("--codex", codex)
    assert "no such program" in problem("--codex", codex + "x")
    ok()


def test_an_emptied_title_is_told(home: Path) -> None:
    (home / "config.toml").write_text("tui.terminal_title = []\n")
    assert "switched off" in ok()
    ok("--undo")
    assert (home / "config.toml").read_text() == "tui.terminal_title = []\n"
