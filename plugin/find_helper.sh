# Where the helper is: @codex-tmux-bin, the checkout's own .venv, beside the package that brought this file, PATH,
# ~/.local/bin.
# shellcheck shell=sh

find_helper() {
    codex_helper=
    case $here in
    */site-packages/codex_tmux/share) beside=${here%/lib*/*/site-packages/codex_tmux/share}/bin/codex-tmux ;;
    *) beside=$here/.venv/bin/codex-tmux ;;
    esac
    for candidate in "$codex_tmux_bin" "$beside" "$(command -v codex-tmux)" "$HOME/.local/bin/codex-tmux"; do
        case $candidate in '~/'*) candidate=$HOME/${candidate#'~/'} ;; esac
        [ -n "$candidate" ] && [ -x "$candidate" ] && codex_helper=$candidate && return 0
    done
    return 1
}

how_to_install() {
    if command -v pipx >/dev/null 2>&1; then
        printf "run: pipx install '%s'" "$here"
    elif command -v uv >/dev/null 2>&1; then
        printf "run: uv tool install '%s'" "$here"
    else
        printf "run: make -C '%s' setup" "$here"
    fi
}

# $1 as one word for sh.
shell_word() {
    printf "'"
    printf %s "$1" | sed "s/'/'\\\\''/g"
    printf "'"
}

# $1 as a pattern that matches just itself: source-file takes its path for one.
glob_word() {
    printf %s "$1" | sed 's/[][*?\\]/\\&/g'
}

# Hooks name the helper through options, so that their text is the same everywhere. Silent whatever happens: any
# output, or a failure, would throw the user's active pane into view mode.
install_hooks() {
    helper=$(shell_word "$codex_helper")
    remove_at '90|20[0-9]|21[0-3]' # where they were before the first release
    # A sync sets @codex_quick anew: the one before may be of another helper.
    tmux set-option -gqu @codex_say \; set-option -g @codex_helper "$codex_helper" \; \
        set-option -g @codex_word "$helper" \; \
        set-option -gu @codex_quick \; \
        set-option -g @codex_dir "$here" \; \
        source-file "$(glob_word "$here/plugin/hooks.tmux")" \; \
        set-option -g @codex_pending 1 \; \
        run-shell -b '#{E:@codex_sync}' \; \
        if-shell -F '#{@codex_started}' '' 'set-option -g @codex_started 1 ; run-shell -b "#{E:@codex_at_start}"'
}
