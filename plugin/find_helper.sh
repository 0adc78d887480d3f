# Where the helper is: @codex-tmux-bin, what runs `codex-tmux load`, the checkout's own .venv, PATH, ~/.local/bin.
# shellcheck shell=sh

find_helper() {
    codex_helper=
    for candidate in "$codex_tmux_bin" "$CODEX_TMUX_HELPER" "$here/.venv/bin/codex-tmux" "$(command -v codex-tmux)" \
        "$HOME/.local/bin/codex-tmux"; do
        case $candidate in '~/'*) candidate=$HOME/${candidate#'~/'} ;; esac
        [ -n "$candidate" ] && [ -x "$candidate" ] && codex_helper=$candidate && return 0
    done
    return 1
}

# What to tell the user where there is no helper: one command that gets it.
missing_helper() {
    case $here in
    "$HOME"/*[!A-Za-z0-9_./-]*) clone=$(shell_word "$here") ;;
    "$HOME"/*) clone="~${here#"$HOME"}" ;;
    *) clone=$(shell_word "$here") ;;
    esac
    if command -v pipx >/dev/null 2>&1; then
        how="pipx install $clone"
    elif command -v uv >/dev/null 2>&1; then
        how="uv tool install $clone"
    else
        how="make -C $clone install"
    fi
    printf 'helper missing. Run: %s' "$how"
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

# The first sync. A helper that cannot even start (its Python is gone) would stay unseen: hooks are silent.
first_sync() {
    [ -z "$wait" ] || sleep "$wait"
    "$codex_helper" sync && return
    tmux set-option -gu @codex_pending
    say "$codex_helper does not run. Install codex-tmux again"
}

# Hooks name the helper through options, so that their text is the same everywhere. Silent whatever happens: any
# output, or a failure, would throw the user's active pane into view mode.
install_hooks() {
    helper=$(shell_word "$codex_helper")
    wait=$(until_continuum_has_looked)
    remove_ours # a former version had more of them
    wrap_window_names
    tmux set-option -gqu @codex_say \; \
        set-option -g @codex_word "$helper" \; \
        set-option -g @codex_dir "$here" \; \
        source-file "$(glob_word "$here/plugin/hooks.tmux")" \; \
        set-option -g @codex_pending 1 \; \
        if-shell -F '#{@codex_started}' '' "set-option -g @codex_started 1 ; run-shell -b${wait:+ -d 20} '#{@codex_word} restore --at-start >/dev/null 2>&1 || :'"
}

# A window that tmux names itself has the name of its active pane's conversation, if that has one. Asked for here: a
# format shows what a window has of its own.
wrap_window_names() {
    [ "$(tmux show-options -gqv @codex-names)" != off ] || return 0
    theirs=$(tmux -u show-options -gwv automatic-rename-format)
    case $theirs in
    *@codex_unnamed*) return ;;
    *\;) theirs="${theirs%;}\\;" ;;
    esac
    tmux -u set-option -g @codex_unnamed "$theirs" \; \
        set-option -gw automatic-rename-format '#{?@codex_name,#{=/30/…:@codex_name},#{E:@codex_unnamed}}'
}

# Seconds, or nothing. tmux-continuum restores when a server has just started, but not where it sees a tmux client
# beside the one that started it, as those of our helper would be: they wait until it has looked. Once it has
# restored, or has not, `restore` looks for what is lost. Where it has restored before us, titles have ids.
until_continuum_has_looked() {
    case $continuum in on:*) ;; *) return ;; esac
    [ $(($(date +%s) - ${continuum#on:})) -lt 10 ] || return
    tmux list-panes -a -F '#{pane_title}' | grep -qE '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-' || echo 5
}
