"""What runs again at a far end, with the real Codex there, where its titles and its end count."""

from __future__ import annotations

import pytest

from tests.tmux.far_end_test import (  # noqa: F401
    far,
    test_a_codex_that_starts_by_itself_there_does_not_end_the_record,
    test_a_codex_with_a_shell_behind_it_is_not_ended_either,
    test_a_pane_that_shows_another_tmux_of_this_machine_has_no_session,
    test_a_remote_shell_with_its_jobs_is_never_ended,
    test_a_tmux_there_is_gone_back_to_without_what_it_was_told_to_run,
    test_what_codex_tmux_itself_wrote_is_no_last_word_of_a_codex,
    test_words_that_mosh_has_joined_are_not_rebuilt,
)

pytestmark = pytest.mark.codex
