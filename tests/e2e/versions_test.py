"""An older Codex than the other tests have: the same promises. `make test-codex-matrix` asks many versions."""

import os
from collections.abc import Iterator

import pytest

from tests.e2e import version_steps
from tests.e2e.conftest import attached
from tests.support.world import Sandbox

pytestmark = pytest.mark.codex


@pytest.fixture
def older_codex() -> str:
    """An older real Codex; without one the test is skipped, but on CI it fails."""
    codex = os.environ.get("CODEX_TMUX_TEST_OLDER_CODEX", "")
    if os.access(codex, os.X_OK):
        return codex
    why = f"no older Codex: CODEX_TMUX_TEST_OLDER_CODEX is {codex or 'not set'}; `make codex` installs one"
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture
def older(older_codex: str) -> Iterator[Sandbox]:
    """A private tmux server with the plugin and an older Codex, whose title is the default one."""
    with attached(older_codex, title=False) as made:
        yield made


def test_an_older_codex_keeps_its_conversation_and_an_update_below_it(
    older: Sandbox, codex_binary: str
) -> None:
    assert version_steps.setup(older) == "`thread-id`, `thread-title`"
    seen = version_steps.identify_and_kill(older)
    assert (seen["identify"], seen["resume by hand"]) == ("title", "title")
    assert version_steps.exec_pane(older) == "same"
    flags = ("-m", "mock-model-2")
    assert version_steps.update(older, codex_binary, flags, flags) == "same"
    dropped = ("-a", "untrusted")
    assert version_steps.update(older, codex_binary, (*dropped, *flags), flags).startswith("same, without")


def test_an_older_codex_without_setup_is_known_by_the_file_it_opens_with_the_first_message(
    older: Sandbox,
) -> None:
    assert version_steps.without_setup(older) == "lock"
