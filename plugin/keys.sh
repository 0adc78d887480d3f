# Key bindings: ours, and the user's own ones that respawn.
# shellcheck shell=sh

install_keys() {
    remove_keys
    codex_keys= codex_keys_before=
    bind_to_helper "$codex_respawn_key" 'Codex: bring this pane'\''s session back' "respawn --from-key -t '#{pane_id}'"
    bind_to_helper "$codex_pick_key" 'Codex: find a conversation' "pick --from-key -c '#{client_name}'"
    bind_to_helper "$codex_next_key" 'Codex: go to the next pane that waits for you' "next --from-key -c '#{client_name}'"
    tmux set-option -g @codex_keys "${codex_keys# }" \; set-option -g @codex_key_before "$codex_keys_before"
    rebind_respawn_keys
}

# bind_to_helper KEY NOTE COMMAND: a key of the prefix table for a command of the helper; none for the key `none`.
bind_to_helper() {
    [ "$1" != none ] || return 0
    codex_keys="$codex_keys $1"
    codex_keys_before="$codex_keys_before$(tmux list-keys -T prefix "$1" 2>/dev/null)
"
    # run-shell expands what stands in a binding as a format: a # in the path is written twice.
    tmux bind-key -N "$2" "$1" \
        run-shell -b "$(shell_word "$codex_helper" | sed 's/#/##/g') $3 >/dev/null 2>&1 || :"
}

# Take back the keys a former load bound; what the user had there before comes back.
remove_keys() {
    ours= theirs=
    for key in $(tmux show-options -gqv @codex_keys); do
        binding=$(tmux list-keys -T prefix "$key" 2>/dev/null)
        case $binding in
        *" --from-key "*) tmux unbind-key -T prefix "$key"; ours=1 ;;
        *) theirs="$theirs$binding
" ;;
        esac
    done
    # What the user has bound since stands above what was there before.
    [ -z "$ours" ] || { tmux show-options -gqv @codex_key_before; printf '%s' "$theirs"; } | tmux source-file -
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
