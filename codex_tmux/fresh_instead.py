"""A pane whose session cannot be resumed: a person is asked before a new one starts; without one the pane sleeps on."""

from __future__ import annotations

import subprocess
import sys

from codex_tmux.ask_in_pane import ENTER, Choice, ask
from codex_tmux.here import Here, become_shell
from codex_tmux.log import log
from codex_tmux.plain_text import plain_line
from codex_tmux.remain_on_exit import give_back, keep_commands
from codex_tmux.resume import helper_command, joined
from codex_tmux.state.pane_options import Option, pane_option
from codex_tmux.tmux import Server

FIND, LEAVE = "p", "q"
CHOICES = (
    Choice(ENTER, "start a new session"),
    Choice(FIND, "find another conversation"),
    Choice(LEAVE, "go to a shell"),
)


def instead(server: Server, here: Here, why: str, unattended: bool) -> int | None:
    """What to do in place of resuming, which is impossible for the reason `why`: None to start a new session, else
    the exit status to end with. Does not return where the pane becomes a shell."""
    why = plain_line(why)
    log("session.gone", pane=here.id, server=here.socket, why=why)
    if unattended or not sys.stdin.isatty():
        print(f"\ncodex-tmux: {why}")  # tmux scrolls the first line off as it draws its last one
        sleep_on(server, here, why)
        return 1
    while True:
        chosen = ask(f"{why}.", CHOICES, LEAVE)
        if chosen == ENTER:
            return None
        if chosen == LEAVE:
            return leave(server, here)
        find_another(server, here)


def sleep_on(server: Server, here: Here, why: str) -> None:
    """Let the pane fall asleep again as this process ends, and say why in its last line."""
    text = f"{short(why, here.session)} · {here.key or 'codex-tmux respawn'} to go on"
    commands = [*keep_commands(here.id, text), pane_option(here.id, Option.ASLEEP, "1")]
    # Debian's tmux may miss that we end (see `see_that_tmux_reaps`), and would not draw that line.
    server.try_run(*joined(commands), "run-shell", "-b", "sleep 0.5")


def short(why: str, session: str) -> str:
    """The reason without the session's id, for one line below a screen.

    >>> short("session 01a201da-7561-7551-a7df-a07aa6f38cdb was deleted", "01a201da-7561-7551-a7df-a07aa6f38cdb")
    'Session was deleted'
    """
    text = " ".join(word for word in why.split(" ") if not session or not word.startswith(session[:8]))
    return text[:1].upper() + text[1:]


def leave(server: Server, here: Here) -> int:
    """Give the pane to the user's shell: to the one below, or a new one in our place, which ends as any other."""
    if not here.is_root:
        return 0
    server.try_run(*joined(give_back(here.id))[:-1])
    become_shell(here)
    return 1


def find_another(server: Server, here: Here) -> None:
    """Let the person who looks at this pane find another conversation, which takes its place here."""
    client = newest_client(server, here.id)
    argv = [*helper_command(server), "pick", "--from-key", "--client", client, "--into", here.id]
    subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def newest_client(server: Server, pane: str) -> str:
    """The client that shows a pane, the one last used; "" for none."""
    form = "#{client_activity} #{?#{==:#{pane_id}," + pane + "},1,0} #{client_name}"
    lines = (server.try_run("list-clients", "-F", form) or "").splitlines()
    return max((line for line in lines if line.split(" ")[1] == "1"), default="0 1 ").split(" ", 2)[2]
