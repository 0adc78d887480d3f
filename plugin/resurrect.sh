# tmux-resurrect rebuilds the layout, we resume in its panes: through its hooks, behind what the user has there.
# shellcheck shell=sh

resurrect_hooks="pre-restore-pane-processes post-restore-all"

theirs_in_resurrect_hook() {
    tmux show-options -gqv "@resurrect-hook-$1" | sed -e '/# codex-tmux$/d' -e '/^$/d'
}

# On a line of its own: whatever theirs ends in, a comment or an `&`, ours starts anew.
chain_resurrect() {
    for hook in $resurrect_hooks; do
        theirs=$(theirs_in_resurrect_hook "$hook")
        tmux set-option -g "@resurrect-hook-$hook" "${theirs:+$theirs
}$helper restore --resurrect $hook >/dev/null 2>&1 || : # codex-tmux"
    done
}

unchain_resurrect() {
    for hook in $resurrect_hooks; do
        theirs=$(theirs_in_resurrect_hook "$hook")
        tmux set-option -gqu "@resurrect-hook-$hook"
        [ -z "$theirs" ] || tmux set-option -g "@resurrect-hook-$hook" "$theirs"
    done
}
