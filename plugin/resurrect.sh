# tmux-resurrect rebuilds the layout, we resume in its panes: through its last hook, behind what the user has there.
# shellcheck shell=sh

resurrect_hook=@resurrect-hook-post-restore-all

theirs_in_resurrect_hook() {
    tmux show-options -gqv $resurrect_hook | sed -e '/# codex-tmux$/d' -e '/^$/d'
}

# On a line of its own: whatever theirs ends in, a comment or an `&`, ours starts anew.
chain_resurrect() {
    theirs=$(theirs_in_resurrect_hook)
    tmux set-option -g $resurrect_hook "${theirs:+$theirs
}$helper restore --resurrect >/dev/null 2>&1 || : # codex-tmux"
}

unchain_resurrect() {
    theirs=$(theirs_in_resurrect_hook)
    tmux set-option -gqu $resurrect_hook
    [ -z "$theirs" ] || tmux set-option -g $resurrect_hook "$theirs"
}
