# Key bindings: ours, and the user's own ones that respawn.
# shellcheck shell=sh

install_keys() {
    remove_keys
    bindings=$(tmux list-keys)
    codex_keys= codex_keys_before=
    set --
    while IFS='|' read -r name note words; do
        eval "claim_key \"\$chosen_${name}_key\" \"\$codex_${name}_key\"" || continue
        # The helper's path comes by an option: in the binding it would be expanded as a format.
        set -- "$@" bind-key -N "Codex: $note" "$key" \
            run-shell -b "#{@codex_word} $words -c '#{client_name}' >/dev/null 2>&1 || :" \;
    done <<EOF
respawn|bring this pane's session back|respawn --from-key -t '#{pane_id}'
pick|find a conversation|pick --from-key
next|go to the next pane that needs you or is unread|next --from-key
fork|fork this conversation beside it|fork --from-key -t '#{pane_id}'
undo|bring back what was closed last|undo --from-key
approve|answer what conversations ask you|approve --from-key
EOF
    tmux set-option -g @codex_keys "${codex_keys# }" \; set-option -g @codex_key_before "$codex_keys_before"
    [ $# -eq 0 ] || tmux "$@" display-message -p '' || say "a key option names no key: see @codex-respawn-key and its like"
}

# A key of the prefix table that is to be ours, as `key`, noted with what the user has there now: the one that an option
# names, else the default, but only where nothing is bound to that. `none` is no key.
claim_key() {
    key=${1:-$2}
    [ "$key" != none ] || return 1
    before=$(binding_of "$key")
    [ -n "$1" ] || [ -z "$before" ] || return 1
    codex_keys="$codex_keys $key"
    codex_keys_before="$codex_keys_before$before
"
}

# The binding of a key of the prefix table. From the list of all: asked for one key alone, tmux 3.7 says nothing.
binding_of() {
    printf '%s\n' "$bindings" | awk -v key="$1" '
        { for (i = 2; i < NF; i++) if ($i == "-T") break }
        $(i + 1) == "prefix" && ($(i + 2) == key || $(i + 2) == "\\" key)'
}

# Take back the keys a former load bound; what the user had there before comes back.
remove_keys() {
    ours= theirs=
    keys=$(tmux show-options -gqv @codex_keys)
    [ -z "$keys" ] || bindings=$(tmux list-keys)
    for key in $keys; do
        binding=$(binding_of "$key")
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
    bindings=$(printf '%s\n' "$bindings" | grep -E 'respawn(p|w|-p|-w)' | grep -v -e '@codex_' -e display-menu)
    [ -z "$bindings" ] || printf '%s\n' "$bindings" | tmux source-file -
}

# Take our hooks and aliases away, nobody else's.
remove_ours() {
    tmux show-hooks -g \; show-hooks -gw \; show-options -s command-alias | sed -nE "/@codex_/!d
        s/^(command-alias\[84[78][0-9]\]) .*/set-option -su \1/p
        t
        s/^([a-z-]+\[8470\]) .*/set-hook -gu \1/p" | tmux source-file -
}

# What stands before a respawn in a binding; in a former version's two commands.
before_respawn='(run-shell -C|if-shell -F) [^;]*@codex_(respawn|unsettled|guarded)[^;]*; *'

# Take hooks and aliases away, and these out of the user's own bindings: only then do the bindings parse as they were.
remove_hooks_and_aliases() {
    bindings=$(tmux list-keys | grep -E "$before_respawn" | sed -E "s/$before_respawn//g")
    remove_ours
    [ -z "$bindings" ] || printf '%s\n' "$bindings" | tmux source-file -
}
