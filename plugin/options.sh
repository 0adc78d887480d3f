# Every user option of the plugin and its default, in one place; sourced by codex.tmux and plugin/unload.
# shellcheck shell=sh disable=SC2034

codex_tmux_bin=
codex_respawn_key=R
codex_pick_key=P
codex_next_key=N
codex_fork_key=F
codex_undo_key=U
codex_approve_key=A
# These are the helper's: it takes an unset option for what stands here.
codex_command=codex
codex_env=
codex_on_death=keep
codex_restore=ask
codex_restore_lazy=on
codex_log_level=info
# And these the hooks'.
codex_on_waiting=
codex_on_done=
codex_names=on

tab=$(printf '\t')

# One tmux call reads the version and every option.
read_options() {
    values=$(tmux -u display-message -p "#{version}$tab#{@codex-tmux-bin}$tab#{@codex-respawn-key}$tab#{@codex-pick-key}$tab#{@codex-next-key}$tab#{@codex-fork-key}$tab#{@codex-undo-key}$tab#{@codex-approve-key}$tab#{@continuum-restore}#{?@codex_started,,:#{start_time}}$tab.") || return 1
    codex_tmux_version=${values%%"$tab"*}; values=${values#*"$tab"}
    codex_tmux_bin=${values%%"$tab"*}; values=${values#*"$tab"}
    chosen_respawn_key=${values%%"$tab"*}; values=${values#*"$tab"}
    chosen_pick_key=${values%%"$tab"*}; values=${values#*"$tab"}
    chosen_next_key=${values%%"$tab"*}; values=${values#*"$tab"}
    chosen_fork_key=${values%%"$tab"*}; values=${values#*"$tab"}
    chosen_undo_key=${values%%"$tab"*}; values=${values#*"$tab"}
    chosen_approve_key=${values%%"$tab"*}; values=${values#*"$tab"}
    continuum=${values%%"$tab"*}
}

# 3.2a or newer; a version without a number (a development build) counts as new.
tmux_is_new_enough() {
    version=${codex_tmux_version##*-}
    major=${version%%.*}
    minor=${version#*.}
    letter=${minor#"${minor%%[a-z]*}"}
    minor=${minor%%[!0-9]*}
    case $major in '' | *[!0-9]*) return 0 ;; esac
    [ "$major" -gt 3 ] && return 0
    [ "$major" -lt 3 ] && return 1
    [ "${minor:-0}" -gt 2 ] && return 0
    [ "${minor:-0}" -eq 2 ] && [ -n "$letter" ]
}
