"""A year in a minute: thousands of sessions, opened and closed, through the rules and onto the disk: `make long-life`.

What is kept must not grow with what has been: neither the state file, nor the log, nor the time of one look.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from codex_tmux import log, pass_once
from codex_tmux.reconcile import Launch, Note, Pane, Policy, Sighting, Snapshot
from codex_tmux.state import store
from codex_tmux.state.records import ENDED, LIVE, TITLE, Record

BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)
YEAR = timedelta(days=365)
FILE_BYTES = 200_000
"""How large the state file may get."""
LAUNCH = Launch(
    "tui", "/home/u/.local/bin/codex", "/home/u/.codex", "/home/u/src/project", ("-m", "gpt-5"), False
)


class Life(NamedTuple):
    """What a long life has come to. Times are medians of a tenth of all looks, in milliseconds."""

    file_bytes: int
    log_bytes: int
    first_ms: float
    last_ms: float


def opened(number: int) -> Pane:
    """A pane that shows the session of this number."""
    return Pane(
        *(f"%{number}", f"work{number % 7}", number % 10, "codex", "b25f,190x47,0,0,2", 0, LAUNCH.cwd),
        *(False, "", str(1000 + number), "codex"),
        running=LAUNCH,
        launch=LAUNCH,
        process=f"{1000 + number}:1",
        sighting=Sighting(f"{number:08x}-7561-7551-a7df-a07aa6f38cdb", TITLE),
    )


def live(place: Path, sessions: int, at_once: int = 25, keep: int | None = None) -> Life:
    """Open and close that many sessions, `at_once` at a time, with `place` as the state directory.

    `keep`: how many old records are kept, if not as many as ever. Raises AssertionError where a record is lost, or
    something kept grows too large.
    """
    os.environ["CODEX_TMUX_STATE_DIR"] = str(place)
    policy = Policy() if keep is None else Policy(keep_old=keep)
    looks = sessions // at_once
    clock = [BEGIN]
    setattr(pass_once, "now", lambda: clock[0])  # noqa: B010
    before: tuple[Pane, ...] = ()
    largest, times = 0, []
    for look in range(looks):
        clock[0] = BEGIN + look * YEAR / looks
        panes = tuple(opened(look * at_once + number) for number in range(at_once))
        exited = frozenset(pane.id for pane in before)
        began = time.perf_counter()
        _, records, actions, fault = pass_once.decide(Snapshot("/tmp/s", "1:2", panes, exited), policy)
        times.append((time.perf_counter() - began) * 1000)
        assert not fault, fault
        check(records, panes, LIVE)
        check(records, before, ENDED)
        for action in actions:
            if isinstance(action, Note):
                log.log(action.event, **dict(action.fields))
        largest = max(largest, (place / store.NAME).stat().st_size)
        before = panes
    assert largest < FILE_BYTES, f"the state file grew to {largest} bytes"
    logs = sum(p.stat().st_size for p in place.glob("log*"))
    assert logs < 3 * log.LIMIT, f"the log grew to {logs} bytes"
    tenth = max(1, looks // 10)
    return Life(largest, logs, statistics.median(times[:tenth]), statistics.median(times[-tenth:]))


def check(records: tuple[Record, ...], panes: tuple[Pane, ...], status: str) -> None:
    """Each of these panes' sessions has one record, of this status. Raises AssertionError."""
    found = {r.session_id: r.status for r in records}
    assert len(found) == len(records), "a session has two records"
    lost = [p.id for p in panes if p.sighting and found.get(p.sighting.session_id) != status]
    assert not lost, f"not {status}: {lost}"


def main() -> int:
    """Live, and tell what it came to."""
    parser = argparse.ArgumentParser(prog="python -m tests.long_life", description=__doc__)
    parser.add_argument("--sessions", type=int, default=50_000)
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        life = live(Path(place) / "state", options.sessions)
    print(
        f"{options.sessions} sessions in {time.monotonic() - began:.0f} s: the state file had {life.file_bytes} bytes"
        f" at most, the logs {life.log_bytes}; a look took {life.first_ms:.1f} ms at first, {life.last_ms:.1f} at last"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
