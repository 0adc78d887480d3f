"""Whether the tmux server of a record is ours, runs, is gone, or cannot be seen from here."""

import os
import re
import subprocess

import pytest

from codex_tmux.tmux import epoch
from codex_tmux.tmux.epoch import ALIVE, ELSEWHERE, GONE, OURS, Host, fate

HOST = Host("aaaaaaaaaaaa", "4026531836", "b00000000001")
OUR_EPOCH = f"{'.'.join(HOST)}:100:5000"


def text(pid: int = 200, start: int = 7000, **where: str) -> str:
    return f"{'.'.join(HOST._replace(**where))}:{pid}:{start}"


@pytest.mark.parametrize(
    ("of", "start", "expected"),
    [
        (OUR_EPOCH, None, OURS),
        # The machine has no id, and its name has changed.
        (text(100, 5000, machine="cccccccccccc"), None, OURS),
        (text(100, 5000, machine="cccccccccccc", boot="b00000000002"), None, ELSEWHERE),
        (text(), 7000, ALIVE),
        (text(), None, GONE),
        # The pid is another process's by now.
        (text(), 7001, GONE),
        (text(100, 4999), 5000, GONE),
        (text(machine="cccccccccccc"), 7000, ELSEWHERE),
        (text(machine="cccccccccccc", boot="b00000000002"), None, ELSEWHERE),
        (text(namespace="4026532999"), 7000, ELSEWHERE),
        # This machine was booted since: nothing of then runs, in no namespace.
        (text(boot="b00000000002"), 7000, GONE),
        (text(boot="b00000000002", namespace="4026532999"), None, GONE),
        # Written by hand.
        ("", None, GONE),
        ("x", None, GONE),
        ("100:5000", 5000, GONE),
        ("1:x", None, GONE),
        ("a:1:2", None, GONE),
        (text(0, 0), None, GONE),
    ],
)
def test_fate(of: str, start: int | None, expected: str) -> None:
    assert fate(of, OUR_EPOCH, HOST, start) == expected


def test_without_a_server_of_one_s_own_none_is_ours() -> None:
    assert fate("", "", HOST, None) == GONE
    assert fate(text(), "", HOST, 7000) == ALIVE


def test_an_epoch_names_this_host_and_the_process_and_tells_no_machine_id() -> None:
    found = epoch.of_server(str(os.getpid()))
    assert re.fullmatch(rf"[0-9a-f]{{12}}\.\d*\.[0-9a-f]{{12}}:{os.getpid()}:\d+", found)
    assert epoch.of_server("") == epoch.of_server("4194999") == ""
    assert epoch.fates([found, "4194999:1"]) == {found: ALIVE, "4194999:1": GONE}
    assert epoch.fates([found], ours=found) == {found: OURS}
    assert epoch.fates([epoch.taken_over()]) == {epoch.taken_over(): GONE}
    machine = epoch.first_word("/etc/machine-id")
    assert not machine or machine[:12] not in found


def test_a_process_that_has_ended_and_nobody_waited_for_is_gone() -> None:
    child = subprocess.Popen(["sleep", "60"])
    found = epoch.of_server(str(child.pid))
    assert epoch.fates([found])[found] == ALIVE
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert epoch.fates([found])[found] == GONE
    child.wait()


def test_a_container_with_its_host_s_machine_id_is_another_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def word(path: str) -> str:
        return "3d1219c7c4c5404aaa1f6d2a48adfda4" if "machine" in path else "boot"

    monkeypatch.setattr(epoch, "first_word", word)
    hosts = []
    for namespace in (epoch.FIRST_NAMESPACE, "4026532999"):
        monkeypatch.setattr(epoch, "namespace_of", lambda link, found=namespace: found)
        hosts.append(epoch.this_host())
    assert hosts[0].machine != hosts[1].machine
    assert hosts[0].boot == hosts[1].boot
