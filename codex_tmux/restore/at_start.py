"""A restore that nobody typed: at the start of a tmux server, from its menu, after tmux-resurrect."""

import re
import shlex
import time
from itertools import chain

from codex_tmux.errors import Problem
from codex_tmux.log import log
from codex_tmux.plain_text import printable, tilde
from codex_tmux.restore.choose_sessions import choose
from codex_tmux.restore.plan import lost_records
from codex_tmux.restore.restore import WAITS, Restore, Result, titles_of, waits_for
from codex_tmux.restore.view import summary
from codex_tmux.sleeping.resume import helper_command, key_of
from codex_tmux.sleeping.waking import NOT_YET
from codex_tmux.state.pane_options import Option, pane_option
from codex_tmux.tmux import server as tmux
from codex_tmux.tmux.clients import clients, of_client
from codex_tmux.tmux.server import Server
from codex_tmux.tmux.tell import say_for, tell_all, tell_later
from codex_tmux.tracking.sync import look

SERVER_STARTUP = 10.0
"""Seconds until a tmux server that is reading its configuration has its first tmux session."""
STILL = 2
"""Seconds without a key after which nobody is typing."""
STILL_WITHIN = 60.0
"""Seconds to wait for that."""
STARTS_CODEX = re.compile(r"^:all:$|\b(codex|node)\b")
"""In a word of `@resurrect-processes`: tmux-resurrect then starts Codex by itself, as it was started first."""
ASK = "#{@codex_word} restore --ask >/dev/null 2>&1 || :"


def start(server: Server) -> None:
    """What @codex-restore says, once a tmux server: restore, ask, or nothing; and nothing where nothing is lost."""
    mode = server.option("@codex-restore")
    lost = 0 if mode == "off" else wait_for_lost(server)
    if not lost:
        return
    if mode == "on":
        announce(server, Restore(server).run())
        return
    # Either the client that attaches next takes the question, or one that is there already: it is asked once.
    server.run("set-option", "-g", "@codex_lost", str(lost))
    if clients(server):
        server.run("if-shell", "-F", "#{@codex_lost}", f"set-option -gu @codex_lost ; run-shell -b '{ASK}'")


def wait_for_lost(server: Server) -> int:
    """How many sessions are lost, asked as soon as the server has a tmux session."""
    end = time.monotonic() + SERVER_STARTUP
    while True:
        seen = look(server)
        if seen.snapshot.panes or time.monotonic() > end:
            return len(lost_records(seen.records, seen.snapshot))
        time.sleep(0.05)


def tell_lost(server: Server) -> None:
    """Tell the client that came last that sessions can be restored, and how, once its keyboard is still.

    A message, not a menu: who types at that moment would choose from that without having seen it.
    """
    lost = wait_for_lost(server)
    # Programs in control mode are asked nothing.
    people = [client for client in clients(server) if not client.control]
    client = max(people, key=lambda client: client.came).name if people else ""
    if not lost or not client:
        return
    end = time.monotonic() + STILL_WITHIN
    while time.monotonic() < end and is_typing(server, client):
        time.sleep(0.5)
    key = key_of(server)
    how = f"press {key}" if key else "run codex-tmux restore"
    say_for(server, client, f"{sessions_text(lost)} to restore: {how}")


def is_typing(server: Server, client: str) -> bool:
    """Whether a key was pressed there within the last seconds."""
    active = of_client(server, client, "#{client_activity}")
    return active.isdigit() and time.time() - int(active) < STILL


def sessions_text(number: int) -> str:
    return "1 Codex session" if number == 1 else f"{number} Codex sessions"


def offer(server: Server, client: str) -> bool:
    """Show the menu on a client where anything is lost: all, choose, not now. Whether it is shown."""
    lost = wait_for_lost(server)
    if not lost:
        return False
    # A menu's commands are formats.
    helper = tmux.literal(shlex.join(helper_command(server)))
    items = [
        ("Restore all", "a", f"run-shell -b {tmux.quote(f'{helper} restore --now >/dev/null 2>&1 || :')}"),
        ("Choose…", "c", f"display-popup -E -w 90% -h 80% {tmux.quote(f'{helper} restore --choose')}"),
        ("Not now", "n", ""),
    ]
    title = f" Restore {sessions_text(lost)}? "
    middle = ("-x", "C", "-y", "C")
    server.run_beside("display-menu", "-c", client, "-T", title, *middle, *chain(*items))
    return True


def announce(server: Server, results: list[Result]) -> None:
    """Tell the outcome to every client, or to the first one that attaches."""
    if not results:
        return
    text = summary(results)
    log("restore.told", text=text)
    if not tell_all(server, text):
        tell_later(server, text)


def choose_and_restore(server: Server) -> None:
    seen = look(server)
    lost = lost_records(seen.records, seen.snapshot)
    if not lost:
        raise Problem("nothing to restore")
    titles = titles_of(list(lost))
    rows = [(r.session_id, printable(f"{r.where}  {titles[r.session_id]}  {tilde(r.cwd)}")) for r in lost]
    if chosen := choose(rows):
        announce(server, Restore(server, frozenset(chosen)).run())


def before_resurrect_types(server: Server) -> None:
    """tmux-resurrect has rebuilt its layout, and is to start Codex in its panes: be there first, so that it types at
    panes that sleep. None of them wakes before it is through."""
    if server.option("@codex-restore") != "off" and STARTS_CODEX.search(
        server.option("@resurrect-processes")
    ):
        Restore(server, rebuilt=True, waiting=NOT_YET).run()


def after_resurrect(server: Server) -> None:
    """tmux-resurrect has rebuilt its layout: resume in its panes."""
    if server.option("@codex-restore") == "off":
        return
    server.try_run("set-option", "-gu", "@codex_lost")
    is_filled = f"#{{==:#{{{Option.WAITING}}},{NOT_YET}}}"
    listed = server.try_run("list-panes", "-a", "-f", is_filled, "-F", f"#{{pane_id}} #{{{Option.SESSION}}}")
    filled = dict(line.split(" ") for line in (listed or "").splitlines())
    if filled:
        waiting = waits_for(server)
        server.try_commands([pane_option(pane, Option.WAITING, waiting) for pane in filled])
    early = [Result(session, pane, WAITS, "", "") for pane, session in filled.items()]
    announce(server, early + Restore(server, rebuilt=True).run())
