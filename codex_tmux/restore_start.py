"""A restore that nobody typed: at the start of a tmux server, from its menu, after tmux-resurrect."""

from __future__ import annotations

import shlex
import time

from codex_tmux import tmux
from codex_tmux.errors import Problem
from codex_tmux.log import log
from codex_tmux.pass_once import Pass, sync_once
from codex_tmux.plain_text import printable
from codex_tmux.restore import RESUMED, WAITS, Result, hints_of, restore, spots_of, wake, where_of
from codex_tmux.restore_plan import TITLE_ID, lost_records
from codex_tmux.restore_view import summary
from codex_tmux.resume import helper_command
from codex_tmux.resurrect import POST, PRE, processes_of, release_early, restores_at_start, would_start_codex
from codex_tmux.sync import server_lock
from codex_tmux.tell import tell_all, tell_later
from codex_tmux.tmux import Server

SERVER_STARTUP = 10.0
"""Seconds until a tmux server that is reading its configuration has its first tmux session."""
CONTINUUM_DELAY = 20
"""Seconds after which tmux-continuum has restored, if it will: it gives up ten seconds after the server's start."""


def start(server: Server) -> None:
    """What @codex-restore says, once a tmux server: restore, ask, or nothing; and nothing where nothing is lost."""
    mode = server.try_run("show-options", "-gqv", "@codex-restore") or "ask"
    if mode == "off":
        return
    seen, lost = wait_for_lost(server)
    continuum = lost > 0 and restores_at_start(server)
    if continuum and (there := restored_titles(seen)):
        # It was quicker than we: what it has brought back is filled without a question, as by its hook.
        announce(server, restore(server, sessions=there, rebuilt=True))
        lost -= len(there)
    if not lost:
        return
    if continuum and not server.try_run("show-options", "-gqv", "@codex_second_look"):
        # Its own hook brings us in; should it not restore (no save file, another tmux server), a timer does.
        log("restore.left_to_continuum", lost=lost)
        server.run(
            *("set-option", "-g", "@codex_second_look", "1", ";"),
            *("run-shell", "-b", "-d", str(CONTINUUM_DELAY), "#{E:@codex_at_start}"),
        )
        return
    if mode == "on":
        announce(server, restore(server))
        return
    # Either the client that attaches next takes the question, or one that is there already: it is asked once.
    clients = server.run(
        "set-option", "-g", "@codex_lost", str(lost), ";", "list-clients", "-F", "#{client_name}"
    )
    if clients:
        server.run(
            "if-shell", "-F", "#{@codex_lost}", "set-option -gu @codex_lost ; run-shell -b '#{E:@codex_ask}'"
        )


def restored_titles(seen: Pass) -> frozenset[str]:
    """The lost sessions whose panes are there again: tmux-resurrect gives panes their titles."""
    titles = {spot.title_id for spot in spots_of(seen)}
    lost = lost_records(seen.records, seen.snapshot)
    return frozenset(r.session_id for r in lost if r.session_id[:TITLE_ID] in titles)


def wait_for_lost(server: Server) -> tuple[Pass, int]:
    """What there is, and how many sessions are lost, asked as soon as the server has a tmux session."""
    end = time.monotonic() + SERVER_STARTUP
    while True:
        with server_lock(server):
            seen = sync_once(server)
        if seen.snapshot.panes or time.monotonic() > end:
            return seen, len(lost_records(seen.records, seen.snapshot))
        time.sleep(0.05)


def show_menu(server: Server) -> None:
    """Ask the client that came last: all, choose, not now."""
    _, lost = wait_for_lost(server)
    lines = server.run(
        "list-clients", "-F", "#{client_created} #{client_control_mode} #{client_name}"
    ).splitlines()
    clients = [c for c in (line.split(" ", 2) for line in lines) if c[1] != "1"]
    if not lost or not clients:
        return
    client = max(clients, key=lambda c: int(c[0]))[2]
    helper = command_line(server)
    what = "1 Codex session" if lost == 1 else f"{lost} Codex sessions"
    items = [
        ("Restore all", "a", f"run-shell -b {tmux.quote(f'{helper} restore --now >/dev/null 2>&1 || :')}"),
        ("Choose…", "c", f"display-popup -E -w 90% -h 80% {tmux.quote(f'{helper} restore --choose')}"),
        ("Not now", "n", ""),
    ]
    words = [
        "display-menu",
        "-c",
        client,
        "-T",
        f" {what} lost with the last tmux server ",
        "-x",
        "C",
        "-y",
        "C",
    ]
    for name, key, text in items:
        words += [name, key, text]
    # A client that calls display-menu waits for the answer: tmux itself is to do it.
    menu = " ".join(tmux.quote(word) for word in words)
    server.run("set-option", "-g", "@codex_menu", menu, ";", "run-shell", "-bC", "#{@codex_menu}")


def command_line(server: Server) -> str:
    """The helper as words for sh, safe inside a menu, whose commands are formats."""
    return tmux.literal(shlex.join(helper_command(server)))


def announce(server: Server, results: list[Result]) -> None:
    """Tell the outcome to every client, or to the first one that attaches."""
    if not results:
        return
    text = summary(results)
    log("restore.told", text=text)
    if not tell_all(server, text):
        tell_later(server, text)


def choose_and_restore(server: Server) -> None:
    """Let the user tick which sessions to restore."""
    from prompt_toolkit.shortcuts import checkboxlist_dialog

    with server_lock(server):
        seen = sync_once(server)
    lost = lost_records(seen.records, seen.snapshot)
    if not lost:
        raise Problem("nothing to restore")
    hints = hints_of(list(lost))
    values = [
        (r.session_id, printable(f"{where_of(r)}  {hints[r.session_id].rpartition(' · ')[0]}  {r.cwd}"))
        for r in lost
    ]
    chosen = checkboxlist_dialog("Codex sessions", "Which ones shall come back?", values=values).run()
    if chosen:
        announce(server, restore(server, sessions=frozenset(chosen)))


def after_resurrect(server: Server, hook: str) -> None:
    """tmux-resurrect has rebuilt its layout: resume in its panes."""
    if (server.try_run("show-options", "-gqv", "@codex-restore") or "ask") == "off":
        return
    if hook == PRE:
        # Its own `codex` would come first: the panes are ours before it types.
        if would_start_codex(processes_of(server)):
            log("restore.before_resurrect", processes=processes_of(server))
            restore(server, rebuilt=True, early=True)
        return
    if hook != POST:
        raise Problem(f"restore --resurrect {hook}: not a hook of tmux-resurrect that codex-tmux uses")
    server.try_run("set-option", "-gu", "@codex_lost")
    early = release_early(server)
    lazy = server.try_run("show-options", "-gqv", "@codex-restore-lazy") != "off"
    woken = wake(server, early, everything=not lazy)
    results = [Result("", pane, RESUMED if pane in woken else WAITS, "", "") for pane in early]
    results = [r._replace(session_id="early") for r in results]
    announce(server, results + restore(server, rebuilt=True))
