"""What is offered to a shell, and that nothing but words ever is."""

import os
from pathlib import Path

import click
import pytest

from codex_tmux.commands.completion import CLIENT, PANE, REMEMBERED, SESSION, Completion, offering

CONTEXT = click.Context(click.Command("any"))
PARAMETER = click.Argument(["any"])


@pytest.mark.parametrize("kind", [PANE, CLIENT, REMEMBERED, SESSION])
def test_where_there_is_nothing_nothing_is_offered(kind: Completion) -> None:
    state = Path(os.environ["CODEX_TMUX_STATE_DIR"])
    state.mkdir(parents=True)
    (state / "state.toml").write_text("version = 2\n")  # of a newer codex-tmux: cannot be used
    assert kind(CONTEXT, PARAMETER, "") == []


def test_a_broken_state_file_is_left_where_it_is() -> None:
    """Only who holds the lock may set it aside: a sync may be writing."""
    state = Path(os.environ["CODEX_TMUX_STATE_DIR"])
    state.mkdir(parents=True)
    (state / "state.toml").write_text("half [")
    assert REMEMBERED(CONTEXT, PARAMETER, "") == []
    assert {p.name: p.read_text() for p in state.iterdir()} == {"state.toml": "half ["}


def test_what_a_word_is_stays_on_one_line() -> None:
    complete = offering(
        lambda ctx, incomplete: [("%1", "a\nb \x1b[31m" + "x" * 99), ("%2", ""), ("other", "")]
    )
    first, second = complete(CONTEXT, PARAMETER, "%")
    assert (first.value, second.value) == ("%1", "%2")
    assert first.help == "a b " + "x" * 45 + "…"
