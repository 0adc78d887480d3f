"""One pass of sync: reading, evidence, rules, state file, actions."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from codex_tmux.errors import TmuxError
from codex_tmux.log import debugging, log, set_level
from codex_tmux.sleeping.hint import ENDED_SOMEHOW, hint
from codex_tmux.sleeping.remain_on_exit import (
    GIVE_BACK,
    SET,
    give_back,
    remain_on_exit,
    say,
    say_nothing,
    stay,
)
from codex_tmux.sleeping.resume import put_to_sleep, respawn_into_run, take_over, wait_until_dead
from codex_tmux.state import store
from codex_tmux.state.pane_options import KEPT_TRUE, Option, encode_launch, pane_options
from codex_tmux.state.records import DEAD, ENDED, EXEC, LIVE, LOST, STATUS_WORDS, Record, now
from codex_tmux.tmux import epoch, hooks
from codex_tmux.tmux import server as tmux
from codex_tmux.tmux.server import AT_WORK, Reading, Server
from codex_tmux.tmux.tell import tell, tell_all
from codex_tmux.tmux.user_keys import KEY_OPTIONS, shown_key
from codex_tmux.tmux.versions import DEAD_SIGNAL, REAPS, version_of
from codex_tmux.tracking.focus import asked_since, take_back
from codex_tmux.tracking.identify import Identifier
from codex_tmux.tracking.may_act import Act, ProcessFacts, may_act
from codex_tmux.tracking.pane_facts import pane_facts
from codex_tmux.tracking.rules import (
    Action,
    Note,
    Pane,
    Policy,
    Revive,
    Sleep,
    Snapshot,
    TakeOver,
    Tell,
    reconcile,
)

SETTLING = 1.5
"""Seconds a Codex whose title lost its id may take to end: it clears the title just before it does."""

STOPPED = 10.0
"""Seconds after which others have worked around a sync that goes on."""

AWAIT = "set-option -g @codex_awaiting 1 ; run-shell -b -d 1 -C '#{@codex_await}'"
"""tmux looks by itself when a Codex that is about to end does so."""


class Pass(NamedTuple):
    """What one pass saw and decided."""

    reading: Reading
    snapshot: Snapshot
    records: tuple[Record, ...]

    def pane(self, pane_id: str) -> Pane | None:
        """The pane of this id."""
        return next((p for p in self.snapshot.panes if p.id == pane_id), None)

    def record(self, pane_id: str) -> Record | None:
        """The current record of a pane, else the newest one that it had."""
        place = (self.snapshot.server, self.snapshot.epoch, pane_id)
        mine = [r for r in self.records if r.place == place]
        mine.sort(key=lambda r: (r.current, r.updated_at))
        return mine[-1] if mine else None


def sync_once(server: Server) -> Pass:
    """Read the server, decide, save, act. Under the sync lock of that server. Raises Problem."""
    for _ in range(2):
        begun = time.monotonic()
        reading, identifier, snapshot = settled_reading(server)
        set_level(reading.server["@codex-log-level"])
        policy = Policy(revive=reading.server["@codex-on-death"] == "respawn")
        snapshot, records, actions, fault = decide(snapshot, policy)
        tell_fault(server, reading, fault)
        if fault and snapshot.exited:
            # Taken, and nobody could note it: the first sync that can save will ask how these panes went.
            server.try_run("set-option", "-ga", "@codex_exited", " " + " ".join(sorted(snapshot.exited)))
        newly_marked = set_options(server, reading, snapshot, records, identifier)
        if debugging():
            tell_what_was_seen(snapshot, time.monotonic() - begun)
        drawing: dict[str, str] = {}
        for action in actions:
            perform(server, action, drawing)
        wait_until_dead(server, drawing)
        if any(pane.dead and not pane.asleep for pane in snapshot.panes):
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
    """One reading in which no pane is just about to change; after SETTLING seconds, as things are."""
    end = time.monotonic() + SETTLING
    reading = tmux.read(server)
    exited = reading.server["@codex_exited"]
    while True:
        identifier = Identifier(server, reading)
        snapshot = identifier.snapshot()
        unreaped = [p for p in snapshot.panes if is_unreaped(reading, p)]
        leaving = [p for row, p in zip(reading.panes, snapshot.panes) if is_leaving(row, p)]
        if not (unreaped or leaving) or time.monotonic() > end:
            return reading, identifier, snapshot
        if unreaped:
            server.try_run("run-shell", "-b", ":")
        wait_for_end(leaving, end)
        time.sleep(0.01)
        reading = tmux.read(server)
        exited = reading.server["@codex_exited"] = f"{exited} {reading.server['@codex_exited']}"


def is_unreaped(reading: Reading, pane: Pane) -> bool:
    """Whether a pane's process has ended and tmux does not know how: it may have to close the pane yet.

    A tmux that tells no signals says nothing of a process that was killed, and never will.
    """
    if not pane.dead or not pane.marked or pane.asleep or pane.exit:
        return False
    return version_of(reading.server["version"]) >= DEAD_SIGNAL


def needs_tick(reading: Reading) -> bool:
    """Whether this tmux may have missed the end of a process, so that a timer inside it has to look."""
    return version_of(reading.server["version"]) < REAPS


def living_panes(server: Server) -> set[str]:
    """The panes whose process runs."""
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
        tell_all(server, f"sessions are not saved: {fault}")
    else:
        log("state.usable_again", was=before)
        server.try_run("set-option", "-gu", "@codex_fault")
        tell_all(server, "sessions are saved again")
    reading.server["@codex_fault"] = fault


def with_fates(snapshot: Snapshot, records: tuple[Record, ...]) -> Snapshot:
    """The snapshot with what has become of the tmux servers that the records are of."""
    return snapshot._replace(fates=epoch.fates((r.epoch for r in records), snapshot.epoch, snapshot.former))


def process_exists(pid: str) -> bool:
    """Whether a process of that id runs."""
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (OSError, ValueError, OverflowError):
        return False
    return True


def is_leaving(row: dict[str, str], pane: Pane) -> bool:
    """Whether a Codex is about to end: it has just cleared its title."""
    cleared = bool(row[Option.LEAVING]) and not row["pane_title"]
    return bool(pane.running) and cleared and pane.last_process == pane.process


def wait_for_end(leaving: list[Pane], end: float) -> None:
    """Wait, until `end` at most, until the Codexes that are about to end have."""
    while time.monotonic() < end:
        if not any(process_exists(p.process.partition(":")[0]) for p in leaving):
            return
        time.sleep(0.01)


def set_options(
    server: Server,
    reading: Reading,
    snapshot: Snapshot,
    records: tuple[Record, ...],
    identifier: Identifier,
) -> set[str]:
    """Make the options of panes and server say what is true; only what changes is set.

    Returns the panes that were not marked as Codex's before. Where the plugin is not loaded nothing is set: nobody
    would keep it true, and unloaded is to stay unloaded.
    """
    if not reading.server["@codex_dir"]:
        return set()
    by_pane = {
        r.pane: r for r in records if r.current and (r.server, r.epoch) == (snapshot.server, snapshot.epoch)
    }
    commands: list[list[str]] = []
    marked = []
    newly_marked = set()
    for row, pane in zip(reading.panes, snapshot.panes):
        wanted = wanted_options(row, pane, by_pane.get(pane.id))
        if pane.id in identifier.stale:
            wanted[Option.TITLE_ID] = ""
        if pane.id in identifier.owners:
            wanted[Option.TITLE_BY] = identifier.owners[pane.id]
        if wanted.get(Option.MARK, row[Option.MARK]):
            marked.append(pane.id)
            if not row[Option.MARK]:
                newly_marked.add(pane.id)
        if asked := asked_since(reading.server["version"], row, pane):
            take_back(row["pane_tty"])
            wanted[Option.UNFOCUSED] = asked
        commands += pane_options(pane.id, {n: v for n, v in wanted.items() if row.get(n, "") != v})
        commands += keep_when_killed(reading, row, pane, by_pane.get(pane.id))
    commands += server_options(reading, snapshot, records, marked, changed=bool(commands))
    run_all(server, commands, loaded=bool(reading.server["@codex_dir"]))
    return newly_marked


def server_options(
    reading: Reading, snapshot: Snapshot, records: tuple[Record, ...], marked: list[str], changed: bool
) -> list[list[str]]:
    """The commands that make the options of the server true; `changed`: a pane's are about to change."""
    commands: list[list[str]] = []
    panes = " " + " ".join(marked) + " " if marked else ""
    if panes != reading.server["@codex_panes"]:
        commands.append(["set-option", "-g", "@codex_panes", panes])
        # What was there at a closing says nothing about panes that came since.
        commands.append(["set-option", "-gu", "@codex_here"])
    status = summary(records, snapshot)
    if status != reading.server["@codex_status"]:
        commands.append(["set-option", "-g", "@codex_status", status])
    if any(is_leaving(row, pane) for row, pane in zip(reading.panes, snapshot.panes)):
        commands.append(["if-shell", "-F", "#{?@codex_awaiting,,1}", AWAIT])
    if commands or changed:
        commands.append(["set-option", "-gF", "@codex_seen", "#{E:@codex_places}"])
    ticks = bool(reading.server["@codex_ticking"] and reading.server["@codex_panes"])
    if marked and not ticks and needs_tick(reading):
        # Asked inside tmux, behind the panes: since the reading the timer may have found none, and ended.
        start = "set-option -g @codex_ticking 1 ; run-shell -b -C '#{@codex_tick}'"
        commands.append(["if-shell", "-F", "#{?@codex_ticking,,1}", start])
    if reading.server["@codex_pending"]:
        # An event since the reading has made it 1 again, and its own sync sees to that.
        done = f"#{{==:#{{@codex_pending}},{AT_WORK}}}"
        commands.append(["if-shell", "-F", done, "set-option -gu @codex_pending"])
    return commands


def wanted_options(row: dict[str, str], pane: Pane, record: Record | None) -> dict[str, str]:
    """The options a pane should have; those not named stay as they are."""
    if pane.starting:
        return {}
    if pane.running:
        return {
            Option.MARK: "1",
            Option.SESSION: record.session_id if record else "",
            Option.EVIDENCE: record.evidence if record else "",
            Option.STATE: LIVE,
            Option.LAUNCH: encode_launch(pane.running),
            Option.GUARD: f"{pane.root_pid} {pane.start_command}"
            if not pane.ours and may_act(pane_facts(row), facts_of(pane), Act.GUARD)
            else "",
            Option.PROCESS: pane.process,
            # Kept while the title is empty: it tells the quit when it comes.
            Option.LEAVING: row[Option.LEAVING]
            if (row[Option.MODE] == EXEC or not row["pane_title"]) and pane.last_process == pane.process
            else "",
        }
    if pane.dead and pane.marked:
        kept = "" if pane.doubted else pane.session
        return {
            Option.SESSION: record.session_id if record else kept,
            Option.EVIDENCE: record.evidence if record else pane.evidence if kept else "",
            Option.STATE: ENDED if pane.exit == "0" else DEAD,
        }
    if record:
        # A guard that was not obeyed is none: what the respawn began is the user's by now.
        refused = {Option.GUARD: ""} if pane.guard is None and not pane.dead else {}
        return {
            Option.STATE: record.status,
            Option.SESSION: record.session_id,
            Option.EVIDENCE: record.evidence,
            **refused,
        }
    if pane.marked or pane.session:
        return dict.fromkeys(KEPT_TRUE, "")
    return {}


def keep_when_killed(
    reading: Reading, row: dict[str, str], pane: Pane, record: Record | None
) -> list[list[str]]:
    """Let a pane outlive a crash of its Codex, where Codex is its own program: no shell's, never against the user."""
    ours = bool(row[Option.KEEP])
    if pane.running and may_act(pane_facts(row), facts_of(pane), Act.KEEP):
        todo = remain_on_exit(True, row["remain-on-exit"], reading.remain_on_exit, ours)
        commands = stay(pane.id) if todo == SET else give_back(pane.id) if todo == GIVE_BACK else []
        # The title hook may have set the option already, ahead of any sync; the rest is for us to add.
        if (todo == SET or ours) and not row[Option.HINT]:
            key = shown_key(*(reading.server[name] for name in KEY_OPTIONS))
            commands += say(pane.id, hint(ENDED_SOMEHOW, key, pane.running), pane.running.typed)
        return commands
    gone = not (record or pane.running or pane.dead or pane.starting)
    return [*give_back(pane.id), *say_nothing(pane.id)] if gone and (ours or row[Option.HINT]) else []


def facts_of(pane: Pane) -> ProcessFacts:
    """What a snapshot tells of a pane's processes."""
    launch = pane.running
    return ProcessFacts(codex=pane.codex, codex_exec=launch is not None and launch.mode == EXEC)


def run_all(server: Server, commands: list[list[str]], loaded: bool) -> None:
    """Run tmux commands in one call; one by one where that fails, as a pane that has gone stops all behind it.

    Nothing is run where the plugin was `loaded` and has been unloaded since: it left no trace, nor do we.
    """
    if not commands:
        return
    # An option that is not there stops the call before the first of ours.
    still_loaded = ["show-options", "-g", "@codex_dir"] if loaded else ["start-server"]
    words: list[str] = [*still_loaded, ";"]
    for command in commands:
        words += [*(escape(w) for w in command), ";"]
    try:
        server.run(*words[:-1])
    except TmuxError:
        for command in commands:
            if loaded and server.try_run(*still_loaded) is None:
                return
            server.try_run(*(escape(w) for w in command))


def escape(word: str) -> str:
    """`word` as an argument to tmux, which takes a last `;` for the end of a command."""
    return word[:-1] + "\\;" if word.endswith(";") else word


def summary(records: tuple[Record, ...], snapshot: Snapshot) -> str:
    """The text behind `#{@codex_status}`: how many sessions of a tmux server run, sleep, or are lost; "" for none.

    What is lost waits for restore, and is of an older epoch.
    """
    counts = dict.fromkeys((LIVE, DEAD, LOST), 0)
    for record in records:
        if snapshot.has_lost(record) or (record.current and record.epoch == snapshot.epoch):
            counts[record.status] += 1
    return " ".join(f"{number} {STATUS_WORDS[status]}" for status, number in counts.items() if number)


def perform(server: Server, action: Action, drawing: dict[str, str]) -> None:
    """Do one thing that the rules asked for; a pane that has gone meanwhile is none of our business.

    A pane that is laid to sleep goes into `drawing`, with the process that draws it.
    """
    try:
        if isinstance(action, Note):
            log(action.event, **dict(action.fields))
        elif isinstance(action, Sleep):
            drawing[action.pane] = put_to_sleep(server, action.pane, action.launch, action.exit, action.again)
        elif isinstance(action, Revive):
            respawn_into_run(server, action.pane, action.launch, unattended=True)
        elif isinstance(action, TakeOver):
            take_over(server, action.pane, action.launch, action.root_pid)
        elif isinstance(action, Tell):
            tell(server, action.pane, action.text)
    except TmuxError as e:
        log("action.failed", action=type(action).__name__, why=e)


def see_that_tmux_reaps(server: Server) -> None:
    """Have one more child of tmux end a moment from now.

    Debian's tmux drops SIGCHLD while libutempter runs its helper for a closed terminal: a pane that died then is
    not noticed, and a `run-shell` that ended then holds up its client, until another child ends.
    """
    server.try_run("run-shell", "-b", "sleep 0.1")
