"""The server restarts, the machine reboots: every conversation is back in its place. Real tmux, real Codex."""

import contextlib
import json
import os
import re
import signal
from pathlib import Path

import pytest

from tests.support.world import Sandbox
from tests.tmux.restore_test import dead

pytestmark = [pytest.mark.codex, pytest.mark.timeout(400), pytest.mark.xdist_group("restore")]
BY_HAND = "set -g @codex-restore off"
OUTLINE = "#{session_name}\t#{window_index}\t#{window_name}\t#{window_layout}\t#{pane_index}"


class Talk:
    """A Codex pane and what was said in it."""

    def __init__(self, sandbox: Sandbox, pane: str, word: str) -> None:
        self.sandbox, self.pane = sandbox, pane
        self.said: tuple[str, ...] = (word,)
        sandbox.ask(pane, word)

    def say(self, word: str) -> None:
        """Say something more; the model must see this conversation, whole and alone."""
        self.said += (word,)
        assert self.sandbox.ask(self.pane, word, 40).messages == self.said


def open_six(sandbox: Sandbox) -> list[Talk]:
    """Three tmux sessions, five windows, nine panes: six with Codex, all in mid-conversation, three shells."""
    other = sandbox.make_dir("andere Wörter")
    tmux, cwd = sandbox.tmux, str(sandbox.work)
    ids = ("-d", "-P", "-F", "#{pane_id}", "-c")
    size = ("-x", "120", "-y", "39")
    panes = [tmux("new-session", *ids, cwd, *size, "-s", "plain", "-n", "api", "codex")]
    tmux("split-window", *ids, cwd, "-t", "plain:api")
    panes.append(tmux("split-window", "-h", *ids, str(other), "-t", "plain:api", "codex"))
    panes.append(tmux("new-window", *ids, cwd, "-t", "plain:4", "-n", "four", "codex"))
    panes.append(tmux("new-session", *ids, str(other), *size, "-s", "große Aufgabe", "-n", "ö ü", "codex"))
    tmux("split-window", "-h", *ids, str(other), "-t", "große Aufgabe:0")
    panes.append(tmux("new-window", *ids, cwd, "-t", "große Aufgabe:9", "-n", "neun", "codex"))
    panes.append(tmux("new-session", *ids, cwd, *size, "-s", "日本 語", "-n", "w", "codex"))
    tmux("split-window", *ids, str(other), "-t", "日本 語:0")
    talks = [Talk(sandbox, pane, f"word {n} for {pane}") for n, pane in enumerate(panes)]
    sandbox.wait_for(lambda: len(sandbox.sessions()) == 6, 20, "six records")
    sandbox.quiet()
    return talks


def outline(sandbox: Sandbox) -> list[str]:
    """Names, indices and layouts of all but the test's own tmux session; what changes with every pane left out."""
    lines = sandbox.tmux("list-panes", "-a", "-F", OUTLINE).splitlines()
    shapes = [
        re.sub(r"\t[0-9a-f]{4},", "\t", re.sub(r"(\d+x\d+,\d+,\d+),\d+", r"\1", line)) for line in lines
    ]
    return sorted(line for line in shapes if not line.startswith("main\t"))


def directories(sandbox: Sandbox) -> list[str]:
    """Where each pane is, in the same order."""
    form = "#{session_name}\t#{window_index}\t#{pane_index}\t#{pane_current_path}"
    lines = sandbox.tmux("list-panes", "-a", "-F", form).splitlines()
    return sorted(line for line in lines if not line.startswith("main\t"))


def reboot(sandbox: Sandbox) -> None:
    """Kill the tmux server, and Codex's daemon with it."""
    server = sandbox.server_pid
    mine = {os.getpid(), *(c.process.pid for c in sandbox.clients)}
    for process in [server, *(p for p in sandbox.processes() if p not in mine)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    sandbox.wait_for(lambda: not Path(f"/proc/{server}").exists(), 20, "the tmux server to end")


def show_all(sandbox: Sandbox) -> None:
    """Look at every window that holds a sleeping pane, until it wakes."""
    for pane in sorted(dead(sandbox)):
        sandbox.tmux("switch-client", "-t", sandbox.format(pane, "#{session_id}:#{window_index}"))
        sandbox.wait_for(lambda p=pane: p not in dead(sandbox), 20, "the pane to wake")  # type: ignore[misc]


def follow(sandbox: Sandbox, talks: list[Talk], before: dict[str, str]) -> None:
    """Find each conversation's pane again by its session."""
    now = sandbox.sessions()
    assert set(now) == set(before)
    moved = {before[session]: now[session] for session in before}
    for talk in talks:
        talk.pane = moved[talk.pane]


def test_all_come_back_in_their_places_after_a_kill_and_after_a_reboot(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True, config=BY_HAND, height=39)
    sandbox.attach()
    talks = open_six(sandbox)
    for crash in (False, True):
        before, was, where = sandbox.sessions(), outline(sandbox), directories(sandbox)
        reboot(sandbox) if crash else sandbox.end_server()
        sandbox.start_server(load_plugin=True, config=BY_HAND, height=39)
        sandbox.attach()
        found = json.loads(sandbox.helper("restore", "--json"))["results"]
        assert sorted(r["outcome"] for r in found) == ["rebuilt"] * 3 + ["waiting"] * 6
        assert sandbox.tmux("list-clients", "-F", "#{client_session}") == "main", "nobody was moved"
        follow(sandbox, talks, before)
        assert len(dead(sandbox)) == 6
        shown = sandbox.wait_for(
            lambda: sandbox.capture(talks[0].pane).strip(), 20, "the end of a conversation"
        )
        assert shown.startswith(f"› {talks[0].said[-1]}")
        assert f"• turn {len(talks[0].said)} | first: {talks[0].said[0]}" in shown
        assert sandbox.tmux("list-buffers") == ""
        show_all(sandbox)
        for talk in talks:
            talk.say(f"after {'the reboot' if crash else 'the kill'}")
        assert outline(sandbox) == was
        assert directories(sandbox) == where
        sandbox.quiet()


def test_a_shown_pane_runs_and_knows_the_terminals_colours(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True, config=BY_HAND)
    client = sandbox.attach()
    talk = Talk(sandbox, sandbox.new_pane(), "hello")
    sandbox.wait_for(lambda: len(sandbox.sessions()) == 1, 20, "the record")
    sandbox.quiet()
    # What Codex draws on its composer's line with the terminal's real answer: a colour made from it.
    coloured = styles(sandbox, talk.pane)
    before = sandbox.sessions()
    sandbox.end_server()
    client.close()
    sandbox.start_server(load_plugin=True, config=BY_HAND)
    sandbox.helper("restore")
    follow(sandbox, [talk], before)
    sandbox.quiet()
    assert dead(sandbox) == {talk.pane}
    sandbox.tmux("select-window", "-t", talk.pane)
    assert dead(sandbox) == {talk.pane}
    sandbox.attach()
    sandbox.wait_ready(talk.pane)
    assert coloured
    sandbox.wait_for(lambda: styles(sandbox, talk.pane) == coloured, 20, f"the colours {coloured}")
    talk.say("again")


def test_a_sleeping_pane_shows_the_end_of_its_conversation(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True, config=BY_HAND)
    client = sandbox.attach()
    talks = [Talk(sandbox, sandbox.new_pane(), f"日本語 #(touch HIT) ✅ {n}") for n in range(2)]
    talks[0].say("and now?")
    sandbox.wait_for(lambda: len(sandbox.sessions()) == 2, 20, "the records")
    before = sandbox.sessions()
    sandbox.quiet()
    sandbox.end_server()
    client.close()
    sandbox.start_server(load_plugin=True, config=BY_HAND)
    sandbox.helper("restore")
    follow(sandbox, talks, before)
    hint = "wakes when shown"
    sandbox.wait_for(lambda: all(hint in sandbox.capture(talk.pane) for talk in talks), 20, "the hints")
    for talk in talks:
        rows = sandbox.capture(talk.pane).splitlines()
        assert rows[0] == f"› {talk.said[-1]}"
        assert rows[2].startswith(f"• turn {len(talk.said)} | first: {talk.said[0]}")
    assert sandbox.tmux("list-buffers") == ""
    assert not list(sandbox.root.rglob("HIT"))
    sandbox.attach()
    show_all(sandbox)
    for talk in talks:
        talk.say("again")


def styles(sandbox: Sandbox, pane: str) -> set[str]:
    """The 24-bit and 256-colour backgrounds on the pane's screen."""
    return set(
        re.findall(r"48;(?:2;\d+;\d+;\d+|5;\d+)", sandbox.tmux("capture-pane", "-e", "-p", "-t", pane))
    )
