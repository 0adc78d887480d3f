"""What makes a sync grow: the work of the rules, and the files that are read, by number and not by time."""

import json
import subprocess
import sys
from pathlib import Path

from codex_tmux.state.records import Record
from codex_tmux.tracking.model import Policy, Snapshot
from codex_tmux.tracking.rules import reconcile
from tests.unit.rules_test import EPOCH, NOW, SERVER, showing


def sid(number: int) -> str:
    """An id that differs from the others within its first 29 characters, as real ones do."""
    return f"{number:08x}-7561-7551-a7df-a07aa6f38cdb"


def snapshot(panes: int, layout: str = "") -> Snapshot:
    """Panes that show a session each."""
    shown = (showing(n, sid(n), window=n, window_layout=layout) for n in range(panes))
    return Snapshot(SERVER, EPOCH, tuple(shown))


def work(panes: int, old: int = 0) -> int:
    """How many calls of functions new panes take, then all of them moved, beside so many old records."""
    (first, *_), _ = reconcile((), snapshot(panes), Policy(), NOW)
    records: tuple[Record, ...] = tuple(
        first._replace(session_id=sid(10_000 + n), status="closed", pane=f"%{10_000 + n}") for n in range(old)
    )
    calls = []
    sys.setprofile(lambda frame, event, arg: calls.append(1) if event == "call" else None)
    try:
        for layout in ("old", "new"):
            records, _ = reconcile(records, snapshot(panes, layout), Policy(), NOW)
    finally:
        sys.setprofile(None)
    assert {r.window_layout for r in records if r.current} == {"new"}
    return len(calls)


def test_the_rules_grow_with_the_panes_and_with_what_is_old_and_not_with_their_product() -> None:
    assert work(200) <= 4.2 * work(50)
    assert work(50, old=200) - work(50) <= 1.2 * (work(10, old=200) - work(10))


LOOK = """
import sys, json
from codex_tmux.codex.store import Store
seen = []
sys.addaudithook(lambda event, args: seen.append(event) if event in ("open", "os.listdir", "os.scandir") else None)
store, session = Store(sys.argv[1]), sys.argv[2]
found = [store.complete(session[:29]), store.resumable(session)]
found += [store.is_subagent(session), bool(store.rollout(session)), bool(store.find(session))]
found += [store.resumable(session[:-1] + "f"), [s.id for s in store.recent(1)]]
print(json.dumps([found, len(seen)]))
"""


def test_finding_a_session_opens_as_many_files_however_many_are_old(tmp_path: Path) -> None:
    session = "019b7e53-4a00-7551-a7df-a07aa6f38cdb"
    found = []
    for count in (0, 300):
        home = tmp_path / str(count)
        for number in range(count):
            day = home / f"sessions/2025/{number % 12 + 1:02}/{number % 28 + 1:02}"
            day.mkdir(parents=True, exist_ok=True)
            (day / f"rollout-2025-01-01T00-00-00-{sid(number)}.jsonl").touch()
        day = home / "sessions/2026/01/02"
        day.mkdir(parents=True)
        meta = {"type": "session_meta", "payload": {"id": session, "source": "cli"}}
        (day / f"rollout-2026-01-02T06-00-00-{session}.jsonl").write_text(json.dumps(meta) + "\n")
        done = subprocess.run(
            [sys.executable, "-c", LOOK, str(home), session], capture_output=True, text=True, check=True
        )
        found.append(json.loads(done.stdout))
    assert found[0] == found[1]
    assert found[0][0] == [session, [True, ""], False, True, True, [False, "unknown"], [session]]
