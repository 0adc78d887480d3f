"""What each command prints, as a person sees it: on a small and a large screen, without colours, into a pipe."""

from __future__ import annotations

import os
import re
import signal
from typing import NamedTuple

import pytest

from codex_tmux.cli import COMMANDS
from tests.support.world import Sandbox
from tests.tmux.list_test import wait_state

UNKNOWN = "01a201da-7561-7551-a7df-a07aa6f38cdb"


class Printed(NamedTuple):
    """What a command left on the screen: its lines, and the same before tmux has wrapped them and with colours."""

    lines: list[str]
    joined: list[str]
    coloured: str

    @property
    def text(self) -> str:
        """All of it, on one line."""
        return " ".join(" ".join(self.joined).split())


WAYS: dict[str, str] = {
    "on a screen": "{}",
    "NO_COLOR": "NO_COLOR=1 {}",
    "piped": "{{ {}; }} 2>&1 | tr '\\033' '~'",
}


class Terminal:
    """A terminal of this size in which commands are typed, in one of these ways."""

    def __init__(self, sandbox: Sandbox, width: int, height: int, way: str) -> None:
        self.sandbox, self.width, self.way = sandbox, width, WAYS[way]
        sandbox.start_server(load_plugin=True, width=width, height=height)

    def run(self, command: str) -> Printed:
        """Run `codex-tmux COMMAND` in a pane of its own, and see what it prints."""
        line = self.way.format(f"codex-tmux {command}")
        pane = self.sandbox.new_pane(f"{line}; echo DONE; cat", name="looker")
        self.sandbox.wait_text(pane, "DONE", 150)
        plain, joined, coloured = (
            self.sandbox.tmux("capture-pane", "-p", *how, "-S", "-", "-t", pane).partition("DONE")[0]
            for how in ((), ("-J",), ("-e",))
        )
        self.sandbox.tmux("kill-pane", "-t", pane)
        return Printed([x for x in plain.splitlines() if x], [x for x in joined.splitlines() if x], coloured)


@pytest.mark.parametrize(
    ("size", "way"), [((80, 24), "on a screen"), ((200, 50), "NO_COLOR"), ((80, 24), "piped")], ids=WAYS
)
def test_every_command_prints_what_it_did(sandbox: Sandbox, size: tuple[int, int], way: str) -> None:
    terminal = Terminal(sandbox, *size, way)
    live, dead = sandbox.new_pane(), sandbox.new_pane()
    for pane in (live, dead):
        sandbox.ask(pane, f"what {pane} is about")
    session = sandbox.bound(live)
    sandbox.bound(dead)
    os.kill(sandbox.codex_pid(dead), signal.SIGKILL)
    wait_state(sandbox, dead, "dead")
    config = sandbox.codex_home / "config.toml"
    seen: set[str] = set()

    def prints(command: str, *wanted: str, fits: bool = False) -> Printed:
        printed = terminal.run(command)
        seen.add(command.split()[0])
        for text in wanted:
            assert text in printed.text, f"{command}: {text!r} in\n" + "\n".join(printed.lines)
        assert "Traceback" not in printed.text
        if fits and way != "piped":  # piped, a line is whole
            assert printed.lines == [x.rstrip() for x in printed.joined], (
                f"{command}: a line is wider than {size[0]}"
            )
        if way != "on a screen":
            assert not re.search(r"\x1b\[[0-9;]*[349][0-9]", printed.coloured), command
        if way == "piped":
            assert "~[" not in printed.text, command
        return printed

    prints("list", "WHERE", live, dead, "running", "asleep", fits=True)
    prints("status", "1 running 1 asleep")
    prints("sync")
    prints("next", "none is known to need you")
    logged = prints("log", "session.bound").text
    # Whichever was there first.
    assert re.search(f"session={session} pane={live} evidence=(title|lock)", logged), logged
    prints("doctor", "ok tmux tmux", "everything is in order", fits=True)
    prints("setup --check", f"set: {config} has the session id in the title")
    prints("setup --undo -y", f"nothing to undo: codex-tmux has not changed {config}")
    prints("setup -y", f"nothing to do: {config} has the session id in the title")
    prints("install --check", "not installed:", "run: codex-tmux install")
    prints("adopt -t %99 " + UNKNOWN, "there is no pane %99")
    prints(f"forget -y {UNKNOWN}", f"{UNKNOWN}: no such session")
    prints("restore --dry-run", "nothing to restore")
    prints("list --search about", session, f"what {live} is about")
    prints("approve", "no shared daemon of Codex runs (0.157 or newer): answer in the pane")
    prints(f"wait -t {live}", "this needs Codex's shared daemon (0.157 or newer), and none runs.")
    prints(f"tell -t {live} hello", "has no `queue` command (0.169 has): type the message into the pane")
    prints("undo", "nothing to undo: no pane with a conversation was closed")
    prints("fork -t main:0", "has no conversation to fork")
    prints(
        f"pick --preview {session}",
        f"session {session}",
        "place main:1.0, running",
        f"── you what {live} is about",
    )
    prints("exec < /dev/null", "new pane: the first message starts a new session")
    prints(
        "selftest", "tmux respawn-pane; back", "PASSED: the killed pane came back with its own conversation"
    )
    prints("run --nonsense < /dev/null", "run: unknown argument '--nonsense'; usage: codex-tmux run")
    assert prints(f"respawn -t {dead}").text == "", "done, and nothing to say"
    prints("list", "running", fits=True)
    keys = "Keys: prefix R, prefix P, prefix N, prefix F, prefix U, prefix A."
    prints("install -y", "+run-shell", "written: ", "Loaded: ", keys)
    prints("load", *([] if way == "piped" else ["Loaded: "]))
    prints(
        "uninstall -y", "-run-shell", "removed: ", "Unloaded from the running tmux server.", "What remains"
    )
    prints("completion bash", "complete -o nosort -F _codex_tmux_completion codex-tmux")
    assert seen == set(COMMANDS), "every command was run"
