"""Every guard that a promise rests on: how to take it out of the source, and the test that then must fail."""

from __future__ import annotations

from typing import NamedTuple


class Guard(NamedTuple):
    """One guard. `old` stands exactly once in `file`; with `new` in its place the guard is out, and nothing else."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def guard(name: str, file: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(name, file, old, new, tests)


STORE, PATHS, CACHE, SYNC = (f"codex_tmux/{n}.py" for n in ("store", "paths", "state_cache", "sync"))
PASS, RULES, EVIDENCE, RUN = (f"codex_tmux/{n}.py" for n in ("pass_once", "reconcile", "evidence", "run"))
HOOKS, FIND = "plugin/hooks.tmux", "plugin/find_helper.sh"
U, T = "tests/unit/", "tests/tmux/"

GUARDS = (
    # The state file
    guard(
        "fsync of the file",
        STORE,
        "                os.fsync(fd)  # before the rename",
        "                pass  # before the rename",
        U + "power_loss_test.py::test_a_save_cut_off_anywhere_leaves_the_old_or_the_new_state",
    ),
    guard(
        "fsync of the directory",
        STORE,
        "        fsync_directory(directory)\n",
        "",
        U + "power_loss_test.py::test_a_save_cut_off_anywhere_leaves_the_old_or_the_new_state",
    ),
    guard(
        "a rename, not a write in place",
        STORE,
        "        temporary = os.path.join(directory, TEMPORARY)",
        "        temporary = path",
        U + "store_test.py::test_fsync_before_the_rename_and_of_the_directory_after_it",
    ),
    guard(
        "lock",
        STORE,
        "                fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "",
        U + "crowd_test.py::test_eight_processes_lose_no_update",
    ),
    guard(
        "the wait for a lock ends",
        STORE,
        "                if time.monotonic() > end:",
        "                if False:",
        U + "store_test.py::test_a_stopped_holder_hangs_nobody",
    ),
    guard(
        "file 0600",
        STORE,
        "os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)",
        "os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)",
        U + "store_test.py::test_only_for_this_user_from_the_first_byte",
    ),
    guard(
        "directory 0700",
        PATHS,
        "            os.chmod(path, 0o700)\n",
        "            pass\n",
        U + "store_test.py::test_a_directory_open_to_others_is_closed",
    ),
    guard(
        "another user's directory is not used",
        PATHS,
        "        if status.st_uid != os.geteuid():",
        "        if False:",
        U + "store_test.py::test_a_directory_of_another_user_is_not_used",
    ),
    guard(
        "another user's file is not trusted",
        STORE,
        "        if status.st_uid not in (os.geteuid(), 0):",
        "        if False:",
        U + "store_test.py::test_a_file_of_another_user_is_not_trusted",
    ),
    guard(
        "a FIFO in its place hangs nobody",
        STORE,
        "    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)",
        "    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)",
        U + "store_test.py::test_a_fifo_hangs_nobody",
    ),
    guard(
        "nor does it hang a pane",
        RUN,
        '"state.toml"), os.O_RDONLY | os.O_NONBLOCK)',
        '"state.toml"), os.O_RDONLY)',
        U + "damage_test.py::test_a_pane_does_not_wait_for_a_fifo_either",
    ),
    guard(
        "the log follows no link",
        "codex_tmux/log.py",
        "os.O_APPEND | os.O_NOFOLLOW | ",
        "os.O_APPEND | ",
        U + "store_test.py::test_a_planted_link_is_not_followed",
    ),
    guard(
        "a last good file",
        STORE,
        "                keep_backup(directory, path)\n",
        "                pass\n",
        U + "damage_test.py::test_a_session_or_a_pane_twice",
        U + "store_test.py::test_the_backup_is_the_file_before",
    ),
    guard(
        "a broken file never becomes the last good one",
        STORE,
        "            write(loaded.records, backup=False)",
        "            write(loaded.records, backup=True)",
        U + "damage_test.py::test_a_recovered_state_survives_damage_to_itself",
    ),
    guard(
        "a broken file is set aside",
        STORE,
        "    aside = set_aside(path, loaded.broken)",
        '    aside = path + ".none"',
        U + "damage_test.py::test_what_is_no_state_file",
    ),
    guard(
        "what was recovered is written at once",
        STORE,
        "            write(loaded.records, backup=False)",
        "            os.unlink(path)",
        U + "damage_test.py::test_what_is_no_state_file",
    ),
    guard(
        "who only looks changes nothing",
        STORE,
        "    return read().records\n",
        "    return load()\n",
        U + "damage_test.py::test_cut_off_at_every_byte",
    ),
    guard(
        "checksum of the file",
        STORE,
        "    check_whole(data)\n",
        "",
        U + "damage_test.py::test_cut_off_at_every_byte",
        U + "damage_test.py::test_a_flipped_bit_in_every_byte",
    ),
    guard(
        "a newer version is not read",
        STORE,
        "    if version > VERSION:\n",
        "    if False:\n",
        U + "store_test.py::test_a_newer_version_is_left_alone",
    ),
    guard(
        "a newer version is not overwritten",
        STORE,
        "        refuse_newer(path)\n",
        "",
        U + "store_test.py::test_a_newer_version_is_not_even_overwritten_by_a_save",
    ),
    guard(
        "no file is too large",
        STORE,
        "        if status.st_size > TOO_LARGE:",
        "        if False:",
        U + "damage_test.py::test_what_is_no_state_file[long-comment]",
    ),
    guard(
        "a backup that cannot be read counts as there",
        STORE,
        "    except (FileNotFoundError, ValueError, RecursionError, StateError):\n        return ()",
        "    except (OSError, ValueError, RecursionError, StateError):\n        return ()",
        U + "power_loss_test.py::test_refused_at_every_call",
    ),
    guard(
        "the copy is of this very file",
        CACHE,
        "        if current is None or (tuple(made_of), tag) != (current, TAG):",
        "        if current is None:",
        U + "state_cache_test.py::test_another_file_has_no_copy",
    ),
    guard(
        "checksum of the copy",
        CACHE,
        '        if zlib.crc32(data[4:]) != int.from_bytes(data[:4], "big"):',
        "        if False:",
        U + "state_cache_test.py::test_damage_is_seen",
    ),
    # A faulty disk
    guard(
        "sync goes on where the disk holds no lock",
        SYNC,
        'return store.lock(lock_name(server), wait, os.path.dirname(server.socket or ""))',
        "return store.lock(lock_name(server), wait)",
        T + "faulty_disk_test.py::test_the_panes_keep_their_sessions_and_the_file_its_records[file]",
    ),
    guard(
        "no revival without a count",
        PASS,
        "policy._replace(revive=False)",
        "policy",
        T + "faulty_disk_test.py::test_no_revival_can_be_counted_so_there_is_none",
    ),
    guard(
        "a fault is said once",
        PASS,
        "    if fault == before:\n        return\n",
        "",
        T + "faulty_disk_test.py::test_what_a_user_is_told",
    ),
    guard(
        "a sync that failed does not make hooks deaf",
        SYNC,
        '    Server().try_run("set-option", "-gu", "@codex_pending")\n',
        "    pass\n",
        T + "crowd_test.py::test_a_stopped_sync_hangs_neither_tmux_nor_a_respawn",
    ),
    # The rules
    guard(
        "one session, one pane",
        RULES,
        "            if self.holder(pane, sighting):",
        "            if False:",
        U + "reconcile_test.py::test_a_session_stays_with_the_pane_that_has_it",
    ),
    guard(
        "nor in a living tmux server beside",
        RULES,
        "or (record.server, record.epoch) in self.snapshot.alive:",
        "or False:",
        U + "reconcile_test.py::test_a_session_of_a_living_tmux_server_is_not_taken_by_another",
    ),
    guard(
        "epoch",
        RULES,
        "                and record.epoch != self.snapshot.epoch\n",
        "                and False\n",
        U + "reconcile_test.py::test_another_epoch_is_lost_and_its_pane_ids_mean_nothing",
    ),
    guard(
        "a contradicting file is settled",
        RULES,
        "        self.settle_contradictions()\n",
        "",
        U + "damage_test.py::test_a_session_or_a_pane_twice",
    ),
    guard(
        "less evidence never replaces more",
        RULES,
        "        return RANK[sighting.evidence] < RANK[record.evidence]",
        "        return False",
        U + "reconcile_test.py::test_inferred_never_replaces_exact_nor_does_nothing_erase_it",
        U + "reconcile_test.py::test_the_command_line_does_not_overrule_the_title_of_the_same_process",
    ),
    guard(
        "revivals are limited",
        RULES,
        "            if len(recent) < self.policy.revivals:",
        "            if True:",
        U + "reconcile_test.py::test_a_killed_pane_comes_back_by_itself_three_times_a_minute",
    ),
    guard(
        "a respawn that starts anew is taken over",
        RULES,
        "        if self.was_respawned(pane):",
        "        if False:",
        U + "reconcile_test.py::test_a_respawn_that_starts_codex_anew_is_taken_over",
    ),
    guard(
        "a file does not move a session away from its pane",
        RULES,
        "        if record and self.contradicts(pane, record):",
        "        if False:",
        U + "reconcile_test.py::test_a_file_of_yesterday_gives_way_to_what_the_pane_remembers",
    ),
    # Evidence
    guard(
        "a title is of this very process",
        EVIDENCE,
        "        if is_stale:",
        "        if False:",
        U + "evidence_test.py::test_a_title_from_before_the_process_is_somebody_else_s",
    ),
    guard(
        "a sub-agent's title is not shown",
        EVIDENCE,
        "        return not store.is_subagent(session_id)",
        "        return True",
        U + "evidence_test.py::test_a_sub_agent_is_never_a_pane_s_session",
    ),
    guard(
        "a sub-agent's lock does not count",
        EVIDENCE,
        "        held = [s for s in open_sessions(self.processes, codex) if not store.is_subagent(s)]",
        "        held = list(open_sessions(self.processes, codex))",
        U + "evidence_test.py::test_of_several_locks_a_sub_agent_s_does_not_count",
    ),
    guard(
        "Codex's daemon is no conversation",
        "codex_tmux/codex/processes.py",
        "        if command.mode is not None:",
        "        if True:",
        U + "codex_processes_test.py::test_what_is_no_conversation",
    ),
    guard(
        "a store is never written",
        "codex_tmux/codex/store.py",
        'ways = ("mode=ro", "mode=ro&immutable=1")',
        'ways = ("mode=ro", "immutable=1")',
        U + "codex_damage_test.py::test_a_database_that_has_gone_is_not_made_again",
    ),
    guard(
        "of a rollout only the beginning is read",
        "codex_tmux/codex/store.py",
        '            return file.read(size) or b""',
        '            return file.read() or b""',
        U + "codex_damage_test.py::test_a_huge_line_is_not_read",
    ),
    # Resuming
    guard(
        "no second writer",
        RUN,
        "    wait_for_writer(store, session, launch)\n",
        "",
        T + "guards_test.py::test_a_session_that_another_process_writes_to_is_waited_for",
    ),
    guard(
        "only what can be resumed is",
        RUN,
        "    ok, reason = store.resumable(session)",
        '    ok, reason = True, ""',
        T + "guards_test.py::test_a_session_that_is_gone_gives_a_fresh_one_and_says_so",
    ),
    guard(
        "not in two panes at once",
        RUN,
        "    refuse_rival(server, here, session)\n    ok, reason",
        "    ok, reason",
        T + "guards_test.py::test_a_session_in_another_pane_is_not_resumed_a_second_time",
    ),
    guard(
        "a respawn's own home is not the pane's",
        "codex_tmux/evidence.py",
        "        kept_launch = pane.launch if respawned and pane.launch else launch\n",
        "        kept_launch = launch\n",
        T + "who_may_what_test.py::"
        "test_what_a_respawn_starts_anew_is_replaced_under_the_home_of_the_one_before",
    ),
    guard(
        "an error line is plain text",
        "codex_tmux/cli.py",
        "plain_line(str(e))",
        "e",
        T + "hostile_test.py::test_nothing_of_theirs_reaches_a_terminal",
    ),
    guard(
        "a # before a [ stays single",
        "codex_tmux/tmux.py",
        'part.rstrip("#") for part in styled',
        "part for part in styled",
        T + "escaping_test.py::test_what_is_made_literal_is_expanded_to_itself",
    ),
    guard(
        "a tmux session's name is decoded first",
        "codex_tmux/rebuild.py",
        "as_given(plan.tmux_session)",
        "plan.tmux_session",
        T + "restore_test.py::test_names_that_tmux_writes_in_its_own_way_come_back",
    ),
    guard(
        "the timer is asked for inside tmux",
        "codex_tmux/pass_once.py",
        ' and reading.server["@codex_panes"])',
        ")",
        T + "hooks_test.py::test_the_timer_that_reaps_starts_though_it_was_just_ending",
    ),
    guard(
        "a Ctrl-C leaves the shell below Codex",
        RUN,
        "trap : INT QUIT; ",
        "",
        T + "respawn_routes_test.py::test_the_shell_is_there_when_the_resumed_codex_ends",
    ),
    guard(
        "no prompt is replayed",
        "codex_tmux/codex/commandline.py",
        "        flags=tuple(word for item in kept for word in item.words),",
        "        flags=tuple(word for item in kept for word in item.words) + tuple(arguments),",
        U + "codex_commandline_test.py::test_no_prompt_survives",
    ),
    guard(
        "no image is replayed",
        "codex_tmux/codex/commandline.py",
        'Option("--image", "-i", "n", replay=False)',
        'Option("--image", "-i", "n")',
        U + "codex_commandline_test.py::test_no_image_survives",
    ),
    # Inside tmux
    guard(
        "a hook speaks of its own pane (titles)",
        HOOKS,
        "'#{&&:#{==:#{hook_pane},#{pane_id}},#{m:*-????-????-????-?????*,#{pane_title}}}'",
        "'#{m:*-????-????-????-?????*,#{pane_title}}'",
        T + "guards_test.py::test_the_title_of_a_pane_that_has_just_gone_is_nobody_else_s",
    ),
    guard(
        "many events, few syncs",
        HOOKS,
        "if-shell -F '#{?@codex_pending,,1}'",
        "if-shell -F '1'",
        T + "crowd_test.py::test_two_hundred_hooks_within_a_second",
    ),
    guard(
        "the spinner starts nothing",
        HOOKS,
        "    if-shell -F '#{?#{&&:#{@codex_title_id},#{m:*#{@codex_title_id}*,#{pane_title}}},,1}' {",
        "    if-shell -F '1' {",
        T + "hooks_test.py::test_a_spinner_starts_no_process",
    ),
    guard(
        "hooks are silent and exit 0: no view mode",
        FIND,
        '"{ $helper sync || tmux set-option -gu @codex_pending; } >/dev/null 2>&1 || :"',
        '"{ $helper sync || { tmux set-option -gu @codex_pending; false; }; }"',
        T + "hooks_test.py::test_no_pane_in_view_mode_whatever_the_helper_does",
    ),
    guard(
        "a respawn of a living pane is watched",
        HOOKS,
        "if-shell -F '#{E:@codex_guarded}' 'run-shell -b \\\"#{@codex_watch}\\\"' ;",
        "",
        T + "respawn_routes_test.py::test_living_panes_come_back",
    ),
    # Text of others
    guard(
        "a launch option holds nothing that tmux or a shell reads",
        "codex_tmux/options.py",
        "        c if c in SAFE else",
        '        c if c in SAFE or c in "#{}\'" else',
        U + "tmux_parse_test.py::test_encoded_words",
    ),
    guard(
        "a last `;` is no end of a command",
        PASS,
        '    return word[:-1] + "\\\\;" if word.endswith(";") else word',
        "    return word",
        T + "guards_test.py::test_a_value_that_ends_in_a_semicolon_is_set_whole",
    ),
    guard(
        "what is told is text, not a format",
        "codex_tmux/tell.py",
        '("display-message", "-c", client, "#{@codex_message}"),\n        )\n\n\ndef tell_client',
        '("display-message", "-c", client, text),\n        )\n\n\ndef tell_client',
        T + "guards_test.py::test_what_is_told_is_text",
    ),
    guard(
        "a path is no pattern for source-file",
        FIND,
        "    printf %s \"$1\" | sed 's/[][*?\\\\]/\\\\&/g'",
        '    printf %s "$1"',
        T + "hooks_test.py::test_from_any_path",
    ),
    guard(
        "a path is one word for sh",
        FIND,
        "    printf %s \"$1\" | sed \"s/'/'\\\\\\\\''/g\"",
        '    printf %s "$1"',
        T + "hooks_test.py::test_from_any_path",
    ),
    guard(
        "control characters are stripped",
        "codex_tmux/plain_text.py",
        '    return "" if category in ("Cc", "Cf") else char',
        '    return "" if category == "Cf" else char',
        U + "plain_text_test.py::test_nothing_is_left_that_a_terminal_obeys",
    ),
    guard(
        "direction marks are stripped",
        "codex_tmux/plain_text.py",
        '    return "" if category in ("Cc", "Cf") else char',
        '    return "" if category == "Cc" else char',
        U + "plain_text_test.py::test_nothing_is_left_that_a_terminal_obeys",
        U + "plain_text_test.py::test_plain",
    ),
    guard(
        "one event, one line of the log",
        "codex_tmux/log.py",
        '    return char if char.isprintable() else char.encode("unicode_escape").decode()',
        "    return char",
        U + "log_test.py::test_any_value_stays_on_one_line",
    ),
    guard(
        "secrets in flags are masked",
        "codex_tmux/codex/commandline.py",
        '    return f"{key}=…" if given else "…"',
        "    return value",
        U + "codex_commandline_test.py::test_redact",
    ),
    guard(
        "bytes that are no UTF-8 reach the file as text",
        "codex_tmux/records.py",
        '        ESCAPE * 2 if c == ESCAPE else f"{ESCAPE}{ord(c):04x}" if "\\ud800" <= c <= "\\udfff" else c',
        "        c",
        U + "records_test.py::test_any_record_comes_back_from_the_disk",
    ),
    guard(
        "lengths of what tmux prints are checked",
        "codex_tmux/tmux.py",
        '    if data[end : end + 1] != b",":\n        raise TmuxError("tmux printed a value of',
        '    if False:\n        raise TmuxError("tmux printed a value of',
        U + "tmux_parse_test.py::test_a_value_of_another_length_than_it_says_is_refused",
    ),
    # What people see
    guard(
        "a title alone is no conversation that waits",
        HOOKS,
        "#{?#{&&:#{@codex_pane},#{m:*Action Required*,#{pane_title}}},y,}",
        "#{?#{m:*Action Required*,#{pane_title}},y,}",
        T + "themes_test.py::test_what_lives_what_is_dead_and_what_waits",
    ),
    guard(
        "the windows of a session group count once",
        HOOKS,
        "#{?session_grouped,#{==:#{session_name},#{s/,.*//:session_group_list}},1}",
        "1",
        T + "themes_test.py::test_what_lives_what_is_dead_and_what_waits",
    ),
    guard(
        "@codex-log-level error",
        "codex_tmux/log.py",
        '    if _level == "error" and event not in ERRORS:\n        return\n',
        "",
        T + "log_test.py::test_how_much_is_logged_is_an_option",
    ),
    guard(
        "nothing but words is offered to a shell",
        "codex_tmux/completion.py",
        "        except (Problem, OSError, ValueError):\n            return []\n",
        "        finally:\n            pass\n",
        U + "completion_test.py::test_where_there_is_nothing_nothing_is_offered",
    ),
)
