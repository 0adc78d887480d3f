#!/bin/sh
# codex-tmux: a pane that runs Codex keeps its conversation. Entry for TPM, for `codex-tmux load`, and for
# `run-shell /path/codex.tmux`. Puts options, hooks, aliases and keys into the running tmux server and returns; safe to
# run again.

here=$(cd "$(dirname "$0")" && pwd -P) || exit 0
. "$here/plugin/options.sh"
. "$here/plugin/find_helper.sh"
. "$here/plugin/keys.sh"
. "$here/plugin/resurrect.sh"

say_hooks="client-attached client-session-changed"
loaded=

# To a client that is there; while tmux reads its configuration there is none yet: then to the first that comes.
# A plain `tmux` fires client-session-changed alone, `tmux attach` both. tmux itself decides which it is, in one call:
# a client may come at any moment.
say() {
    shown="display-message -d 10000 '#{@codex_say}' ; set-option -gu @codex_say"
    if [ -z "$loaded" ]; then # else hooks.tmux says it
        for hook in $say_hooks; do
            shown="$shown ; set-hook -gu $hook[8470]"
        done
        for hook in $say_hooks; do
            tmux set-hook -g "$hook[8470]" "if-shell -F '#{@codex_say}' { $shown }"
        done
    fi
    tmux set-option -g @codex_say "codex-tmux: $1" \; \
        if-shell -F '#{m:*[1-9]*,#{S:#{session_attached}}}' "$shown"
}

# The keys say what is missing, and load the plugin once it is there.
wait_for_helper() {
    say "$(missing_helper)"
    tmux set-option -g @codex_word "sh $(shell_word "$here/plugin/missing_helper")"
    install_keys
}

main() {
    read_options || return 0
    tmux_is_new_enough || { say "tmux $codex_tmux_version is too old: 3.2a or newer is needed; nothing was changed"; return 0; }
    find_helper || { wait_for_helper; return 0; }
    # Which keys are ours is in what a pane says of itself from the first sync on.
    install_keys
    install_hooks
    rebind_respawn_keys
    loaded=1
    first_sync &
    chain_resurrect
}

# Not around `main` alone: a shell keeps what it redirects for a while open, and tmux would wait for the first sync.
exec >/dev/null 2>&1
main || :
