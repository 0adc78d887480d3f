"""One turn against a Codex that is a few lines of shell."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from codex_tmux import exec_turn
from codex_tmux.exec_events import Event, Message, NotJson, Session
from codex_tmux.exec_turn import Outcome, Turn, stderr_error

ID = "01a206de-8f3c-7a10-81b3-02aa28d1e23e"
OTHER = "01a206de-8f3c-7a10-81b3-ffffffffffff"
NAMED = f'echo \'{{"type":"thread.started","thread_id":"{ID}"}}\''
SENT = 'echo \'{"type":"turn.started"}\''
DONE = 'echo \'{"type":"turn.completed","usage":{"input_tokens":3,"output_tokens":2}}\''


def said(text: str) -> str:
    return f'echo \'{{"type":"item.completed","item":{{"type":"agent_message","text":"{text}"}}}}\''


class Seen:
    """What a turn told, in order."""

    def __init__(self) -> None:
        self.told: list[str | Event] = []
        self.turn: Turn | None = None
        self.on_event: Callable[[Turn, Event], None] = lambda turn, event: None
        self.naming = 0.0

    async def session(self, session_id: str) -> None:
        await asyncio.sleep(self.naming)
        self.told.append(session_id)

    async def event(self, event: Event, line: str) -> None:
        self.told.append(event)
        assert self.turn
        self.on_event(self.turn, event)

    def run(self, *script: str, asked: str | None = None, message: str = "hello", cwd: str = "/") -> Outcome:
        async def main() -> Outcome:
            self.turn = Turn(
                ["/bin/sh", "-c", "\n".join(script)],
                cwd=cwd,
                message=message,
                asked=asked,
                on_session=self.session,
                on_event=self.event,
            )
            return await self.turn.run()

        return asyncio.run(main())


@pytest.fixture
def seen() -> Seen:
    return Seen()


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_turn(seen: Seen) -> None:
    outcome = seen.run("cat >/dev/null", NAMED, SENT, said("hi"), DONE)
    assert outcome.well
    assert outcome.session_id == ID
    assert outcome.usage
    assert outcome.usage.total == 5
    assert [e for e in seen.told if isinstance(e, Message)] == [Message("hi")]


def test_the_session_is_saved_before_anything_later_is_looked_at(seen: Seen) -> None:
    seen.naming = 0.3
    seen.run(NAMED, SENT, said("hi"), DONE)
    assert seen.told.index(ID) < seen.told.index(Message("hi"))
    assert seen.told[0] == ID


def test_events_come_while_codex_still_runs(seen: Seen) -> None:
    times: list[float] = []
    seen.on_event = lambda turn, event: times.append(time.monotonic())
    seen.run(NAMED, "sleep 0.5", said("hi"), DONE)
    assert times[1] - times[0] > 0.3


def test_a_message_of_any_size_and_any_text(seen: Seen, tmp_path: Path) -> None:
    message = "żółw $(id) `id` \x00 \\ ' \" \n" * 100_000
    seen.run(f"cat > {tmp_path}/got", NAMED, DONE, message=message)
    assert (tmp_path / "got").read_bytes() == message.encode()


def test_a_codex_that_does_not_read_its_message(seen: Seen) -> None:
    assert seen.run(NAMED, DONE, message="x" * 1_000_000).well


def test_an_id_on_stderr(seen: Seen) -> None:
    outcome = seen.run(f"echo 'session id: {ID}' >&2", "sleep 0.2", said("hi"))
    assert outcome.session_id == ID


def test_another_session_than_asked_for_is_stopped_at_once(seen: Seen, tmp_path: Path) -> None:
    begun = time.monotonic()
    outcome = seen.run(
        f'echo \'{{"type":"thread.started","thread_id":"{OTHER}"}}\'',
        "sleep 20",
        f"touch {tmp_path}/went-on",
        asked=ID,
    )
    assert time.monotonic() - begun < 10
    assert outcome.other == OTHER
    assert outcome.session_id is None
    assert not outcome.well
    assert OTHER not in seen.told
    assert not (tmp_path / "went-on").exists()


def test_the_session_asked_for(seen: Seen) -> None:
    assert seen.run(NAMED, DONE, asked=ID).session_id == ID


@pytest.mark.parametrize(
    ("script", "code", "error", "broken"),
    [
        (("echo 'Error: no such thing' >&2; exit 3",), 3, "Error: no such thing", ""),
        ((NAMED, 'printf \'{"type":"turn.comp\'; kill -9 $$'), -9, "", '{"type":"turn.comp'),
        ((NAMED, 'echo \'{"type":"turn.failed","error":{"message":"429"}}\'; exit 1'), 1, "429", ""),
        ((NAMED, 'echo \'{"type":"error","message":"gone"}\'; exit 1'), 1, "gone", ""),
        ((NAMED,), 0, "", ""),
    ],
)
def test_how_it_goes_wrong(seen: Seen, script: tuple[str, ...], code: int, error: str, broken: str) -> None:
    outcome = seen.run(*script)
    assert not outcome.well
    assert (outcome.exit_code, outcome.error, outcome.broken) == (code, error, broken)


def test_an_error_that_passes_is_none(seen: Seen) -> None:
    assert seen.run(NAMED, 'echo \'{"type":"error","message":"Reconnecting 1/5"}\'', said("hi"), DONE).well


def test_a_line_that_is_not_json(seen: Seen) -> None:
    assert seen.run(NAMED, "echo warning: hot", said("hi"), DONE).well
    assert NotJson("warning: hot") in seen.told


def test_a_last_line_without_its_newline_counts_when_it_is_whole(seen: Seen) -> None:
    outcome = seen.run(NAMED, 'printf \'{"type":"turn.completed"}\'')
    assert outcome.usage is not None
    assert outcome.broken == ""


def test_what_codex_left_running_does_not_hold_the_pane(seen: Seen) -> None:
    begun = time.monotonic()
    assert seen.run(NAMED, "sleep 60 &", DONE).well
    assert time.monotonic() - begun < 20


def test_much_output_after_the_end_is_all_read(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exec_turn, "DRAIN_SECONDS", 0.3)
    seen.naming = 1.0  # Codex is long gone when the first event has been dealt with
    assert seen.run(NAMED, *[said(f"m{i}") for i in range(50)], DONE).usage is not None
    assert Message("m49") in seen.told


def test_ctrl_c_reaches_codex_first_as_sigint(seen: Seen) -> None:
    seen.on_event = lambda turn, event: turn.stop() if isinstance(event, Session) else None
    outcome = seen.run("trap 'exit 7' INT", NAMED, "while :; do sleep 0.1; done")
    assert outcome.interrupted
    assert outcome.exit_code == 7


def test_a_codex_that_will_not_stop_is_made_to(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exec_turn, "PATIENCE", {signal.SIGINT: 0.2, signal.SIGTERM: 0.2})
    seen.on_event = lambda turn, event: turn.stop() if isinstance(event, Session) else None
    outcome = seen.run("trap '' INT TERM", NAMED, "while :; do sleep 0.1; done")
    assert outcome.exit_code == -9


def test_ctrl_c_again_is_harder(seen: Seen) -> None:
    def twice(turn: Turn, event: Event) -> None:
        if isinstance(event, Session):
            turn.stop()
            asyncio.get_running_loop().call_later(0.3, turn.stop)

    seen.on_event = twice
    outcome = seen.run("trap '' INT", NAMED, "while :; do sleep 0.1; done")
    assert outcome.exit_code == -signal.SIGTERM


def test_ctrl_c_of_the_terminal_does_not_reach_codex(seen: Seen, tmp_path: Path) -> None:
    seen.run(NAMED, f"ps -o pgid= -o sid= -p $$ > {tmp_path}/ids", DONE)
    group, session = (int(word) for word in (tmp_path / "ids").read_text().split())
    assert group != os.getpgrp()
    assert session != os.getsid(0)


def test_the_guard_leaves_with_the_turn(seen: Seen) -> None:
    seen.run(NAMED, DONE)
    children = subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True).stdout
    assert not [pid for pid in children.split() if "codex-tmux-guard" in command_line(pid)]


def command_line(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def test_a_turn_does_not_outlive_the_kill_of_its_pane(tmp_path: Path) -> None:
    program = (
        "import asyncio\nfrom codex_tmux.exec_turn import Turn\n"
        "async def none(*args): pass\n"
        f"turn = Turn(['/bin/sh', '-c', 'echo $$ > {tmp_path}/pid; sleep 60; :'], cwd='/', message='',"
        " asked=None, on_session=none, on_event=none)\nasyncio.run(turn.run())\n"
    )
    pane = subprocess.Popen([sys.executable, "-c", program])
    file = tmp_path / "pid"
    end = time.monotonic() + 20
    while not (file.exists() and file.read_text().strip()) and time.monotonic() < end:
        time.sleep(0.02)
    pid = int(file.read_text())
    pane.kill()
    pane.wait()
    end = time.monotonic() + 10
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not alive(pid)


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ([], ""),
        (["Not inside a trusted directory"], "Not inside a trusted directory"),
        (
            [
                "2026-11-23T05:36:08.4Z ERROR codex_core: x",
                "Error: thread/resume",
                "",
                "Stack backtrace:",
                " 0: y",
            ],
            "Error: thread/resume",
        ),
        (["Reading prompt from stdin...", "error: unexpected argument '--x' found", "Usage: codex"], None),
        (
            ["2026-11-23T05:36:08.4Z ERROR codex_core: only this"],
            "2026-11-23T05:36:08.4Z ERROR codex_core: only this",
        ),
    ],
)
def test_what_stderr_says(lines: list[str], wanted: str | None) -> None:
    assert stderr_error(lines) == (lines[1] if wanted is None else wanted)
