"""Take out each guard that no unit test sees, in turn, and see that a test with a real tmux fails: `make bite`.

What unit tests see is mutated as a whole instead: `make mutants`. A guard whose removal nobody notices is worth
nothing: it may go at the next change.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

CHECKOUT = Path(__file__).resolve().parents[1]
PATIENCE = 60
"""Seconds after which a test counts as hung, which is one way to notice."""


class Guard(NamedTuple):
    """One guard. `old` stands exactly once in `file`; with `new` in its place the guard is out, and nothing else."""

    name: str
    file: str
    old: str
    new: str
    test: str


GUARDS = (
    Guard(
        "no revival without a count",
        "codex_tmux/tracking/pass_once.py",
        "policy._replace(revive=False)",
        "policy",
        "tests/tmux/faulty_disk_test.py::test_no_revival_can_be_counted_so_there_is_none",
    ),
    Guard(
        "a respawn settles its pane without the lock",
        "codex_tmux/tracking/sync.py",
        "        sync(server, RESPAWN_WAIT)\n    except Held as e:",
        "        sync(server, RESPAWN_WAIT)\n    except MemoryError as e:",
        "tests/tmux/crowd_test.py::test_no_old_command_runs_while_a_stopped_helper_holds_a_lock",
    ),
    Guard(
        "a respawn waits for the sync that is due",
        "plugin/hooks.tmux",
        "'#{@codex_pending}#{@codex_control}$CODEX_UNSETTLED'",
        "'#{@codex_control}$CODEX_UNSETTLED'",
        "tests/tmux/respawn_routes_test.py::test_a_respawn_before_the_sync_that_is_due",
    ),
    Guard(
        "no second writer",
        "codex_tmux/pane/run.py",
        "    wait_for_writer(store, session, launch)\n",
        "",
        "tests/tmux/guards_test.py::test_a_session_that_another_process_writes_to_is_waited_for",
    ),
    Guard(
        "only what can be resumed is",
        "codex_tmux/pane/run.py",
        "    ok, reason = store.resumable(session)",
        '    ok, reason = True, ""',
        "tests/tmux/fresh_instead_test.py::test_a_deleted_session_is_asked_about_until_it_is_answered",
    ),
    Guard(
        "not in two panes at once",
        "codex_tmux/pane/run.py",
        "    refuse_other_holder(server, here, session)\n    ok, reason",
        "    ok, reason",
        "tests/tmux/guards_test.py::test_a_session_in_another_pane_is_not_resumed_a_second_time",
    ),
    Guard(
        "an error line is plain text",
        "codex_tmux/cli.py",
        "plain_line(str(e))",
        "e",
        "tests/tmux/hostile_test.py::test_nothing_of_theirs_reaches_a_terminal",
    ),
    Guard(
        "a # before a [ stays single",
        "codex_tmux/tmux/server.py",
        'part.rstrip("#") for part in styled',
        "part for part in styled",
        "tests/tmux/escaping_test.py::test_what_is_made_literal_is_expanded_to_itself",
    ),
    Guard(
        "a hook speaks of its own pane (titles)",
        "plugin/hooks.tmux",
        "#{?#{==:#{hook_pane},#{pane_id}},#{?$CODEX_ID_NEW,1,#{?$CODEX_TURNS,1,$CODEX_NAMES}},}",
        "#{?$CODEX_ID_NEW,1,#{?$CODEX_TURNS,1,$CODEX_NAMES}}",
        "tests/tmux/guards_test.py::test_the_title_of_a_pane_that_has_just_gone_is_nobody_else_s",
    ),
    Guard(
        "many events, few syncs",
        "plugin/hooks.tmux",
        "if-shell -F '#{!=:#{@codex_pending},1}'",
        "if-shell -F '1'",
        "tests/tmux/crowd_test.py::test_two_hundred_hooks_within_a_second",
    ),
    Guard(
        "the spinner starts nothing",
        "plugin/hooks.tmux",
        '%hidden CODEX_ID_NEW="#{?#{&&:#{?@codex_title_id,1,0},#{m:*#{@codex_title_id}*,#{pane_title}}},,1}"',
        '%hidden CODEX_ID_NEW="1"',
        "tests/tmux/hooks_test.py::test_a_spinner_starts_no_process",
    ),
    Guard(
        "a turn that ends behind the user's back, not before his eyes",
        "plugin/hooks.tmux",
        "#{||:$CODEX_NEEDS,#{&&:#{pane_active},#{window_active_clients}}}",
        "$CODEX_NEEDS",
        "tests/tmux/unread_test.py::test_who_looks",
    ),
    Guard(
        "no option that is no id reaches the user's command",
        "plugin/hooks.tmux",
        "#{?#{m:*[!0-9a-f-]*,#{@codex_session}},,#{@codex_session}}",
        "#{@codex_session}",
        "tests/tmux/unread_test.py::test_an_option_that_is_no_id_reaches_no_shell",
    ),
    Guard(
        "hooks are silent and exit 0: no view mode",
        "plugin/hooks.tmux",
        "{ #{@codex_word} sync || tmux set-option -gu @codex_pending; } >/dev/null 2>&1 || :",
        "#{@codex_word} sync || { tmux set-option -gu @codex_pending; false; }",
        "tests/tmux/hooks_test.py::test_no_pane_in_view_mode_whatever_the_helper_does",
    ),
    Guard(
        "a respawn of a living pane is watched",
        "plugin/hooks.tmux",
        " ; $CODEX_WATCH",
        "",
        "tests/tmux/respawn_routes_test.py::test_the_shell_is_there_when_the_resumed_codex_ends",
    ),
    Guard(
        "a title that a rebuilt pane was given names no session",
        "codex_tmux/tracking/far_pane.py",
        '"" if title.came is None else identifier.title_id(title, row, pane, process.start)',
        "identifier.title_id(title, row, pane, process.start)",
        "tests/tmux/far_end_test.py::test_nor_after_a_restart_and_the_remote_shell_is_no_living_codex",
    ),
    Guard(
        "ssh's own RemoteCommand does not run again",
        "codex_tmux/elsewhere/run_again.py",
        "    if transport.kind != SSH or connect[at : at + 2] == NO_REMOTE_COMMAND:",
        "    if True:",
        "tests/tmux/far_end_test.py::test_ssh_s_own_remote_command_is_not_run_again",
    ),
    Guard(
        "a last `;` is no end of a command",
        "codex_tmux/tmux/server.py",
        '    return word[:-1] + "\\\\;" if word.endswith(";") else word',
        "    return word",
        "tests/tmux/guards_test.py::test_a_value_that_ends_in_a_semicolon_is_set_whole",
    ),
    Guard(
        "a path is no pattern for source-file",
        "plugin/find_helper.sh",
        "    printf %s \"$1\" | sed 's/[][*?\\\\]/\\\\&/g'",
        '    printf %s "$1"',
        "tests/tmux/hooks_test.py::test_from_any_path",
    ),
    Guard(
        "a path is one word for sh",
        "plugin/find_helper.sh",
        "    printf %s \"$1\" | sed \"s/'/'\\\\\\\\''/g\"",
        '    printf %s "$1"',
        "tests/tmux/hooks_test.py::test_from_any_path",
    ),
    Guard(
        "a title alone is no conversation that waits",
        "plugin/hooks.tmux",
        "#{?#{&&:#{@codex_pane},#{m:*$CODEX_ASKS*#{@codex_title_id}*,#{pane_title}}},y,}",
        "#{?#{m:*$CODEX_ASKS*#{@codex_title_id}*,#{pane_title}},y,}",
        "tests/tmux/themes_test.py::test_what_lives_what_is_dead_and_what_waits",
    ),
    Guard(
        "the windows of a session group count once",
        "plugin/hooks.tmux",
        "#{?session_grouped,#{==:#{session_name},#{s/,.*//:session_group_list}},1}",
        "1",
        "tests/tmux/themes_test.py::test_what_lives_what_is_dead_and_what_waits",
    ),
)


def without(guard: Guard, text: str) -> str:
    """`text` with the guard taken out. Raises ValueError where it no longer stands there exactly once."""
    if text.count(guard.old) != 1:
        raise ValueError(f"{guard.name}: {guard.old!r} stands {text.count(guard.old)} times in {guard.file}")
    return text.replace(guard.old, guard.new)


def notices(place: Path, test: str) -> bool:
    """Whether the test fails in this copy of the checkout. Raises RuntimeError where it did not run at all."""
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-qx",
        "-p",
        "no:cacheprovider",
        "-o",
        f"timeout={PATIENCE}",
        test,
    ]
    env = {**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(words, cwd=place, env=env, capture_output=True, text=True)
    # A hung test ends all of pytest, with a word on stderr.
    if done.returncode > 1 and "Timeout" not in done.stderr:
        raise RuntimeError(f"{test} did not run: {done.stdout[-500:]}")
    return done.returncode != 0


def main(words: list[str]) -> int:
    """Tell of each guard (of those whose name holds one of the words) who misses it; 1 where nobody does."""
    unnoticed = 0
    with tempfile.TemporaryDirectory(prefix="bite-") as directory:
        place = Path(directory, "checkout")
        shutil.copytree(CHECKOUT, place, ignore=shutil.ignore_patterns(".?*", "mutants"))
        for guard in GUARDS:
            if words and not any(word in guard.name for word in words):
                continue
            path, whole = place / guard.file, (place / guard.file).read_text()
            if notices(place, guard.test):
                raise RuntimeError(
                    f"with every guard in its place this must pass, and does not: {guard.test}"
                )
            path.write_text(without(guard, whole))
            noticed = notices(place, guard.test)
            path.write_text(whole)
            unnoticed += not noticed
            print(
                f"{guard.name:60} {guard.test.rpartition('::')[2] if noticed else 'NOBODY NOTICES'}",
                flush=True,
            )
    return int(unnoticed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
