"""A pane that cannot come back as it was: a person is asked before something else starts; without one it sleeps on."""

import subprocess
import sys
from collections.abc import Sequence

from codex_tmux.elsewhere.wrapper import name_of
from codex_tmux.log import log
from codex_tmux.pane.ask_in_pane import ENTER, Choice, ask
from codex_tmux.pane.here import Here, become_shell
from codex_tmux.plain_text import plain_line
from codex_tmux.sleeping.remain_on_exit import give_back, keep_commands
from codex_tmux.sleeping.resume import helper_command
from codex_tmux.state.launch import Launch
from codex_tmux.state.pane_options import Option, encode_launch, pane_option
from codex_tmux.tmux.clients import looking_at
from codex_tmux.tmux.server import Server

FIND, LEAVE = "p", "q"
TO_A_SHELL = Choice(LEAVE, "go to a shell")
WITHOUT_SESSION = (
    Choice(ENTER, "start a new session"),
    Choice(FIND, "find another conversation"),
    TO_A_SHELL,
)
WITHOUT_WRAPPER = (Choice(ENTER, "go on without it"), TO_A_SHELL)


def without_session(server: Server, here: Here, why: str, unattended: bool) -> None:
    """Returns only where a new session may start, as the pane's own cannot be resumed for the reason `why`; else the
    pane becomes a shell, or this program ends."""
    why = plain_line(why)
    log("session.gone", pane=here.id, server=here.socket, why=why)
    text = f"{short(why, here.session)} · {here.key or 'codex-tmux respawn'} to go on"
    ask_or_sleep(server, here, why, text, WITHOUT_SESSION, unattended)


def without_wrapper(server: Server, here: Here, launch: Launch, unattended: bool) -> None:
    """The same of a Codex without what was before it, which cannot be run again; a yes is remembered."""
    name = plain_line(name_of(launch.wrapper))
    log("wrapper.unknown", pane=here.id, server=here.socket, wrapper=name)
    why = f"Codex was started by {name}, which cannot be run again for its session"
    text = f"Codex was started by {name} · respawn to go on without it"
    ask_or_sleep(server, here, why, text, WITHOUT_WRAPPER, unattended)
    kept = encode_launch(launch._replace(wrapper=()))
    server.try_run(*pane_option(here.id, Option.LAUNCH, kept))


def ask_or_sleep(
    server: Server, here: Here, why: str, text: str, choices: Sequence[Choice], unattended: bool
) -> None:
    """Returns where a person says ENTER. LEAVE gives the pane to the user's shell: the one below, or a new one in our
    place, which ends as any other. Without a person this program ends, and the pane sleeps on with `text` as its
    last line."""
    if not unattended and sys.stdin.isatty():
        while (chosen := ask(f"{why}.", choices, LEAVE)) == FIND:
            find_another(server, here)
        if chosen == ENTER:
            return
        if here.is_root:
            server.try_commands(give_back(here.id))
            become_shell(here)
        sys.exit(0)
    print(f"\ncodex-tmux: {why}")  # tmux scrolls the first line off as it draws its last one
    # Debian's tmux may miss that we end (see `see_that_tmux_reaps`), and would not draw that line.
    reaped = ["run-shell", "-b", "sleep 0.5"]
    server.try_commands([*keep_commands(here.id, text), pane_option(here.id, Option.ASLEEP, "1"), reaped])
    sys.exit(1)


def short(why: str, session: str) -> str:
    """The reason without the session's id, for one line below a screen.

    >>> short("session 01a201da-7561-7551-a7df-a07aa6f38cdb was deleted", "01a201da-7561-7551-a7df-a07aa6f38cdb")
    'Session was deleted'
    """
    text = " ".join(word for word in why.split(" ") if not session or not word.startswith(session[:8]))
    return text[:1].upper() + text[1:]


def find_another(server: Server, here: Here) -> None:
    """Let the person who looks at this pane find another conversation, which takes its place here."""
    client = looking_at(server, here.id)
    argv = [*helper_command(server), "pick", "--from-key", "--client", client, "--into", here.id]
    subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
