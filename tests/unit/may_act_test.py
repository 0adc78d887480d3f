"""The table of what codex-tmux may do to which pane."""

from typing import Any

import pytest

from codex_tmux.tracking.may_act import Act, Line, PaneFacts, Place, ProcessFacts, may_act

EMPTY = ProcessFacts(front="zsh", shell=True, waits=True, line=Line.EMPTY, age=60)
AT_WORK = ProcessFacts(codex=Place.FOREGROUND, front="codex", shell=True, age=60)
ROOT = ProcessFacts(codex=Place.ROOT, front="codex", age=60)
HERE = PaneFacts()

NO: list[tuple[str, str, PaneFacts, dict[str, Any], str]] = [
    # (what, act, tmux's facts, what differs from an empty prompt, why not)
    ("a busy shell", Act.TYPE, HERE, {"front": "vim", "waits": False}, "in use (vim)"),
    ("a busy shell", Act.PROBE, HERE, {"front": "vim", "waits": False}, "in use (vim)"),
    ("a program's own pane", Act.FILL, HERE, {"front": "cat", "shell": False}, "in use (cat)"),
    ("copy mode", Act.PROBE, PaneFacts(in_mode=True), {}, "copy mode"),
    ("copy mode", Act.FILL, PaneFacts(in_mode=True), {}, "copy mode"),
    ("a job in the background", Act.TYPE, HERE, {"jobs": ("sleep",)}, "(sleep)"),
    ("a stopped job", Act.FILL, HERE, {"jobs": ("vim", "sleep")}, "(vim, sleep)"),
    ("many jobs", Act.FILL, HERE, {"jobs": ("a", "b", "c", "d")}, "(a, b, c, …)"),
    ("a line begun", Act.TYPE, HERE, {"line": Line.BEGUN}, "line begun"),
    ("a line begun", Act.FILL, HERE, {"line": Line.BEGUN}, "line begun"),
    ("an unknown line", Act.TYPE, HERE, {"line": Line.UNKNOWN}, "surely empty"),
    ("an unknown line", Act.FILL, HERE, {"line": Line.UNKNOWN}, "surely empty"),
    ("synchronized panes", Act.TYPE, PaneFacts(synchronized=True), {}, "synchronize-panes"),
    ("no ISIG", Act.TYPE, HERE, {"isig": False}, "Ctrl-C"),
    ("a dead pane", Act.TYPE, PaneFacts(dead=True), {}, "dead"),
    ("a shell", Act.RESPAWN, HERE, {}, "no Codex"),
    ("a shell", Act.LIST, HERE, {}, "no Codex"),
    *(
        (place, act, HERE, {"codex": place, "front": "vim", "waits": False}, why)
        for act in (Act.KEEP, Act.GUARD, Act.RESPAWN, Act.TYPE, Act.PROBE, Act.FILL)
        for place, why in (
            (Place.STOPPED, "stopped"),
            (Place.BACKGROUND, "background"),
            (Place.INSIDE, "inside another program"),
            (Place.STEP, "step of a script"),
        )
    ),
    *(
        ("a far end's shell", act, HERE, {"codex": Place.FAR_SHELL}, "shell of another machine")
        for act in (Act.RESPAWN, Act.TYPE, Act.PROBE, Act.FILL)
    ),
    ("inside vim", Act.LIST, HERE, {"codex": Place.INSIDE}, "inside another program"),
    ("a script's step", Act.LIST, HERE, {"codex": Place.STEP}, "step of a script"),
    ("Ctrl-Z, vim", Act.RESPAWN, HERE, {"codex": Place.STOPPED, "front": "vim", "waits": False}, "behind vim: fg"),
    ("Ctrl-Z at the prompt", Act.RESPAWN, HERE, {"codex": Place.STOPPED}, "stopped: fg"),
    ("the user's codex exec", Act.LIST, HERE, {"codex": Place.FOREGROUND, "codex_exec": True}, "codex exec"),
    ("the user's codex exec", Act.KEEP, HERE, {"codex": Place.ROOT, "codex_exec": True}, "codex exec"),
    ("a shell's Codex", Act.KEEP, HERE, {"codex": Place.FOREGROUND}, "shell's"),
    ("Codex over a stopped vim", Act.RESPAWN, HERE, {"codex": Place.FOREGROUND, "jobs": ("vim",)}, "(vim)"),
    ("vim in a shell respawned long ago", Act.TAKE_OVER, HERE, {"front": "vim", "waits": False}, "in use (vim)"),
    ("a script's step", Act.TAKE_OVER, HERE, {"front": "nightly.sh", "shell": False}, "in use (nightly.sh)"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "act", "pane", "differs", "why"), NO)
def test_no(what: str, act: str, pane: PaneFacts, differs: dict[str, Any], why: str) -> None:
    facts = EMPTY._replace(**differs)
    answer = may_act(pane, facts, act)
    assert not answer, what
    assert why in answer.because
    assert len(f"codex-tmux: pane %1234 {answer.because}") <= 80


YES: list[tuple[str, str, PaneFacts, ProcessFacts]] = [
    ("an empty prompt", Act.PROBE, HERE, EMPTY),
    ("an empty prompt", Act.TYPE, HERE, EMPTY),
    ("an empty prompt", Act.FILL, HERE, EMPTY),
    ("synchronized panes get no keys from that", Act.FILL, PaneFacts(synchronized=True), EMPTY),
    ("Codex at work in a shell", Act.LIST, HERE, AT_WORK),
    ("Codex at work in a shell", Act.GUARD, HERE, AT_WORK),
    ("Codex at work in a shell", Act.RESPAWN, HERE, AT_WORK),
    *(("Codex at work", act, HERE, ROOT) for act in (Act.LIST, Act.KEEP, Act.GUARD, Act.RESPAWN)),
    *(
        ("a Codex typed into a far end's shell", act, HERE, ProcessFacts(codex=Place.FAR_SHELL))
        for act in (Act.LIST, Act.KEEP, Act.GUARD, Act.TAKE_OVER)
    ),
    ("Codex in copy mode", Act.RESPAWN, PaneFacts(in_mode=True), ROOT),
    ("stopped, listed", Act.LIST, HERE, ProcessFacts(codex=Place.STOPPED)),
    ("in the background, listed", Act.LIST, HERE, ProcessFacts(codex=Place.BACKGROUND)),
    ("our exec pane", Act.LIST, PaneFacts(exec_pane=True), ProcessFacts(codex=Place.ROOT, codex_exec=True)),
    ("a dead pane", Act.RESPAWN, PaneFacts(dead=True), ProcessFacts()),
    ("Codex started anew", Act.TAKE_OVER, HERE, ROOT),
    ("a shell that reads its rc file", Act.TAKE_OVER, HERE, ProcessFacts(front="starship", shell=True, age=1)),
]  # fmt: skip


@pytest.mark.parametrize(("what", "act", "pane", "facts"), YES)
def test_yes(what: str, act: str, pane: PaneFacts, facts: ProcessFacts) -> None:
    answer = may_act(pane, facts, act)
    assert answer, f"{what}: {answer.because}"
