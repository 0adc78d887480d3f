"""What runs again at a far end, with the real Codex there, where its titles and its end count."""

import pytest

from tests.tmux.conftest import far  # noqa: F401
from tests.tmux.far_end_test import (  # noqa: F401
    test_a_codex_that_starts_by_itself_there_does_not_end_the_record,
    test_a_codex_with_a_shell_behind_it_is_not_ended_either,
    test_a_remote_shell_with_its_jobs_is_never_ended,
)

pytestmark = pytest.mark.codex
