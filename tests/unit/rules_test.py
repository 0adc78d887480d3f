"""The rules: single cases by name, and any order of events by hypothesis."""

from datetime import datetime, timedelta, timezone
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from codex_tmux.codex.session_id import same_session
from codex_tmux.state.launch import Launch
from codex_tmux.state.records import (
    ADOPTED,
    ARGV,
    CLOSED,
    DEAD,
    ENDED,
    INFERRED,
    LIVE,
    LOCK,
    LOST,
    TITLE,
    Record,
)
from codex_tmux.tmux.epoch import ALIVE, ELSEWHERE, OURS
from codex_tmux.tracking.model import (
    Guard,
    Note,
    Pane,
    Policy,
    Revive,
    Sighting,
    Sleep,
    Snapshot,
    TakeOver,
    Tell,
)
from codex_tmux.tracking.rules import reconcile

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
SERVER, EPOCH = "/tmp/tmux-1000/default", "10:20"
LAUNCH = Launch("tui", "/usr/bin/codex", "/home/u/.codex", "/home/u/src", ("-m", "x"), False)
SHELL_LAUNCH = LAUNCH._replace(shell=True)
COMMAND = "codex 'do this'"


def sid(number: int) -> str:
    """The id of the test's session of that number."""
    return f"01a201da-7561-7551-a7df-{number:012x}"


def pane(number: int = 1, **changes: Any) -> Pane:
    """A pane, without Codex unless `changes` say so."""
    made = Pane(
        f"%{number}", "work", 0, "api", "layout", number, "/home/u", False, "", str(100 + number), COMMAND
    )
    return made._replace(**changes)


def showing(number: int, session: str, evidence: str = TITLE, **changes: Any) -> Pane:
    """A pane that runs Codex and shows `session`."""
    fields: dict[str, Any] = {
        "running": LAUNCH,
        "launch": LAUNCH,
        "marked": True,
        "root": True,
        "process": f"{100 + number}:1",
        "sighting": Sighting(session, evidence),
    }
    return pane(number, **(fields | changes))


def run(
    records: tuple[Record, ...],
    *panes: Pane,
    exited: tuple[str, ...] = (),
    policy: Policy | None = None,
    **changes: Any,
) -> tuple[tuple[Record, ...], list[object]]:
    """Reconcile with these panes; returns the records and the actions that are not log lines."""
    marked = frozenset(record.pane for record in records) - frozenset(exited)
    snapshot = Snapshot(SERVER, EPOCH, panes, marked)._replace(**changes)
    new, actions = reconcile(records, snapshot, policy or Policy(), NOW)
    assert reconcile(new, snapshot, policy or Policy(), NOW)[0] == new, "a second look changes nothing"
    return new, [a for a in actions if not isinstance(a, Note)]


def left(number: int = 1, **changes: Any) -> Pane:
    """A pane whose Codex is gone; it remembers its session."""
    fields = {"marked": True, "launch": LAUNCH, "session": sid(number), "evidence": TITLE}
    return pane(number, **(fields | changes))


def killed(number: int = 1, **changes: Any) -> Pane:
    """The same, dead, and not of itself."""
    return left(number, **({"dead": True, "exit": "signal 9"} | changes))


def one(records: tuple[Record, ...]) -> Record:
    """The only record there is."""
    assert len(records) == 1
    return records[0]


HELD, _ = run((), showing(1, sid(1)))
"""Pane 1 shows session 1."""


def test_a_pane_that_shows_a_session_holds_it() -> None:
    records, actions = run((), showing(1, sid(1)))
    record = one(records)
    assert (record.session_id, record.evidence, record.status, record.pane) == (sid(1), TITLE, LIVE, "%1")
    assert (record.flags, record.cwd) == (("-m", "x"), "/home/u/src")
    assert actions == []


RESPAWNED = left(root_pid="999", guard=Guard("101", COMMAND))
NEXT_LOOK: dict[str, tuple[Pane, dict[str, Any], str, list[object]]] = {
    "killed, it sleeps with its session": (killed(), {}, DEAD, [Sleep("%1", LAUNCH, "signal 9")]),
    "asleep, it is left": (killed(asleep=True, exit="1"), {}, DEAD, []),
    "kept after a quit it sleeps too: no prompt is sent again": (
        killed(exit="0"),
        {},
        ENDED,
        [Sleep("%1", LAUNCH, "0")],
    ),
    "a server on another socket has it lost": (pane(2), {"server": "/other", "epoch": "11:30"}, LOST, []),
    "a new Codex that says nothing is not taken for it": (
        showing(1, "", sighting=None, last_process="101:1", process="300:9"),
        {},
        ENDED,
        [],
    ),
    "a respawn that starts Codex anew is taken over": (RESPAWNED, {}, LIVE, [TakeOver("%1", LAUNCH, "999")]),
    "another command of its is obeyed": (RESPAWNED._replace(start_command="vim"), {}, CLOSED, []),
    "and the record kept where the pane forgot": (
        RESPAWNED._replace(start_command="vim", session="", evidence=""),
        {},
        CLOSED,
        [],
    ),
}


@pytest.mark.parametrize("case", NEXT_LOOK)
def test_what_follows_from_the_next_look(case: str) -> None:
    shown, changes, status, expected = NEXT_LOOK[case]
    records, actions = run(HELD, shown, **changes)
    assert (one(records).session_id, one(records).status, actions) == (sid(1), status, expected)


def test_a_killed_pane_comes_back_by_itself_three_times_a_minute() -> None:
    policy = Policy(revive=True)
    records, _ = run((), showing(1, sid(1)))
    dead = killed()
    for _ in range(3):
        new, actions = reconcile(records, Snapshot(SERVER, EPOCH, (dead,)), policy, NOW)
        assert [a for a in actions if isinstance(a, Revive)] == [Revive("%1", LAUNCH)]
        records, _ = run(new, showing(1, sid(1)))
    new, actions = reconcile(records, Snapshot(SERVER, EPOCH, (dead,)), policy, NOW)
    assert [type(a) for a in actions if not isinstance(a, Note)] == [Tell, Sleep]
    later = NOW + timedelta(seconds=61)
    _, actions = reconcile(records, Snapshot(SERVER, EPOCH, (dead,)), policy, later)
    assert [a for a in actions if isinstance(a, Revive)] == [Revive("%1", LAUNCH)]


def test_exited_is_ended_and_gone_is_closed() -> None:
    records, _ = run((), showing(1, sid(1)), showing(2, sid(2)))
    records, _ = run(records, exited=("%1",))
    assert {r.pane: r.status for r in records} == {"%1": ENDED, "%2": CLOSED}


def test_another_epoch_is_lost_and_its_pane_ids_mean_nothing() -> None:
    records, _ = run(HELD, pane(1), epoch="11:30")
    assert one(records).status == LOST
    records, _ = run(records, showing(1, sid(2)), epoch="11:30")
    assert {r.session_id: r.status for r in records} == {sid(1): LOST, sid(2): LIVE}


@pytest.mark.parametrize("fate", [ALIVE, ELSEWHERE])
def test_what_another_server_may_still_have_is_not_lost_though_the_socket_is_the_same(fate: str) -> None:
    again, _ = run(HELD, showing(2, sid(1)), epoch="11:30", fates={EPOCH: fate})
    assert again == HELD
    assert [a for a in run(HELD, epoch="11:30")[0] if a.status == LOST]


def test_a_running_server_keeps_its_records_when_their_epoch_gets_another_form() -> None:
    ended = one(HELD)._replace(session_id=sid(2), status=ENDED, pane="%2")
    again, _ = run((*HELD, ended), showing(1, sid(1)), epoch="a.1.b:10:7", fates={EPOCH: OURS})
    assert again == tuple(r._replace(epoch="a.1.b:10:7") for r in (*HELD, ended))


def test_another_host_s_records_go_by_age_alone() -> None:
    there: dict[str, Any] = {"epoch": "11:30", "fates": {EPOCH: ELSEWHERE}}
    old = (HELD[0]._replace(updated_at=NOW - timedelta(days=91)),)
    assert run(old, **there)[0] == ()
    assert run(old, epoch="11:30", fates={EPOCH: ALIVE})[0] == old


def test_a_restored_pane_takes_the_lost_record_over_and_no_other() -> None:
    lost, _ = run(HELD, epoch="11:30")
    waiting = killed(7, exit="", asleep=True, session=sid(1), window=4)
    again, actions = run(lost, waiting, epoch="11:30")
    restored = one(again)
    assert (restored.status, restored.pane, restored.window, restored.epoch) == (DEAD, "%7", 4, "11:30")
    assert actions == []
    ended = tuple(r._replace(status=ENDED) for r in lost)
    assert one(run(ended, waiting, epoch="11:30")[0]).status == ENDED


def test_what_a_codex_had_changed_to_when_it_died_is_what_its_pane_had() -> None:
    dead = killed()
    records, actions = run(HELD, dead._replace(sighting=Sighting(sid(2), TITLE)))
    assert {r.session_id: r.status for r in records} == {sid(1): ENDED, sid(2): DEAD}
    assert actions == [Sleep("%1", LAUNCH, "signal 9")]
    # Below a shell, to one that was there before; and to one that another pane has.
    records, _ = run((), showing(1, sid(1), running=SHELL_LAUNCH), showing(2, sid(2)))
    shell = left(launch=SHELL_LAUNCH)
    held, _ = run(records, shell._replace(sighting=Sighting(sid(2), TITLE)), showing(2, sid(2)))
    assert {r.session_id: (r.status, r.pane) for r in held} == {sid(1): (DEAD, "%1"), sid(2): (LIVE, "%2")}
    free, _ = run(records, shell._replace(sighting=Sighting(sid(2), TITLE)))
    assert {r.session_id: (r.status, r.pane) for r in free} == {sid(1): (ENDED, "%1"), sid(2): (DEAD, "%1")}


def test_what_was_killed_stays_dead_whatever_its_shell_says_later() -> None:
    shell = left(launch=SHELL_LAUNCH)
    records, _ = run(HELD, shell)
    assert one(run(records, shell._replace(quit=True))[0]).status == DEAD


def test_new_inside_codex_moves_the_pane_on_and_keeps_the_old_record() -> None:
    records, _ = run(HELD, showing(1, sid(2), last_process="101:1"))
    assert {r.session_id: r.status for r in records} == {sid(1): ENDED, sid(2): LIVE}


def test_a_session_stays_with_the_pane_that_has_it() -> None:
    for panes in ((showing(1, sid(1)), showing(2, sid(1))), (showing(2, sid(1)), showing(1, sid(1)))):
        again, _ = run(HELD, *panes)
        assert one(again).pane == "%1"


def test_a_session_of_a_living_tmux_server_is_not_taken_by_another() -> None:
    elsewhere: dict[str, Any] = {"server": "/tmp/other", "epoch": "7:7"}
    for fate in (ALIVE, ELSEWHERE):
        held, _ = run(HELD, showing(5, sid(1)), fates={EPOCH: fate}, **elsewhere)
        assert (one(held).server, one(held).status) == (SERVER, LIVE)
    records, _ = run(HELD, showing(5, sid(1)), **elsewhere)
    assert (one(records).server, one(records).pane) == ("/tmp/other", "%5")


def test_inferred_never_replaces_exact_nor_does_nothing_erase_it() -> None:
    records, _ = run(HELD, showing(1, sid(2), INFERRED, last_process="101:1"))
    assert (one(records).session_id, one(records).evidence) == (sid(1), TITLE)
    records, _ = run(records, showing(1, sid(1), INFERRED, last_process="101:1"))
    assert one(records).evidence == TITLE
    records, _ = run(records, showing(1, "", sighting=None, last_process="101:1"))
    assert (one(records).session_id, one(records).status) == (sid(1), LIVE)


@pytest.mark.parametrize("evidence", [INFERRED, ARGV, LOCK])
def test_a_doubted_session_is_not_the_panes_any_more(evidence: str) -> None:
    records, _ = run((), showing(1, sid(1), evidence))
    doubted: dict[str, Any] = {"last_process": "101:1", "doubted": True}
    unknown, _ = run(records, showing(1, "", sighting=None, **doubted))
    assert one(unknown).status == ENDED
    moved, _ = run(records, showing(1, sid(2), INFERRED, **doubted))
    assert {r.session_id: (r.status, r.evidence) for r in moved} == {
        sid(1): (ENDED, evidence),
        sid(2): (LIVE, INFERRED),
    }


@pytest.mark.parametrize("evidence", [TITLE, ADOPTED])
def test_what_a_title_or_a_person_said_is_not_doubted(evidence: str) -> None:
    records, _ = run((), showing(1, sid(1), evidence))
    doubted = showing(1, sid(2), INFERRED, last_process="101:1", doubted=True)
    assert (one(run(records, doubted)[0]).session_id, one(run(records, doubted)[0]).status) == (sid(1), LIVE)


def test_a_dead_pane_with_a_doubted_session_sleeps_with_what_fits_now() -> None:
    records, _ = run((), showing(1, sid(1), INFERRED))
    dead = killed(evidence=INFERRED)
    unknown, actions = run(records, dead._replace(doubted=True))
    assert (one(unknown).status, actions) == (ENDED, [Sleep("%1", LAUNCH, "signal 9")])
    moved, actions = run(records, dead._replace(doubted=True, sighting=Sighting(sid(2), INFERRED)))
    assert {r.session_id: r.status for r in moved} == {sid(1): ENDED, sid(2): DEAD}
    assert actions == [Sleep("%1", LAUNCH, "signal 9")]


def test_what_another_pane_knew_for_sure_is_only_inferred_here() -> None:
    closed, _ = run(HELD)
    assert one(run(closed, showing(2, sid(1), INFERRED))[0]).evidence == INFERRED


def test_the_command_line_does_not_overrule_the_title_of_the_same_process() -> None:
    records, _ = run((), showing(1, sid(2)))
    records, _ = run(records, showing(1, sid(1), ARGV, last_process="101:1"))
    assert one(records).session_id == sid(2)


def test_a_shell_tells_a_quit_from_a_kill() -> None:
    live, _ = run((), showing(1, sid(1), running=SHELL_LAUNCH, launch=SHELL_LAUNCH, root=False))
    shell = left(launch=SHELL_LAUNCH, guard=Guard("101", COMMAND))
    assert one(run(live, shell)[0]).status == DEAD
    assert one(run(live, shell._replace(quit=True))[0]).status == ENDED


@pytest.mark.parametrize("dead", [False, True])
def test_resumed_and_killed_before_anybody_saw_it_the_session_is_the_panes_again(dead: bool) -> None:
    quit_shell = left(quit=True)
    ended, _ = run(HELD, quit_shell)
    assert one(ended).status == ENDED
    remembered = quit_shell._replace(quit=False, dead=dead, exit="signal 9" if dead else "")
    assert one(run(ended, remembered)[0]).status == DEAD
    # Not while it starts, nor after a quit, nor in a pane that sleeps, nor of another pane.
    for other in (
        remembered._replace(starting=True),
        remembered._replace(quit=True) if not dead else remembered._replace(exit="0"),
        remembered._replace(asleep=True),
        remembered._replace(marked=False),
        remembered._replace(id="%9"),
    ):
        assert one(run(ended, other)[0]).status in (ENDED, CLOSED)


def test_the_panes_remember_what_a_lost_file_does_not() -> None:
    known = killed(2)
    records, _ = run((), known)
    assert (one(records).session_id, one(records).status) == (sid(2), DEAD)


def test_a_tampered_file_does_not_move_a_session() -> None:
    records, _ = run((), showing(1, sid(1)), showing(2, sid(2)))
    tampered = tuple(r._replace(session_id=sid(2)) if r.pane == "%1" else r for r in records)
    records, _ = run(tampered, killed(asleep=True), killed(2, asleep=True))
    assert {r.pane: r.session_id for r in records if r.current} == {"%1": sid(1), "%2": sid(2)}


def test_a_file_of_yesterday_gives_way_to_what_the_pane_remembers() -> None:
    """As where an older file was put back: the pane has gone on to another session since."""
    old, _ = run((), showing(1, sid(1)))
    remembers = killed(session=sid(2), exit="", asleep=True)
    records, _ = run(old, remembers)
    assert [r.session_id for r in records if r.current] == [sid(2)]
    assert sid(1) in {r.session_id for r in records}, "no record is lost for it"


def test_the_beginning_of_an_id_is_completed_later() -> None:
    records, _ = run((), showing(1, sid(1)[:29]))
    assert one(records).session_id == sid(1)[:29]
    records, _ = run(records, showing(1, sid(1), last_process="101:1"))
    assert one(records).session_id == sid(1)


def test_old_records_go_by_age_and_number_current_ones_never() -> None:
    records, _ = run((), *(showing(n, sid(n)) for n in range(1, 9)))
    aged = tuple(r._replace(updated_at=NOW - timedelta(days=1000)) for r in records)
    kept, _ = run(aged, showing(1, sid(1)), policy=Policy(keep_old=3))
    assert len(kept) == 4
    ended = tuple(r._replace(status=ENDED) for r in aged)
    kept, _ = run(ended, showing(1, sid(1)))
    assert [r.session_id for r in kept] == [sid(1)]


class World(RuleBasedStateMachine):
    """A tmux server in which anything happens in any order; after each event the rules are applied and obeyed.

    `shown` is the truth: which session each pane's Codex really holds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.records: tuple[Record, ...] = ()
        self.panes: dict[str, Pane] = {}
        self.truth: dict[str, str] = {}
        self.epoch = 1
        self.next_id = 1
        self.exited: set[str] = set()
        self.ever: set[str] = set()
        self.time = NOW

    def look(self) -> None:
        """Reconcile, and do what it says as the real thing would."""
        self.time += timedelta(seconds=1)
        before = self.records
        marked = frozenset(record.pane for record in before) - self.exited
        snapshot = Snapshot(SERVER, f"{self.epoch}:1", tuple(self.panes.values()), marked)
        self.records, actions = reconcile(before, snapshot, Policy(), self.time)
        self.exited.clear()
        self.ever |= {r.session_id for r in self.records}
        self.check_replacements(before)
        by_pane = {r.pane: r for r in self.records if r.current and r.epoch == f"{self.epoch}:1"}
        for pane_id, p in list(self.panes.items()):
            record = by_pane.get(pane_id)
            if p.running:
                session, evidence = (record.session_id, record.evidence) if record else ("", "")
                guard = None if p.ours else Guard(p.root_pid, p.start_command)
                self.panes[pane_id] = p._replace(
                    session=session, evidence=evidence, guard=guard, last_process=p.process, marked=True
                )
        for action in actions:
            if isinstance(action, Sleep):
                self.panes[action.pane] = self.panes[action.pane]._replace(
                    asleep=True, ours=True, guard=None, exit="1"
                )
            elif isinstance(action, TakeOver):
                self.wake(action.pane)

    def check_replacements(self, before: tuple[Record, ...]) -> None:
        """No exact record became inferred in the pane that it had, none vanished."""
        for old in before:
            new = next((r for r in self.records if same_session(r.session_id, old.session_id)), None)
            assert new is not None, f"{old.session_id} was lost"
            # What was known exactly of a pane that is over says nothing about the one that only fits now.
            stays = old.current and old.place == new.place
            assert new.exact or not old.exact or not stays

    def wake(self, pane_id: str) -> None:
        """`codex-tmux run` starts in the pane: it resumes what the pane remembers."""
        p = self.panes[pane_id]
        session = p.session
        root = str(1000 + self.next_id)
        self.next_id += 1
        if session:
            self.truth[pane_id] = session
        self.panes[pane_id] = p._replace(
            dead=False,
            asleep=False,
            ours=True,
            guard=None,
            root_pid=root,
            running=p.launch,
            process=f"{root}:1",
            sighting=Sighting(session, ARGV) if session else None,
        )

    @rule(known=st.booleans())
    def open(self, known: bool) -> None:
        number = self.next_id
        self.next_id += 1
        session = sid(number)
        self.truth[f"%{number}"] = session
        self.panes[f"%{number}"] = showing(
            number, session, sighting=Sighting(session, TITLE) if known else None
        )
        self.look()

    @rule(data=st.data(), evidence=st.sampled_from([TITLE, ARGV, INFERRED]))
    def title(self, data: st.DataObject, evidence: str) -> None:
        if running := [p for p in self.panes.values() if p.running]:
            p = data.draw(st.sampled_from(running))
            self.panes[p.id] = p._replace(sighting=Sighting(self.truth.get(p.id, sid(0)), evidence))
            self.look()

    @rule(data=st.data())
    def new_session(self, data: st.DataObject) -> None:
        if running := [p for p in self.panes.values() if p.running]:
            p = data.draw(st.sampled_from(running))
            self.truth[p.id] = sid(self.next_id)
            self.next_id += 1
            self.panes[p.id] = p._replace(sighting=Sighting(self.truth[p.id], TITLE))
            self.look()

    @rule(data=st.data(), knows=st.booleans())
    def doubt(self, data: st.DataObject, knows: bool) -> None:
        """What a pane was thought to show is not sure any more; perhaps another session fits now."""
        if remembered := [p for p in self.panes.values() if p.session and not p.asleep]:
            p = data.draw(st.sampled_from(remembered))
            session = sid(self.next_id)
            self.next_id += 1
            known = next((r for r in self.records if r.current and r.pane == p.id), None)
            if known is None or known.evidence == INFERRED:
                self.truth[p.id] = session if knows else p.session
                self.panes[p.id] = p._replace(
                    doubted=True, sighting=Sighting(session, INFERRED) if knows else None
                )
                self.look()
                self.panes[p.id] = self.panes[p.id]._replace(doubted=False)

    @rule(data=st.data())
    def same_session_in_two_panes(self, data: st.DataObject) -> None:
        if len(running := [p for p in self.panes.values() if p.running]) > 1:
            p, other = data.draw(st.permutations(running))[:2]
            self.panes[p.id] = p._replace(sighting=other.sighting)
            if other.sighting:
                self.truth[p.id] = other.sighting.session_id
            self.look()

    @rule(data=st.data(), status=st.sampled_from(["signal 9", "1", "0", ""]))
    def die(self, data: st.DataObject, status: str) -> None:
        if running := [p for p in self.panes.values() if p.running]:
            p = data.draw(st.sampled_from(running))
            self.panes[p.id] = p._replace(dead=True, exit=status, running=None, sighting=None)
            self.look()

    @rule(data=st.data(), command=st.sampled_from([COMMAND, "vim"]))
    def respawn(self, data: st.DataObject, command: str) -> None:
        if not self.panes:
            return
        p = data.draw(st.sampled_from(sorted(self.panes.values())))
        if p.ours and command == COMMAND:
            self.wake(p.id)
        else:
            root = str(1000 + self.next_id)
            self.next_id += 1
            self.panes[p.id] = p._replace(
                dead=False,
                root_pid=root,
                start_command=command,
                running=None,
                sighting=None,
                ours=False,
                asleep=False,
            )
        self.look()

    @rule(data=st.data(), by_itself=st.booleans())
    def close(self, data: st.DataObject, by_itself: bool) -> None:
        if self.panes:
            pane_id = data.draw(st.sampled_from(sorted(self.panes)))
            del self.panes[pane_id]
            self.truth.pop(pane_id, None)
            if by_itself:
                self.exited.add(pane_id)
            self.look()

    @rule()
    def restart_server(self) -> None:
        self.panes.clear()
        self.truth.clear()
        self.epoch += 1
        self.look()

    @rule()
    def lose_the_file(self) -> None:
        if all(p.session or not p.running for p in self.panes.values()):
            gone = {r.session_id for r in self.records}
            self.records = ()
            self.ever -= gone
            self.look()

    @invariant()
    def one_session_one_pane(self) -> None:
        current = [r for r in self.records if r.current]
        assert len({r.session_id for r in current}) == len(current)
        assert len({r.place for r in current}) == len(current)
        assert len({r.session_id for r in self.records}) == len(self.records)

    @invariant()
    def no_record_lost(self) -> None:
        assert self.ever == {r.session_id for r in self.records}

    @invariant()
    def what_comes_back_is_what_was_there(self) -> None:
        """A record of a pane, seen by exact evidence, names the session that pane's Codex really had."""
        for record in self.records:
            if record.current and record.exact and record.epoch == f"{self.epoch}:1":
                shown = self.panes[record.pane].sighting
                if shown and shown.evidence == TITLE:
                    holders = [p for p, s in self.truth.items() if s == shown.session_id]
                    assert record.session_id == self.truth[record.pane] or len(holders) > 1


TestWorld = World.TestCase
TestWorld.settings = settings(max_examples=150, stateful_step_count=40)
