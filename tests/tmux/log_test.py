"""`codex-tmux log` in a pane, and in a pipe whose reader has seen enough."""

import re
import subprocess

from tests.support.world import Sandbox


def test_a_reader_that_goes_away(sandbox: Sandbox) -> None:
    (sandbox.state_dir / "log").write_text("a line of the log\n" * 20_000)
    done = subprocess.run(
        ["sh", "-c", f"{sandbox.bin}/codex-tmux log | head -1"],
        env=sandbox.env,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("a line of the log\n", "")
    assert len(sandbox.helper("log", "-n", "3").splitlines()) == 3


def test_how_much_is_logged_is_an_option(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True, config="set -g @codex-log-level debug")
    pane, session = sandbox.talk("first")
    sandbox.helper("list")
    log = sandbox.state_dir / "log"
    assert re.search(
        rf" pane.saw pane={pane} codex=\d+:\S+ session={session} evidence=(title|lock)", log.read_text()
    )
    assert re.search(r" sync.saw panes=2 ours=1 ms=\d+\n", log.read_text())
    sandbox.tmux("set-option", "-gu", "@codex-log-level")
    sandbox.quiet()
    log.write_text("")
    sandbox.helper("list")
    assert log.read_text() == ""
    sandbox.tmux("set-option", "-g", "@codex-log-level", "error")
    sandbox.kill_codex(pane)
    sandbox.respawn(pane)
    sandbox.ask(pane, "second")
    sandbox.wait_state(pane, "live")
    assert log.read_text() == "", "neither sync nor run have anything to complain of"
    sandbox.tmux("set-hook", "-gu", "pane-exited")
    sandbox.helper("list")
    assert [line.split()[1] for line in log.read_text().splitlines()] == ["hooks.missing"]


def test_misuse(sandbox: Sandbox) -> None:
    assert sandbox.helper_result("log", "-n", "-1").returncode == 2
