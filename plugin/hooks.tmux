# What codex-tmux puts into a tmux server: formats, hooks and aliases, at indexes far from what users and plugins choose.
# Sourced by codex.tmux, undone by plugin/unload. Everything here runs inside tmux: a process starts only where
# CODEX_LOOK says so, and only for panes that run Codex, or have just lost it.

# Many events, few runs: the first event since the last sync took them starts one, the others find it wanted (1). While
# that one is at work (2), an event starts the next. Silent whatever happens: any output, or a failure, would throw the
# user's active pane into view mode. The helper's path is an option: nothing in a value of one is expanded as a format.
%hidden CODEX_SYNC="{ #{@codex_word} sync || tmux set-option -gu @codex_pending; } >/dev/null 2>&1 || :"
%hidden CODEX_LOOK="if-shell -F '#{!=:#{@codex_pending},1}' { set-option -g @codex_pending 1 ; run-shell -b '$CODEX_SYNC' }"
# The same for `run-shell -d`, which expands the formats in its commands at once.
set-option -g @codex_look "$CODEX_LOOK"

# The place of every window that holds Codex. Compared with what the last sync saw, it tells whether a rename, a
# move, a split or a closed pane concerns us, whatever the event was.
set-option -g @codex_places '#{S:#{W:#{?#{m:*y*,#{P:#{?@codex_pane,y,}}},#{session_name}:#{window_index}:#{window_name}:#{window_layout}:#{P:#{?@codex_pane,#{pane_id},-}};,}}}'

# The frames of Codex's spinner, and what it asks with, as `codex/screen.py` has them.
%hidden CODEX_SPINNER="[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]"
%hidden CODEX_ASKS="[[] [.!] []] Action Required"

# For status lines, as #{E:@codex_waits}: how many conversations need the user, as Codex says in its title, and how many
# are unread. A group's tmux sessions have the same windows: one of them counts.
%hidden CODEX_ONCE="#{?session_grouped,#{==:#{session_name},#{s/,.*//:session_group_list}},1}"
%hidden CODEX_ASKING="#{S:#{?$CODEX_ONCE,#{W:#{P:#{?#{&&:#{@codex_pane},#{m:*$CODEX_ASKS*#{@codex_title_id}*,#{pane_title}}},y,}}},}}"
%hidden CODEX_UNREAD="#{S:#{?$CODEX_ONCE,#{W:#{P:#{?@codex_unread,y,}}},}}"
set-option -g @codex_waits "#{?$CODEX_ASKING,#{n:$CODEX_ASKING} #{?#{==:$CODEX_ASKING,y},needs,need} you#{?$CODEX_UNREAD, ,},}#{?$CODEX_UNREAD,#{n:$CODEX_UNREAD} unread,}"

# tmux up to 3.5 built with utempter (Debian, Ubuntu, Fedora) drops SIGCHLD while that runs its helper for a closed
# terminal (tmux issue 4559): every other killed pane stays unreaped, and fires nothing, until another child of tmux
# ends. So there, while Codex panes exist, a timer inside tmux looks once a second, and starts such a child if need be.
# tmux runs a timer (`run-shell -d`) for some client, and drops it when that one goes: so it says for which. The process
# alone does not tell: by `detach-client -E` it may become another client.
%hidden CODEX_UNREAPED="#{S:#{W:#{P:#{?pane_dead,#{?#{&&:#{@codex_pane},#{?@codex_asleep,,1}},#{?#{==:#{pane_dead_status}#{pane_dead_signal},},y,},},}}}}"
%hidden CODEX_TIMER="set-option -gF @codex_ticking '#{?client_pid,#{client_pid}.#{client_created},-}' ; run-shell -b -d 1 -C '#{@codex_tick}'"
set-option -g @codex_tick "if-shell -F '#{@codex_panes}' { if-shell -F '$CODEX_UNREAPED' { run-shell -b : } ; $CODEX_TIMER } { set-option -gu @codex_ticking }"

# What the title says of the turn, before its id (names stand behind that): 1 it runs, ! it needs the user, 0 there is
# none; and of which process. A Codex that comes up spins too, soon and not for long: then a time follows, of its first
# title, and that end is no turn's within 15 seconds (5 where that spun). Nor is the title of a shell back in front.
%hidden CODEX_STATE="#{?#{m:*$CODEX_SPINNER*#{@codex_title_id}*,#{pane_title}},1,#{?#{m:*$CODEX_ASKS*#{@codex_title_id}*,#{pane_title}},!,#{?pane_title,0,}}}"
%hidden CODEX_TURN="$CODEX_STATE #{pane_pid} "
%hidden CODEX_BEGAN="#{s/^. [0-9]* //:@codex_turning}"
%hidden CODEX_AGE="#{e|-|:#{T;l:%s},0$CODEX_BEGAN}"
%hidden CODEX_STARTS="#{e|-|:#{T;l:%s},#{?#{m:1 *,$CODEX_TURN},10,0}}"
%hidden CODEX_STILL_STARTS="#{?#{&&:#{m:1 *,$CODEX_TURN},#{e|<|:$CODEX_AGE,3}},$CODEX_BEGAN,}"
%hidden CODEX_SINCE="#{?#{m:[01!] #{pane_pid} *,#{@codex_turning}},$CODEX_STILL_STARTS,$CODEX_STARTS}"
%hidden CODEX_SHELL="#{m/r:^-?(ba|z|fi|da|a|k|mk|tc|c)?sh$|^nu$|^xonsh$|^elvish$,#{pane_current_command}}"
%hidden CODEX_ITS_OWN="#{?@codex_title_id,#{m:*#{@codex_title_id}*,#{pane_title}},#{?$CODEX_SHELL,0,1}}"
%hidden CODEX_ENDED="#{&&:#{m:[1!] #{pane_pid} *,#{@codex_turning}},#{&&:#{e|>|:$CODEX_AGE,15},$CODEX_ITS_OWN}}"
%hidden CODEX_ENDS="#{?#{m:0 *,$CODEX_TURN},$CODEX_ENDED,0}"
%hidden CODEX_NEEDS="#{m:! *,$CODEX_TURN}"
%hidden CODEX_TURNS="#{?#{||:#{?@codex_pane,1,0},#{?@codex_title_id,1,0}},#{?#{m:$CODEX_TURN*,#{@codex_turning}},0,1},0}"
%hidden CODEX_TOLD="#{?$CODEX_NEEDS,#{@codex-on-waiting},#{@codex-on-done}}"
%hidden CODEX_WHO="CODEX_TMUX_PANE='#{pane_id}' CODEX_TMUX_SESSION='#{?#{m:*[!0-9a-f-]*,#{@codex_session}},,#{@codex_session}}'"
# The conversation may have another name: behind its activity the title has changed. Codex gives the first one some time
# after the first message: until then at each turn's end, where the window has no name of its own.
%hidden CODEX_REST="#{s/^($CODEX_SPINNER |$CODEX_ASKS [|] )//:pane_title}"
%hidden CODEX_UNNAMED="#{&&:$CODEX_ENDS,#{?@codex_name,0,#{automatic-rename}}}"
%hidden CODEX_NAMES="#{?#{m:0 *,$CODEX_TURN},#{&&:#{@codex_title_id},#{||:#{!=:$CODEX_REST,#{@codex_title_seen}},$CODEX_UNNAMED}},0}"
# An id in the title. Which one counts, `codex/session_id.py` says.
%hidden CODEX_ID="[0-9a-f]{8#}-[0-9a-f]{4#}-7[0-9a-f]{3#}-[0-9a-f]{4#}-[0-9a-f]{5#}"
%hidden CODEX_LAST_ID="^(.* [|] |$CODEX_SPINNER )?($CODEX_ID[0-9a-f]*)([.][.][.])?( [|] .*)?$"
%hidden CODEX_CUT_ID="(^| [|] |$CODEX_SPINNER )($CODEX_ID[.][.][.])( [|] .*)?$"
%hidden CODEX_HAS_ID="#{m:*-????-????-????-?????*,#{pane_title}}"
%hidden CODEX_ID_NEW="#{?#{&&:#{?@codex_title_id,1,0},#{m:*#{@codex_title_id}*,#{pane_title}}},,1}"
# No id: Codex with its default title. Below `node` it is known by its directory, or, where that is a part of a
# repository, by its spinner or the pane's command.
%hidden CODEX_NODE_IS="#{||:#{m:$CODEX_SPINNER *,#{pane_title}},#{m/r:(^|[/\" ])codex( |\"|$),#{pane_start_command}}}"
%hidden CODEX_IN_NODE="#{||:#{||:#{?@codex_pane,1,0},#{m:*#{b:pane_current_path},#{pane_title}}},$CODEX_NODE_IS}"
%hidden CODEX_FRONT="#{||:#{==:#{pane_current_command},codex},#{&&:#{==:#{pane_current_command},node},$CODEX_IN_NODE}}"
%hidden CODEX_UNSEEN="#{?#{||:#{@codex_pane},#{==:#{@codex_looked},#{pane_pid}}},0,1}"
# Its session may be inferred: what counts is the title without the frame of its spinner, and without its blinking.
%hidden CODEX_TITLE_NOW="#{s/^$CODEX_SPINNER /+/;s/^$CODEX_ASKS/!/:pane_title}"
%hidden CODEX_UNSURE="#{&&:#{@codex_pane},#{?#{m/r:^(title|adopted|screen)$,#{@codex_evidence}},0,1}}"

# Title to pane option, without a process. The first test alone knows hook_pane, and is all that happens while Codex works:
# its spinner sets the title ten times a second.
set-hook -g pane-title-changed[8470] {
  if-shell -F "#{?#{==:#{hook_pane},#{pane_id}},#{?$CODEX_ID_NEW,1,#{?$CODEX_TURNS,1,$CODEX_NAMES}},}" {
    if-shell -F "#{?#{&&:$CODEX_ID_NEW,$CODEX_HAS_ID},#{m/r:$CODEX_LAST_ID,#{pane_title}},}" {
      set-option -pF @codex_title_id "#{s/$CODEX_CUT_ID/ | \\2/;s/$CODEX_LAST_ID/\\2/:pane_title}"
      set-option -pF @codex_title_at '#{T;l:%s}' ; set-option -pF @codex_title_seen "$CODEX_REST" ; set-option -pu @codex_turning
      if-shell -F '#{?#{m:#{@codex_title_id}*,#{@codex_session}},,1}' { set-option -pu @codex_unread }
      if-shell -F 1 "$CODEX_LOOK"
    }
    if-shell -F "#{?#{&&:#{@codex_pane},$CODEX_NAMES},#{!=:#{@codex-names},off},}" {
      set-option -pF @codex_title_seen "$CODEX_REST" ; run-shell -b -d 1 -C '#{@codex_look}'
    }
    if-shell -F "$CODEX_TURNS" {
      if-shell -F "#{&&:#{@codex_pane},#{||:$CODEX_NEEDS,$CODEX_ENDS}}" {
        if-shell -F "#{||:$CODEX_NEEDS,#{&&:#{pane_active},#{window_active_clients}}}" { set-option -pu @codex_unread } {
          set-option -p @codex_unread 1 ; set-option -pF @codex_unread_at '#{T;l:%s}'
        }
        if-shell -F "#{?$CODEX_TOLD,1,0}" "run-shell -b \"{ export $CODEX_WHO ; $CODEX_TOLD\n} >/dev/null 2>&1 || :\""
      }
      set-option -pF @codex_turning "$CODEX_TURN$CODEX_SINCE"
      # Before 0.154 a Codex has no file of its session until the first message: then it is looked at again.
      if-shell -F '#{&&:#{@codex_pane},#{?@codex_session,,1}}' "$CODEX_LOOK"
    }
    # if-shell takes any text that begins with a 0 for false, as ids do.
    if-shell -F "#{?$CODEX_HAS_ID,,#{||:#{?@codex_title_id,1,0},#{&&:#{==:#{@codex_state},live},#{==:#{pane_title},}}}}" {
      # A Codex that quits clears its title, and is gone a moment later.
      set-option -pu @codex_title_id
      if-shell -F '#{==:#{pane_title},}' { run-shell -b -d 2 -C '#{@codex_look}' } "$CODEX_LOOK"
    } {
      # Looked at once for each process; again when a turn begins or ends, when Codex asks, and when its name changes.
      if-shell -F "#{?$CODEX_HAS_ID,,#{&&:$CODEX_FRONT,$CODEX_UNSEEN}}" {
        set-option -pF @codex_looked '#{pane_pid}'
        if-shell -F 1 "$CODEX_LOOK"
      }
      if-shell -F "#{?$CODEX_HAS_ID,,#{&&:#{&&:$CODEX_FRONT,$CODEX_UNSURE},#{!=:$CODEX_TITLE_NOW,#{@codex_title_seen}}}}" {
        set-option -pF @codex_title_seen "$CODEX_TITLE_NOW"
        if-shell -F 1 "$CODEX_LOOK"
      }
      # The shell that Codex returned to has set its own title: what ran here is gone.
      if-shell -F "#{?#{||:$CODEX_HAS_ID,$CODEX_FRONT},,1}" {
        if-shell -F '#{@codex_looked}' { set-option -pu @codex_looked }
        if-shell -F "#{&&:#{==:#{@codex_state},live},$CODEX_SHELL}" "$CODEX_LOOK"
      }
    }
  }
}

set-hook -g pane-died[8470] {
  if-shell -F '#{&&:#{==:#{hook_pane},#{pane_id}},#{&&:#{@codex_pane},#{?@codex_asleep,0,1}}}' "$CODEX_LOOK"
}

# Here the pane is gone and formats speak of another one: only the id is true. A pane of @codex_panes that is gone and
# stands there still was closed by the user.
set-hook -g pane-exited[8470] {
  if-shell -F '#{m:* #{hook_pane} *,#{@codex_panes}}' {
    set-option -gF @codex_panes '#{s/#{hook_pane} //:@codex_panes}'
    if-shell -F 1 "$CODEX_LOOK"
  }
}

%hidden CODEX_MOVED="if-shell -F '#{&&:#{@codex_panes},#{!=:#{E:@codex_places},#{@codex_seen}}}' { set-option -gF @codex_seen '#{E:@codex_places}' ; $CODEX_LOOK }"

# What is shown is read; and the sync wakes a pane that waits for that.
%hidden CODEX_WAITING="#{?window_active_clients,#{P:#{?#{&&:#{pane_dead},#{@codex_waiting}},y,}},}"
%hidden CODEX_READ="if-shell -F '#{&&:#{@codex_unread},#{&&:#{pane_active},#{window_active_clients}}}' { set-option -pu @codex_unread }"
%hidden CODEX_SHOWN="$CODEX_READ ; if-shell -F '$CODEX_WAITING' { $CODEX_LOOK }"

set-hook -g session-window-changed[8470] "$CODEX_SHOWN"
set-hook -g window-pane-changed[8470] "$CODEX_MOVED ; $CODEX_SHOWN"
# A client brings the terminal that Codex asks for its colours, and the person to be asked or told. A plain `tmux` fires
# the first one alone, `tmux attach` both.
%hidden CODEX_SAY="if-shell -F '#{@codex_say}' { display-message -d 10000 '#{@codex_say}' ; set-option -gu @codex_say }"
# For one in control mode a sync takes precautions (`tmux/control_mode.py`).
%hidden CODEX_COMES="$CODEX_READ ; if-shell -F '#{||:#{S:#{W:#{P:#{?@codex_waiting,y,}}}},#{&&:#{@codex_panes},#{client_control_mode}}}' { $CODEX_LOOK } ; $CODEX_SAY"
set-hook -g client-session-changed[8470] "$CODEX_COMES"
set-hook -g client-attached[8470] {
  if-shell -F '#{@codex_lost}' { set-option -gu @codex_lost ; run-shell -b '#{@codex_word} restore --ask >/dev/null 2>&1 || :' }
  if-shell -F 1 "$CODEX_COMES"
}
# With a client go the timers that tmux ran for it: the sync does what they were to do.
set-hook -g client-detached[8470] "if-shell -F '#{@codex_panes}#{@codex_control}' { $CODEX_LOOK }"

set-hook -g window-layout-changed[8470] "$CODEX_MOVED ; $CODEX_SHOWN"
set-hook -g window-linked[8470] "$CODEX_MOVED ; $CODEX_SHOWN"
set-hook -g window-unlinked[8470] "$CODEX_MOVED"

# A name that a person gave names the window's one conversation too: the sync that it starts sees to that. Names that
# programs may set tell no such thing, nor does the name that was there.
%hidden CODEX_NAMED="#{&&:#{==:#{hook_window},#{window_id}},#{&&:#{==:#{P:#{?@codex_session,y,}},y},#{?#{||:#{automatic-rename},#{||:#{P:#{?allow-rename,y,}},#{==:#{@codex-names},off}}},,1}}}"
%hidden CODEX_RENAMED="#{&&:$CODEX_NAMED,#{!=:#{E:@codex_places},#{@codex_seen}}}"
set-hook -g window-renamed[8470] "if-shell -F '$CODEX_RENAMED' { set-option -wF @codex_renamed '#{P:#{@codex_session}}' } ; $CODEX_MOVED"
set-hook -g session-renamed[8470] "$CODEX_MOVED"

# Without a tmux session left the server ends: because the user closed the last one, or because it is being killed.
# Killed it goes at once, whatever exit-empty says; closed it stays until the helper has noted that (or ten seconds).
set-hook -g session-closed[8470] {
  if-shell -F '#{S:y}' "$CODEX_MOVED" {
    if-shell -F '#{&&:#{@codex_panes},#{exit-empty}}' {
      set-option -s exit-empty off
      run-shell -b '{ #{@codex_word} sync ; tmux set-option -s exit-empty on ; } >/dev/null 2>&1 || :'
      run-shell -b -d 10 -C 'set-option -s exit-empty on'
    } "$CODEX_MOVED"
  }
}

# No tmux fires a hook on respawn-pane, so its documented names are aliased. Some Codex pane has died and is not asleep
# yet: its stored command may still be the one that starts Codex anew. Or one is just being laid to sleep: for that moment
# it lives, and a respawn would find it "still active". Or a sync is due or at work, and a Codex that has just come up is
# not known yet. Or a client in control mode may lag behind the pane. In each of these cases the respawn waits for a sync.
%hidden CODEX_UNSETTLED="#{S:#{W:#{P:#{?#{&&:#{@codex_pane},#{?#{||:#{pane_dead},#{?pane_pid,0,1}},#{?@codex_asleep,,1},#{@codex_asleep}}},y,}}}}"
# Where no helper can settle it, the command that starts it anew goes all the same.
%hidden CODEX_UNLAID="##{&&:##{&&:##{pane_dead},##{@codex_pane}},##{?##{||:##{@codex_asleep},##{@codex_mode}},0,1}}"
%hidden CODEX_LAY="xargs -I{} tmux respawn-pan -t {} #{@codex_word} run \\; set-option -p -t {} @codex_asleep 1"
%hidden CODEX_SETTLE="#{@codex_word} sync --settle || tmux list-panes -a -f \"$CODEX_UNLAID\" -F \"##D\" | $CODEX_LAY"
# Some living Codex pane has a stored command that would start Codex anew: then a respawn is watched from outside.
%hidden CODEX_GUARDED="#{S:#{W:#{P:#{?pane_dead,,#{?@codex_guard,y,}}}}}"
%hidden CODEX_WATCH="if-shell -F '$CODEX_GUARDED' { run-shell -b '#{@codex_word} sync --watch >/dev/null 2>&1 || :' }"
set-option -g @codex_respawn "if-shell -F '#{@codex_pending}#{@codex_control}$CODEX_UNSETTLED' { run-shell '{ $CODEX_SETTLE; } >/dev/null 2>&1 || :' } ; $CODEX_WATCH"
set-option -s command-alias[8470] "respawn-pane=run-shell -C '#{@codex_respawn}' ; respawn-pane"
set-option -s command-alias[8471] "respawnp=run-shell -C '#{@codex_respawn}' ; respawn-pane"
set-option -s command-alias[8472] "respawn-window=run-shell -C '#{@codex_respawn}' ; respawn-window"
set-option -s command-alias[8473] "respawnw=run-shell -C '#{@codex_respawn}' ; respawn-window"
