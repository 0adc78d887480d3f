"""What `doctor` says of things that no sandbox has."""

import os
from pathlib import Path

import click
import pytest

from codex_tmux.codex.version import NEWEST_TESTED
from codex_tmux.errors import Problem
from codex_tmux.setup import doctor
from codex_tmux.setup.check_codex import check_codex
from codex_tmux.setup.check_state import check_state
from codex_tmux.setup.check_tmux import check_tmux
from codex_tmux.setup.doctor_facts import BROKEN, OK, WARNING, DoctorFacts, Finding
from codex_tmux.tmux.server import Server

FACTS = DoctorFacts(Server("/nowhere"), reachable=False)


@pytest.mark.parametrize(
    ("version", "status"),
    [("3.1c", BROKEN), ("3.2", BROKEN), ("3.2a", OK), ("3.7c", OK), ("next-3.8", OK), ("master", OK)],
)
def test_versions_of_tmux(version: str, status: str) -> None:
    assert check_tmux(DoctorFacts(Server("/nowhere"), reachable=True, version=version)).status == status


def test_no_tmux_at_all() -> None:
    assert check_tmux(DoctorFacts(Server("/nowhere", "/nowhere/tmux"), reachable=False)).status == BROKEN


def test_a_state_directory_that_is_not_there_yet() -> None:
    assert check_state(FACTS).status == OK


def test_a_state_directory_that_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "it's a file"
    place.touch()
    monkeypatch.setenv("CODEX_TMUX_STATE_DIR", str(place))
    finding = check_state(FACTS)
    assert finding.status == BROKEN
    assert finding.fix
    assert os.system(finding.fix) == 0
    assert check_state(FACTS).status == OK


NEWER = [("0.169.0", ""), ("0.169.9", ""), ("0.170.0", "; newer than the last version tested, 0.169.0")]


@pytest.mark.parametrize(("version", "said"), NEWER)
def test_a_codex_newer_than_tested_is_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, said: str
) -> None:
    codex = tmp_path / "codex"
    codex.write_text(f"#!/bin/sh\necho codex-cli {version}\n")
    codex.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    facts = DoctorFacts(Server("/nowhere"), reachable=False)
    assert check_codex(facts) == Finding(OK, f"{codex} ({version}){said}")


def test_the_newest_version_tested_is_the_one_that_make_installs() -> None:
    makefile = Path(__file__).parents[2] / "Makefile"
    assert f"CODEX_VERSION := {'.'.join(map(str, NEWEST_TESTED))}\n" in makefile.read_text()


def test_a_check_that_fails_hides_no_other() -> None:
    def fails(facts: DoctorFacts) -> Finding:
        raise Problem("no such luck")

    finding = doctor.finding_of(fails, FACTS)
    assert finding == Finding(WARNING, "cannot be checked: no such luck")


def test_the_report_of_hostile_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/user")
    lines = doctor.report(
        {
            "one": Finding(BROKEN, "in \x1b[31m/home/user/x\nis wrong", "rm '/home/user/x'"),
            "another": Finding(WARNING, "odd"),
            "third": Finding(WARNING, "odd"),
        }
    )
    assert [*map(click.unstyle, lines)] == [
        "broken   one      in ~/x is wrong",
        "                  → rm '/home/user/x'",
        "warning  another  odd",
        "warning  third    odd",
        "1 broken, 2 warnings",
    ]
