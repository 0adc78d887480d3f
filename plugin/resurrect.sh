# tmux-resurrect rebuilds the layout, we resume in its panes: through its hooks, behind what the user has there.
# shellcheck shell=sh

codex_resurrect_hooks="pre-restore-pane-processes post-restore-all"

chain_resurrect() {
    unchain_resurrect
    for hook in $codex_resurrect_hooks; do
        theirs=$(tmux show-options -gqv "@resurrect-hook-$hook")
        # A line of its own: whatever theirs ends in, a comment or an `&`, ours starts anew.
        tmux set-option -g "@resurrect-hook-$hook" "$theirs${theirs:+
}$(shell_word "$codex_helper") restore --resurrect $hook >/dev/null 2>&1 || : # codex-tmux"
    done
}

unchain_resurrect() {
    for hook in $codex_resurrect_hooks; do
        value=$(tmux show-options -gqv "@resurrect-hook-$hook")
        case $value in *"# codex-tmux"*) ;; *) continue ;; esac
        theirs=$(printf '%s\n' "$value" | sed '/# codex-tmux$/d')
        if [ -n "$theirs" ]; then
            tmux set-option -g "@resurrect-hook-$hook" "$theirs"
        else
            tmux set-option -gu "@resurrect-hook-$hook"
        fi
    done
}
