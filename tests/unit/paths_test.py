"""Where the files are, one place for all that read and write them."""

import pytest

from codex_tmux.paths import state_dir

PLACES = [
    ({}, "/h/.local/state/codex-tmux"),
    ({"XDG_STATE_HOME": ""}, "/h/.local/state/codex-tmux"),
    ({"XDG_STATE_HOME": "relative"}, "/h/.local/state/codex-tmux"),
    ({"XDG_STATE_HOME": "/x"}, "/x/codex-tmux"),
    ({"XDG_STATE_HOME": "/x", "CODEX_TMUX_STATE_DIR": "/own"}, "/own"),
    ({"CODEX_TMUX_STATE_DIR": "~/own"}, "/h/own"),
]


@pytest.mark.parametrize(("variables", "place"), PLACES)
def test_the_state_directory(variables: dict[str, str], place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/h")
    monkeypatch.delenv("CODEX_TMUX_STATE_DIR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert state_dir() == place
