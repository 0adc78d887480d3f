"""What a daemon's answers mean, and that none can hold anybody up."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from codex_tmux.codex.daemon.activity import ask, ask_all, asking
from codex_tmux.codex.daemon.client import DaemonError, has_daemon, socket_path
from tests.support.fake_daemon import ANSWER, APPROVAL, IDLE, WORKING, FakeDaemon

ONE, TWO, THREE, FOUR, FIVE = (f"01a20733-33a0-7285-8004-2625b8c7adf{n}" for n in range(5))


def test_each_status_has_its_word(tmp_path: Path) -> None:
    with FakeDaemon(tmp_path) as daemon:
        daemon.threads = {
            ONE: IDLE,
            TWO: WORKING,
            THREE: APPROVAL,
            FOUR: ANSWER,
            FIVE: {"type": "systemError"},
        }
        found = ask_all({str(tmp_path): {ONE, TWO, THREE, FOUR, FIVE, "unknown"}}, within=10)
    assert found == {ONE: "idle", TWO: "working", THREE: "approval", FOUR: "answer", FIVE: "error"}


def test_all_that_are_open_may_be_asked_for(tmp_path: Path) -> None:
    with FakeDaemon(tmp_path) as daemon:
        daemon.threads = {ONE: IDLE, TWO: ANSWER}
        assert asking({str(tmp_path): None}, within=10)() == {ONE: "idle", TWO: "answer"}


def test_only_open_sessions_are_asked_for(tmp_path: Path) -> None:
    with FakeDaemon(tmp_path) as daemon:
        daemon.threads = {ONE: IDLE}
        assert ask_all({str(tmp_path): {TWO, THREE}}, within=10) == {}
        assert daemon.asked == ["initialize", "thread/loaded/list"]


@pytest.mark.parametrize("status", [None, "idle", {"type": "notLoaded"}, {"type": ["idle"]}, {}])
def test_what_it_does_not_say_is_not_known(tmp_path: Path, status: object) -> None:
    with FakeDaemon(tmp_path) as daemon:
        daemon.threads = {ONE: status, TWO: IDLE}
        assert ask_all({str(tmp_path): {ONE, TWO}}, within=10) == {TWO: "idle"}


def test_without_a_daemon_nobody_is_asked(tmp_path: Path) -> None:
    assert not has_daemon(str(tmp_path))
    assert ask_all({str(tmp_path): {ONE}}) == {}
    assert not (tmp_path / "app-server-control").exists()


@pytest.mark.parametrize(
    "garbage", ["{", "[]", '{"id": true}', '{"id": 7, "result": {"data": 7}}', "x" * 100_000]
)
def test_garbage_is_no_answer(tmp_path: Path, garbage: str) -> None:
    with FakeDaemon(tmp_path, garbage=garbage) as daemon:
        daemon.threads = {ONE: IDLE}
        assert ask_all({str(tmp_path): {ONE}}) == {}


def test_a_dead_socket_is_no_answer(tmp_path: Path) -> None:
    dead = os.path.join(os.environ["TMUX_TMPDIR"], "dead")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(dead)
    (tmp_path / "app-server-control").mkdir()
    os.symlink(dead, tmp_path / "app-server-control" / "app-server-control.sock")
    with pytest.raises(DaemonError):
        ask(str(tmp_path), [ONE], 5)
    assert ask_all({str(tmp_path): {ONE}}) == {}


def test_one_that_never_stops_talking_is_left(tmp_path: Path) -> None:
    with FakeDaemon(tmp_path, chatty=True) as daemon:
        daemon.threads = {ONE: IDLE}
        assert ask_all({str(tmp_path): {ONE}}) == {}


def test_a_daemon_that_hangs_does_not_keep_another_from_being_heard(tmp_path: Path) -> None:
    homes = [tmp_path / "hangs", tmp_path / "answers"]
    for home in homes:
        home.mkdir()
    with FakeDaemon(homes[0], mute=True), FakeDaemon(homes[1]) as daemon:
        daemon.threads = {ONE: IDLE}
        # The bound is the test: without it this would never end.
        assert ask_all({str(homes[0]): {TWO}, str(homes[1]): {ONE}}, within=3) == {ONE: "idle"}


@pytest.mark.parametrize(
    "question",
    [
        "from codex_tmux.codex.daemon.activity import ask; ask(home, (), 5)",
        "from codex_tmux.codex.daemon.app_server import whole_id; whole_id('unix://' + socket, '', '01a201da')",
    ],
    ids=["daemon", "server elsewhere"],
)
def test_a_connection_that_breaks_prints_nothing(tmp_path: Path, question: str) -> None:
    """As it does where a connection is given up while something still comes in."""
    script = f"""
import sys
from websockets.protocol import Protocol
def broken(self, data):
    raise EOFError("stream ended")
Protocol.receive_data = broken
home, socket = sys.argv[1:]
try:
    {question.replace("; ", chr(10) + "    ")}
except Exception as e:
    print(type(e).__name__)
"""
    with FakeDaemon(tmp_path):
        words = [sys.executable, "-c", script, str(tmp_path), socket_path(str(tmp_path))]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == "DaemonError\n"
    assert done.stderr == ""
