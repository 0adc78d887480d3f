"""Kill Codex in many panes, again and again, while a client changes its tmux session and one shows trees and popups.

tmux before 3.5 ends whole, with every pane in it, when a dead pane whose program had asked for focus events gains or
loses the focus. `make deaths COUNT=2000 TMUX_BINARY=/path/to/tmux`; the exit code is 0 where the server lived.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

from codex_tmux.selftest.world import WorldError
from tests.support.world import Sandbox

STUCK_AFTER = 60.0
"""Seconds without any death after which the world counts as stuck."""
NOW = "#{@codex_process} #{@codex_looked} #{@codex_cleared} #{s/ .*//:@codex_title_at} #{@codex_title_id}"
SEEN = f"#{{&&:#{{@codex_title_id}},#{{==:{NOW},#{{@codex_unfocused}}}}}}"
KNOWN = f"#{{&&:#{{@codex_session}},#{{?#{{<:#{{version}},3.5}},{SEEN},1}}}}"
"""Codex is killed as soon as a sync has seen it with its title: until then, for a second or so, nothing is promised."""
FORMAT = f"#{{pane_id}} #{{pane_dead}} #{{?@codex_asleep,1,0}} {KNOWN} #{{@codex_process}}"


@contextlib.contextmanager
def switching(sandbox: Sandbox, client: str, other: str, sessions: list[str]) -> Iterator[None]:
    """Meanwhile one client is moved between tmux sessions all the time, and another one shown a tree and popups."""
    words = [w for name in sessions for w in ("switch-client", "-c", client, "-t", name, ";")]
    words += ["choose-tree", "-t", "main:", ";", "display-popup", "-c", other, "-E", "true", ";"]
    words += ["send-keys", "-X", "-t", "main:", "cancel"]
    over = threading.Event()

    def switch() -> None:
        while not over.wait(0.02):
            subprocess.run(sandbox.tmux_args(*words), env=sandbox.env, stderr=subprocess.DEVNULL)

    thread = threading.Thread(target=switch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Pane(NamedTuple):
    """A pane as tmux tells it now."""

    id: str
    dead: bool
    asleep: bool
    known: bool
    process: str


def panes_of(sandbox: Sandbox) -> list[Pane]:
    """Every pane. Raises WorldError where the server is gone."""
    rows = [line.split(" ") for line in sandbox.tmux("list-panes", "-a", "-F", FORMAT).splitlines()]
    return [Pane(r[0], r[1] == "1", r[2] == "1", r[3] == "1", r[4]) for r in rows]


def deaths(sandbox: Sandbox, count: int, panes: int = 8) -> bool:
    """Kill Codex `count` times in all, in so many panes, each in a tmux session of its own; whether the tmux server,
    which is started, lived."""
    sessions = [f"s{number}" for number in range(panes)]
    for name in sessions:
        where = ("-s", name, "-c", str(sandbox.work), "-x", "100", "-y", "30")
        sandbox.tmux("new-session", "-d", *where, "codex-tmux", "run")
    for _ in range(2):
        sandbox.attach(target="main")
    client, other = sandbox.tmux("list-clients", "-F", "#{client_name}").splitlines()
    # Without a message there is nothing to resume, and the pane would ask.
    for pane in panes_of(sandbox)[1:]:
        sandbox.ask(pane.id, f"begin in {pane.id}")
    try:
        with switching(sandbox, client, other, [name for each in sessions for name in ("main", each)]):
            kill_and_respawn(sandbox, count)
            # The last ones to die, too, are switched to and fro.
            time.sleep(1.0)
        sandbox.tmux("list-sessions")
    except WorldError:
        if sandbox.running:
            raise
        return False
    return True


def kill_and_respawn(sandbox: Sandbox, count: int) -> None:
    """Kill each Codex that is known, respawn each pane that sleeps, until there were so many deaths."""
    killed: set[str] = set()
    last = time.monotonic()
    while len(killed) < count:
        for pane in panes_of(sandbox):
            if pane.dead and pane.asleep:
                sandbox.respawn(pane.id)
            elif not pane.dead and pane.known and not pane.asleep and pane.process not in ("", *killed):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pane.process.partition(":")[0]), signal.SIGKILL)
                killed.add(pane.process)
                last = time.monotonic()
        if time.monotonic() > last + STUCK_AFTER:
            raise WorldError(f"no Codex came up any more after {len(killed)} deaths:\n{sandbox.screens()}")
        time.sleep(0.02)


def main() -> int:
    """The program: see `--help`."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.deaths")
    parser.add_argument("--count", type=int, default=2000, help="how many deaths (%(default)s)")
    parser.add_argument("--panes", type=int, default=8, help="in how many panes at once (%(default)s)")
    parser.add_argument("--tmux", default="tmux", help="the tmux to run (%(default)s)")
    parser.add_argument("--codex", help="the real Codex; default: the stand-in")
    parser.add_argument("--focus-events", choices=("on", "off"), default="off")
    args = parser.parse_args()
    if os.sep in args.tmux:
        os.environ["PATH"] = os.path.dirname(os.path.abspath(args.tmux)) + os.pathsep + os.environ["PATH"]
    with Sandbox(args.codex) as sandbox:
        sandbox.start_server(load_plugin=True, config=f"set -g focus-events {args.focus_events}")
        version = sandbox.tmux("display-message", "-p", "#{version}")
        lived = deaths(sandbox, args.count, args.panes)
    what = f"tmux {version}, focus-events {args.focus_events}, {sandbox.codex_name}, {args.count} deaths"
    print(f"{what}: the server {'lived' if lived else 'ENDED'}")
    return 0 if lived else 1


if __name__ == "__main__":
    sys.exit(main())
