# tmux-resurrect rebuilds the layout, we resume in its panes: through its hooks, behind what the user has there.
# shellcheck shell=sh

codex_resurrect_hooks="pre-restore-pane-processes post-restore-all"

chain_resurrect() {
    between="==== codex-tmux ===="
    values=$(tmux show-options -gqv @resurrect-hook-pre-restore-pane-processes \; display-message -p "$between" \; \
        show-options -gqv @resurrect-hook-post-restore-all)
    pre=$(with_ours pre-restore-pane-processes "${values%%"$between"*}")
    post=$(with_ours post-restore-all "${values#*"$between"}")
    tmux set-option -g @resurrect-hook-pre-restore-pane-processes "$pre" \; set-option -g @resurrect-hook-post-restore-all "$post"
}

# with_ours HOOK THEIRS: what the user has in a hook, and ours behind it, on a line of its own: whatever theirs ends in,
# a comment or an `&`, ours starts anew.
with_ours() {
    printf '%s\n' "$2" | sed -e '/# codex-tmux$/d' -e '/^$/d'
    printf '%s restore --resurrect %s >/dev/null 2>&1 || : # codex-tmux' "$helper" "$1"
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
