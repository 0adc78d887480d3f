"""What runs again at a far end, with the real Codex there: behind a real ssh, a real mosh, in a tmux in a tmux."""

from __future__ import annotations

import pytest

from tests.tmux.far_end_test import (  # noqa: F401
    far,
    test_a_codex_that_starts_by_itself_there_does_not_end_the_record,
    test_a_codex_with_a_shell_behind_it_is_not_ended_either,
    test_a_container_of_its_own_is_not_started_again,
    test_a_far_end_with_a_command_of_its_own_is_not_gone_back_to,
    test_a_line_that_is_not_understood_never_runs_again,
    test_a_pane_that_shows_another_tmux_of_this_machine_has_no_session,
    test_a_remote_shell_with_its_jobs_is_never_ended,
    test_a_tmux_there_is_gone_back_to_without_what_it_was_told_to_run,
    test_nor_after_a_restart_and_the_remote_shell_is_no_living_codex,
    test_nor_where_it_was_typed_at_a_local_prompt,
    test_nor_where_the_pane_is_respawned_while_it_lives,
    test_ssh_s_own_remote_command_is_not_run_again,
    test_what_codex_tmux_itself_wrote_is_no_last_word_of_a_codex,
    test_where_mosh_s_own_options_cannot_be_read_nothing_runs,
    test_words_that_mosh_has_joined_are_not_rebuilt,
    world,
)

pytestmark = pytest.mark.codex
