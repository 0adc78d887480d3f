"""What `doctor` says of things that no sandbox has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codex_tmux import doctor
from codex_tmux.doctor_checks import BROKEN, OK, WARNING, Finding, check_state, check_tmux
from codex_tmux.doctor_patient import Patient
from codex_tmux.errors import Problem
from codex_tmux.tmux import Server

PATIENT = Patient(Server("/nowhere"), reachable=False)


@pytest.mark.parametrize(
    ("version", "status"),
    [("3.1c", BROKEN), ("3.2", BROKEN), ("3.2a", OK), ("3.7c", OK), ("next-3.8", OK), ("master", OK)],
)
def test_versions_of_tmux(version: str, status: str) -> None:
    assert check_tmux(Patient(Server("/nowhere"), reachable=True, version=version)).status == status


def test_no_tmux_at_all() -> None:
    assert check_tmux(Patient(Server("/nowhere", "/nowhere/tmux"), reachable=False)).status == BROKEN


def test_a_state_directory_that_is_not_there_yet() -> None:
    assert check_state(PATIENT).status == OK


def test_a_state_directory_that_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "it's a file"
    place.touch()
    monkeypatch.setenv("CODEX_TMUX_STATE_DIR", str(place))
    finding = check_state(PATIENT)
    assert finding.status == BROKEN
    assert finding.fix
    assert os.system(finding.fix) == 0
    assert check_state(PATIENT).status == OK


def test_a_check_that_fails_hides_no_other() -> None:
    def check_of_something(patient: Patient) -> Finding:
        raise Problem("no such luck")

    finding = doctor.checked(check_of_something, PATIENT)
    assert finding == Finding("of something", WARNING, "cannot be checked: no such luck", None)


def test_the_report_of_hostile_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/user")
    lines = doctor.report(
        [
            Finding("one", BROKEN, "in \x1b[31m/home/user/x\nis wrong", "rm '/home/user/x'"),
            Finding("another", WARNING, "odd", None),
            Finding("third", WARNING, "odd", None),
        ]
    )
    assert lines == [
        "broken   one      in ~/x is wrong",
        "                  → rm '/home/user/x'",
        "warning  another  odd",
        "warning  third    odd",
        "1 broken, 2 warnings",
    ]
