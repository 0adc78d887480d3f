"""`codex-tmux log` in a pane, and in a pipe whose reader has seen enough."""

from __future__ import annotations

import subprocess

from codex_tmux.sandbox import Sandbox
from tests.tmux.list_test import bound


def test_it_is_followed_until_control_c(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True, width=200, height=50)
    reader = sandbox.new_pane("codex-tmux log -f; echo exit $?; cat", name="reader")
    pane = sandbox.new_pane()
    sandbox.ask(pane, "first")
    session = bound(sandbox, pane)
    sandbox.wait_for(lambda: f"session.bound session={session}" in sandbox.capture(reader), 10, "the event")
    log = sandbox.state_dir / "log"
    log.rename(log.with_name("log.1"))
    sandbox.type(pane, "/new")
    sandbox.wait_for(
        lambda: sandbox.format(pane, "#{@codex_session}") not in ("", session), 10, "another session"
    )
    now = bound(sandbox, pane)
    sandbox.wait_for(lambda: f"session.bound session={now}" in sandbox.capture(reader), 10, "the next log")
    sandbox.tmux("send-keys", "-t", reader, "C-c")
    sandbox.wait_for(lambda: "exit 0" in sandbox.capture(reader), 10, "it to end")
    assert "Traceback" not in sandbox.capture(reader)


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


def test_misuse(sandbox: Sandbox) -> None:
    assert sandbox.helper_result("log", "-n", "-1").returncode == 2
