# Key bindings: ours, and the user's own ones that respawn.
# shellcheck shell=sh

install_keys() {
    remove_keys
    [ "$codex_respawn_key" = none ] || {
        tmux set-option -g @codex_key_before "$(tmux list-keys -T prefix "$codex_respawn_key" 2>/dev/null)"
        # run-shell expands what stands in a binding as a format: a # in the path is written twice.
        tmux bind-key -N 'Codex: bring this pane'\''s session back' "$codex_respawn_key" \
            run-shell -b "$(shell_word "$codex_helper" | sed 's/#/##/g') respawn --from-key -t '#{pane_id}' >/dev/null 2>&1 || :"
    }
    tmux set-option -g @codex_keys "$codex_respawn_key"
    rebind_respawn_keys
}

# Take back the keys a former load bound; what the user had there before comes back.
remove_keys() {
    for key in $(tmux show-options -gqv @codex_keys); do
        case $(tmux list-keys -T prefix "$key" 2>/dev/null) in
        *"respawn --from-key"*)
            tmux unbind-key -T prefix "$key"
            tmux show-options -gqv @codex_key_before | tmux source-file -
            ;;
        esac
    done
}

# Keys bound before the aliases existed were parsed without them: parsing them once more takes the aliases in.
# Menus parse their commands when chosen, and need nothing.
rebind_respawn_keys() {
    tmux list-keys | grep -E 'respawn(p|w|-p|-w)' | grep -v -e '@codex_' -e display-menu | tmux source-file -
}

# Take the aliases away, and out of the user's own bindings: only then do these parse as they were.
remove_aliases() {
    bindings=$(tmux list-keys | grep '@codex_guarded' | sed "s/if-shell -F [^;]*@codex_unsettled[^;]*;  *if-shell -F [^;]*@codex_guarded[^;]*; //")
    index=200
    while [ $index -lt 216 ]; do
        tmux set-option -su "command-alias[$index]"
        index=$((index + 1))
    done
    [ -z "$bindings" ] || printf '%s\n' "$bindings" | tmux source-file -
}
