"""The rules for what a far end makes a pane show: it can take nothing from anybody."""

import time
from datetime import timedelta

import pytest

from codex_tmux.elsewhere.far_end import Answer, answer_in, question_for, script_for
from codex_tmux.elsewhere.transport import of_argv
from codex_tmux.state.records import (
    ADOPTED,
    ARGV,
    CLOSED,
    CURRENT,
    DEAD,
    ENDED,
    LIVE,
    LOST,
    SCREEN,
    STATUSES,
    TITLE,
)
from codex_tmux.tracking.far_pane import is_plausible
from codex_tmux.tracking.model import Policy, TakeOver
from tests.unit.rules_test import LAUNCH, NOW, one, pane, run, showing, sid

FAR = LAUNCH._replace(codex="codex", codex_home="", transport=("ssh", "-t", "far", "codex -m x"))
OTHER = sid(7 << 40)
"""Another one in its first 29 characters too."""
TYPED = FAR._replace(codex="", flags=(), transport=("ssh", "far"))


def test_a_far_end_s_session_is_held_and_sleeps_with_its_transport() -> None:
    records, _ = run((), showing(1, sid(1)[:29], running=FAR, launch=FAR))
    record = one(records)
    assert (record.session_id, record.status, record.transport) == (sid(1)[:29], LIVE, FAR.transport)
    dead = pane(1, dead=True, exit="255", marked=True, launch=FAR, session=sid(1)[:29], evidence=TITLE)
    records, actions = run(records, dead)
    assert one(records).status == DEAD
    assert [a.launch for a in actions] == [FAR]  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("evidence", [TITLE, ARGV, SCREEN])
@pytest.mark.parametrize("launch", [FAR, TYPED])
def test_no_title_from_afar_takes_a_session_of_this_machine(status, evidence, launch) -> None:  # type: ignore[no-untyped-def]
    mine = one(run((), showing(1, sid(1)))[0])._replace(status=status)
    here = [pane(1, marked=True, launch=LAUNCH, session=sid(1), evidence=TITLE)] if status in CURRENT else []
    if status == LIVE:
        here = [showing(1, sid(1))]
    far = showing(2, sid(1)[:29], evidence, running=launch, launch=launch)
    records, actions = run((mine,), *here, far)
    expected = {LIVE: LIVE, DEAD: DEAD}.get(status, status)
    assert [(r.session_id, r.status, r.pane, r.transport) for r in records] == [(sid(1), expected, "%1", ())]
    assert not [a for a in actions if isinstance(a, TakeOver)]
    # Nor where its own pane has another session already: it keeps that.
    other = showing(2, OTHER, running=FAR, launch=FAR)
    records, _ = run((mine,), *here, other)
    records, _ = run(records, *here, far._replace(session=OTHER, evidence=TITLE, last_process=far.process))
    assert {r.session_id: (r.status, r.pane) for r in records} == {
        sid(1): (expected, "%1"),
        OTHER: (LIVE, "%2"),
    }


def test_a_codex_of_this_machine_takes_its_session_from_a_far_end() -> None:
    records, _ = run((), showing(2, sid(1)[:29], running=FAR, launch=FAR))
    far = showing(2, sid(1)[:29], running=FAR, launch=FAR)._replace(session=sid(1)[:29], evidence=TITLE)
    records, _ = run(records, far, showing(1, sid(1)))
    record = one(records)
    assert (record.pane, record.session_id, record.transport) == ("%1", sid(1), ())


def test_another_pane_to_the_same_far_end_may_go_on_with_a_closed_session() -> None:
    records, _ = run((), showing(1, sid(1)[:29], running=FAR, launch=FAR))
    records, _ = run(records)
    assert one(records).status == CLOSED
    elsewhere = TYPED._replace(transport=("ssh", "other"))
    assert one(run(records, showing(2, sid(1)[:29], running=elsewhere, launch=elsewhere))[0]).status == CLOSED
    assert one(run(records, showing(2, sid(1)[:29], running=TYPED, launch=TYPED))[0]).pane == "%2"
    adopted = showing(2, sid(1), ADOPTED, running=elsewhere, launch=elsewhere)
    assert one(run(records, adopted)[0]).pane == "%2"


def test_made_up_sessions_push_no_record_of_this_machine_out() -> None:
    records, _ = run((), *(showing(n, sid(n << 40)) for n in range(1, 11)))
    records, _ = run(records, epoch="11:1")
    policy = Policy(keep_old=12, keep_old_elsewhere=3)
    for n in range(100, 140):
        far = showing(50, sid(n << 40)[:29], running=TYPED, launch=TYPED)
        records, _ = run(records, far, epoch="11:1", policy=policy)
    assert sorted(r.session_id for r in records if r.status == LOST) == sorted(
        sid(n << 40) for n in range(1, 11)
    )
    assert len([r for r in records if r.transport]) == 4


def test_what_the_pane_s_own_program_learnt_completes_the_record() -> None:
    records, _ = run((), showing(1, sid(1)[:29], running=TYPED, launch=TYPED))
    shell = pane(1, marked=True, launch=TYPED, session=sid(1), evidence=TITLE)
    dead, _ = run(records, shell)
    assert (one(dead).session_id, one(dead).status) == (sid(1), DEAD)
    ended, _ = run(records, shell._replace(quit=True))
    assert (one(ended).session_id, one(ended).status) == (sid(1), ENDED)


# Titles


@pytest.mark.parametrize(
    ("session", "plausible"),
    [
        (sid(1), True),
        (sid(1)[:29], True),
        ("00000000-0000-7000-8000-00000", False),
        ("ffffffff-ffff-7fff-bfff-fffff", False),
        (sid(1).replace("-7551-a", "-4551-a"), False),
        (sid(1).replace("-a7df", "-c7df"), False),
    ],
)
def test_only_a_uuid_of_the_past_is_a_session(
    session: str, plausible: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: (NOW + timedelta(days=400)).timestamp())
    assert is_plausible(session) is plausible


# The question and its answer

PREFIX = sid(1)[:29]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("", Answer("", False)),
        (f"/h/.codex/thread-writer-locks/{sid(1)}.lock\n", Answer(sid(1), False)),
        (f"/h/.codex/sessions/2026/11/22/rollout-2026-11-22T06-03-43-{sid(1)}.jsonl\n", Answer(sid(1), True)),
        (f"motd\n/l/{sid(1)}.lock\r\n/s/rollout-x-{sid(1)}.jsonl.zst\r\n", Answer(sid(1), True)),
        (f"/l/{sid(1)}.lock\n/s/rollout-x-{sid(2)}.jsonl\n", "named 2"),
        (f"{sid(1).replace('a7df', 'b7df')}.lock\n", Answer("", False)),
        (f"{sid(1)}-{sid(2)}.lock\n", Answer("", False)),
        ("rollout-; rm -rf / #\n\x1b]0;x\x07\n", Answer("", False)),
    ],
)
def test_of_an_answer_only_names_count(said: str, answer: Answer | str) -> None:
    found = answer_in(said, PREFIX)
    if isinstance(answer, str):
        assert found.failure.startswith(answer)
        assert not found.session_id
    else:
        assert found == answer


def test_the_question_is_fixed_but_for_the_id() -> None:
    script = script_for(PREFIX)
    assert "'" not in script
    assert script.replace(PREFIX, "P").count("P*") == 3
    transport = of_argv(FAR.transport)
    assert transport is not None
    asked = question_for(transport, PREFIX)
    assert asked is not None
    assert asked[-1] == f"sh -c '{script}'"


@pytest.mark.parametrize("text", ["x", PREFIX[:-1], PREFIX + "0", PREFIX[:-1] + "*", PREFIX[:-1] + "\n"])
def test_nothing_but_an_id_or_its_beginning_is_asked_for(text: str) -> None:
    with pytest.raises(ValueError, match="nor its beginning"):
        script_for(text)
