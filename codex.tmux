#!/bin/sh
# codex-tmux: a pane that runs Codex keeps its conversation. Entry for TPM, and for `run-shell /path/codex.tmux`.
# Puts options, hooks, aliases and keys into the running tmux server and returns; safe to run again.

here=$(cd "$(dirname "$0")" && pwd -P) || exit 0
. "$here/plugin/options.sh"
. "$here/plugin/find_helper.sh"
. "$here/plugin/keys.sh"
. "$here/plugin/resurrect.sh"

# To the clients that are there; while tmux reads its configuration there is none yet: then to the first that comes.
say() {
    if [ -n "$(tmux list-clients)" ]; then
        tmux display-message -d 10000 "codex-tmux: $1"
    else
        tmux set-option -g @codex_say "codex-tmux: $1" \; \
            set-hook -g "client-attached[8470]" \
            "display-message -d 10000 '#{@codex_say}' ; set-option -gu @codex_say ; set-hook -gu client-attached[8470]"
    fi
}

main() {
    read_options || return 0
    tmux_is_new_enough || { say "tmux $codex_tmux_version is too old: 3.2a or newer is needed; nothing was changed"; return 0; }
    find_helper || { say "the helper is missing: $(how_to_install)"; return 0; }
    install_hooks
    install_keys
    chain_resurrect
}

main >/dev/null 2>&1 || :
