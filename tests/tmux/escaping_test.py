"""What is given to tmux arrives as it was, whatever it is made of, and runs nothing: real tmux, texts at random."""

import os
import shlex
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from codex_tmux.commands.pick import menu
from codex_tmux.restore.build import plain_name, session_target
from codex_tmux.state.pane_options import pane_option
from codex_tmux.tmux.rows import parse_rows, row_format
from codex_tmux.tmux.server import Server, escape, literal
from codex_tmux.tracking.apply import run_all
from tests.conftest import FUZZ
from tests.support.world import Sandbox

PIECES = (
    "#{pane_id} #( #[ [ touch pwned) $(touch pwned) `touch pwned` ; \\; ' \" '\\'' \\ \\033 \\302 ## #[fg=red] %H "
    "%% { } , : = touch -t %0 \x1b]0;x\x07 \x9b31m \u202e \n \t $HOME ~ ! é 日本 🐙 \udcff"
).split(" ")
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.characters(exclude_characters="\0")), max_size=8).map(
    lambda parts: os.fsdecode(os.fsencode("".join(p for p in parts if is_name(p))))
)
ON_TMUX = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
    max_examples=FUZZ // 20 or 40,
)
"""Each example is some calls of tmux."""


def is_name(text: str) -> bool:
    """Whether a file could be called so: half surrogate pairs have no bytes."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def utf8(text: str) -> str:
    """`text` without bytes that are no UTF-8: in a string of commands tmux takes one of 255 for its end."""
    return text.encode("utf-8", "replace").decode()


@pytest.fixture
def server(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A tmux server without the plugin, and a directory in which what runs by mistake would leave its trace."""
    monkeypatch.chdir(sandbox.root)
    sandbox.start_server()
    return Server(str(sandbox.socket))


def assert_nothing_ran(sandbox: Sandbox) -> None:
    """No text was taken for a command."""
    assert not [p for root in (sandbox.root, sandbox.home, sandbox.work) for p in root.glob("*pwned*")]


def session_names(server: Server) -> set[str]:
    """The names of the tmux sessions, as they were given."""
    return {row["session_name"] for row in server.listed("list-sessions", plain=(), chosen=("session_name",))}


@ON_TMUX
@given(TEXTS)
@example("a;")
@example(";")
@example("\\;")
@example("#(touch pwned)" * 1000)  # tmux takes 16 KB in one call
def test_an_option_holds_what_it_was_given(sandbox: Sandbox, server: Server, text: str) -> None:
    """Set by the way that sync sets it, read by the way that sync reads it."""
    run_all(server, [pane_option("%0", "@x", text), pane_option("%0", "@y", "end")], loaded=False)
    out = server.run_bytes("display-message", "-p", row_format((), ("@x", "@y")))
    assert parse_rows(out, ("@x", "@y")) == [{"@x": text, "@y": "end"}]
    assert_nothing_ran(sandbox)


@ON_TMUX
@given(st.lists(TEXTS.map(utf8), min_size=1, max_size=3))
@example(["\\\n"])
@example(["\n#[fg=red]\n", "a\n  b\n# c\nd"])
def test_an_item_of_a_menu_runs_with_the_words_it_was_given(
    sandbox: Sandbox, server: Server, words: list[str]
) -> None:
    said = sandbox.root / "said"
    script = sandbox.root / "says what it was given"
    script.write_text(f'#!/bin/sh\nfor word do printf "%s\\0" "$word"; done > {shlex.quote(str(said))}\n')
    script.chmod(0o700)
    line = menu.run([str(script)], "/dev/pts/1", *words)
    # As a menu has it when it is chosen; in the foreground, to see its end.
    server.run("if-shell", "-F", "1", line.replace("run-shell -b", "run-shell", 1))
    given_words = said.read_bytes().split(b"\0")[:-1]
    assert given_words == [os.fsencode(w) for w in ("/dev/pts/1", *words)]
    assert_nothing_ran(sandbox)


@ON_TMUX
@given(TEXTS)
@example("a#[fg=red]b##[c###d[#[")
def test_what_is_made_literal_is_expanded_to_itself(sandbox: Sandbox, server: Server, text: str) -> None:
    """As a directory is, or a line for run-shell."""
    server.run("set-option", "-gF", "@x", escape(literal(text)))
    out = server.run_bytes("display-message", "-p", row_format((), ("@x",)))
    assert parse_rows(out, ("@x",)) == [{"@x": text}]
    assert_nothing_ran(sandbox)


@ON_TMUX
@given(TEXTS.filter(lambda text: bool(text.strip())))
@example("$x\\*[a]?")
@example("a:b.c")
@example("]:$x")
@example(":$x")
@example("=a:b")
def test_a_tmux_session_gets_its_name_again(sandbox: Sandbox, server: Server, name: str) -> None:
    server.run("set-option", "-g", "@name", escape(name))
    # A name that tmux refuses is nobody's.
    if server.try_run("new-session", "-d", "-s", "#{@name}", "sleep 1000") is None:
        return
    (called,) = session_names(server) - {"main"}
    server.run("kill-session", "-t", session_target(called) + ":")
    again = plain_name(called)
    server.run("new-session", "-d", "-s", escape(literal(again)), "sleep 1000")
    assert session_names(server) == {"main", again}
    server.run("kill-session", "-t", session_target(again) + ":")
    assert_nothing_ran(sandbox)


def test_the_trace_would_be_seen(sandbox: Sandbox, server: Server) -> None:
    server.run("run-shell", f"touch {Path.cwd()}/pwned")
    with pytest.raises(AssertionError):
        assert_nothing_ran(sandbox)
