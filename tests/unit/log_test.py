"""The log: one event a line, whatever the values; never an error, never a print."""

import os
import re
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from codex_tmux import log


@pytest.fixture
def path() -> Path:
    return Path(os.environ["CODEX_TMUX_STATE_DIR"]) / log.NAME


ANY = st.one_of(
    st.text(max_size=40), st.binary(max_size=40).map(lambda b: b.decode("utf-8", "surrogateescape"))
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANY)
def test_any_value_stays_on_one_line(path: Path, value: str) -> None:
    before = path.read_bytes() if path.exists() else b""
    log.log("event", value=value, after="end")
    added = path.read_bytes()[len(before) :]
    assert added.count(b"\n") == 1
    assert added.endswith(b" after=end\n")
    text = added.decode("utf-8")
    assert text.rstrip("\n").isprintable(), "nothing that a terminal acts on, no direction marks"
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ event value=", text)


def test_values_that_look_like_fields_are_quoted(path: Path) -> None:
    log.log("event", title="x pane=%1", other='"', plain="%1", none=None)
    assert path.read_text().endswith(' event title="x pane=%1" other="\\"" plain=%1\n')


def test_it_turns_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "LIMIT", 2000)
    for number in range(200):
        log.log("event", number=number)
    assert path.stat().st_size <= 2100
    turned = path.with_name("log.1")
    assert turned.stat().st_size <= 2100
    assert sorted(p.name for p in path.parent.iterdir()) == ["log", "log.1"]
    lines = (turned.read_text() + path.read_text()).splitlines()
    assert lines[-1].endswith("number=199")


def test_a_full_disk_is_let_go(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        log.log("event")
    assert capfd.readouterr() == ("", "")
