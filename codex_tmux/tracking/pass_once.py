"""One pass of sync: reading, evidence, rules, state file, actions."""

import time
from typing import NamedTuple

from codex_tmux.codex.processes.table import Processes
from codex_tmux.errors import Problem
from codex_tmux.log import debugging, log, set_level
from codex_tmux.sleeping.resume import see_that_tmux_reaps, wait_until_dead
from codex_tmux.state import store
from codex_tmux.state.pane_options import Option
from codex_tmux.state.records import LIVE, Record, now
from codex_tmux.tmux import epoch, hooks
from codex_tmux.tmux import server as tmux
from codex_tmux.tmux.server import Reading, Server, escape
from codex_tmux.tmux.tell import tell_all
from codex_tmux.tmux.versions import DEAD_SIGNAL, version_of
from codex_tmux.tracking.apply import perform, set_options
from codex_tmux.tracking.identify import Identifier
from codex_tmux.tracking.model import Action, Note, Pane, Policy, Snapshot
from codex_tmux.tracking.rules import reconcile

SETTLING = 1.5
"""Seconds tmux may take to hear how a process has ended."""
STOPPED = 10.0
"""Seconds after which others have worked around a sync that goes on."""


class Pass(NamedTuple):
    """What one pass saw and decided."""

    reading: Reading
    snapshot: Snapshot
    records: tuple[Record, ...]

    def pane(self, pane_id: str) -> Pane | None:
        return next((p for p in self.snapshot.panes if p.id == pane_id), None)

    def require(self, pane_id: str) -> Pane:
        """The same. Raises Problem where there is none."""
        if pane := self.pane(pane_id):
            return pane
        raise Problem(f"there is no pane {pane_id} on this tmux server")

    def record(self, pane_id: str) -> Record | None:
        """The current record of a pane, else the newest one that it had."""
        mine = [r for r in self.records if r.place == self.snapshot.place(pane_id)]
        return max(reversed(mine), key=lambda r: (r.current, r.updated_at), default=None)


def sync_once(server: Server) -> Pass:
    """Read the server, decide, save, act. Under the sync lock of that server. Raises Problem."""
    for _ in range(2):
        begun = time.monotonic()
        reading, identifier, snapshot = settled_reading(server)
        set_level(reading.server["@codex-log-level"])
        policy = Policy(revive=reading.server["@codex-on-death"] == "respawn")
        snapshot, records, actions, fault = decide(snapshot, policy)
        tell_fault(server, reading, fault)
        newly_marked = set_options(server, reading, snapshot, records, identifier)
        if debugging():
            tell_what_was_seen(snapshot, time.monotonic() - begun)
        drawing: dict[str, str] = {}
        for action in actions:
            perform(server, action, drawing)
        wait_until_dead(server, drawing)
        if not drawing and any(pane.dead and not pane.asleep for pane in snapshot.panes):
            see_that_tmux_reaps(server)
        # Hooks pass over a pane that is not marked yet: what became of it meanwhile, nobody else will tell. And a
        # helper that was stopped has just set what is long not true any more.
        if time.monotonic() - begun < STOPPED and (not newly_marked or newly_marked <= living_panes(server)):
            break
    hooks.mend(server, reading)
    return Pass(reading, snapshot, records)


def tell_what_was_seen(snapshot: Snapshot, seconds: float) -> None:
    """Note what this pass has seen of each pane that has to do with Codex, for whoever looks for a fault."""
    ours = [p for p in snapshot.panes if p.running or p.marked]
    log("sync.saw", panes=len(snapshot.panes), ours=len(ours), ms=f"{seconds * 1000:.0f}")
    for pane in ours:
        shown = pane.sighting
        log(
            "pane.saw",
            pane=pane.id,
            codex=pane.process if pane.running else "none",
            session=shown.session_id if shown else "unknown",
            evidence=shown.evidence if shown else None,
            had=pane.session or None,
            dead=pane.exit or "yes" if pane.dead else None,
        )


def settled_reading(server: Server) -> tuple[Reading, Identifier, Snapshot]:
    """One reading in which tmux knows how each process has ended; after SETTLING seconds, as things are."""
    end = time.monotonic() + SETTLING
    while True:
        reading = tmux.read(server)
        identifier = Identifier(server, reading)
        snapshot = identifier.snapshot()
        rows = zip(reading.panes, snapshot.panes)
        if time.monotonic() > end or not any(is_unsettled(identifier, row, pane) for row, pane in rows):
            return reading, identifier, snapshot
        server.try_run("run-shell", "-b", ":")
        time.sleep(0.01)


def is_unsettled(identifier: Identifier, row: dict[str, str], pane: Pane) -> bool:
    """Whether a pane's process has ended and tmux does not know that, or how: it may have to close the pane yet.

    A tmux that tells no signals says nothing of a process that was killed, and never will.
    """
    if not pane.marked or pane.asleep:
        return False
    if pane.dead:
        return not pane.exit and version_of(identifier.reading.server["version"]) >= DEAD_SIGNAL
    return row[Option.STATE] == LIVE and not pane.running and has_ended(identifier.processes, pane)


def has_ended(processes: Processes, pane: Pane) -> bool:
    """Whether a pane's own process has ended, at this moment."""
    process = processes.read(int(pane.root_pid))
    if process is None:  # or it is another user's, and hidden
        return pane.last_process.partition(":")[0] == pane.root_pid
    return process.state in "ZX"


def living_panes(server: Server) -> set[str]:
    lines = (server.try_run("list-panes", "-a", "-F", "#{pane_dead} #{pane_id}") or "").splitlines()
    return {line[2:] for line in lines if line.startswith("0 ")}


def decide(
    snapshot: Snapshot, policy: Policy
) -> tuple[Snapshot, tuple[Record, ...], tuple[Action, ...], str]:
    """Apply the rules to the state file; why the new records cannot be kept comes last ("": they are).

    The snapshot comes back with the fates of the servers that the records are of.
    """
    try:
        with store.lock():
            records = store.load()
            snapshot = with_fates(snapshot, records)
            new, actions = reconcile(records, snapshot, policy, now())
            if new != records:
                store.save(new)
            return snapshot, new, actions, ""
    except store.StateError as e:
        fault = str(e)
    try:
        records = store.peek()
    except store.StateError:
        records = ()
    snapshot = with_fates(snapshot, records)
    # How often a pane came back by itself cannot be kept: then none does. Nor is anything noted that did not last:
    # the first sync that can save will come to it again.
    new, actions = reconcile(records, snapshot, policy._replace(revive=False), now())
    return snapshot, new, tuple(a for a in actions if not isinstance(a, Note)), fault


def tell_fault(server: Server, reading: Reading, fault: str) -> None:
    """Say once that the records cannot be kept, and once that they can again.

    What was said stands in `@codex_fault`: a log on the same disk may be as unable to take it.
    """
    before = reading.server["@codex_fault"]
    if fault == before:
        return
    if fault:
        log("state.unusable", why=fault)
        server.try_run("set-option", "-g", "@codex_fault", escape(fault))
        tell_all(server, f"sessions are not saved; codex-tmux doctor says why: {fault}")
    else:
        log("state.usable_again", was=before)
        server.try_run("set-option", "-gu", "@codex_fault")
        tell_all(server, "sessions are saved again")
    reading.server["@codex_fault"] = fault


def with_fates(snapshot: Snapshot, records: tuple[Record, ...]) -> Snapshot:
    """The snapshot with what has become of the tmux servers that the records are of."""
    return snapshot._replace(fates=epoch.fates((r.epoch for r in records), snapshot.epoch))
