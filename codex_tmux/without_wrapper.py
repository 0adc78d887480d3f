"""A pane whose Codex was started by what cannot be run again: a person is asked; without one the pane sleeps on."""

from __future__ import annotations

import sys

from codex_tmux.ask_in_pane import ENTER, Choice, ask
from codex_tmux.elsewhere.wrapper import name_of
from codex_tmux.here import Here, become_shell
from codex_tmux.launch import Launch
from codex_tmux.log import log
from codex_tmux.options import encode_launch
from codex_tmux.plain_text import plain_line
from codex_tmux.remain_on_exit import give_back, say, stay
from codex_tmux.resume import joined
from codex_tmux.tmux import Server

LEAVE = "q"
CHOICES = (Choice(ENTER, "go on without it"), Choice(LEAVE, "go to a shell"))


def without(server: Server, here: Here, launch: Launch, unattended: bool) -> int | None:
    """Whether Codex may start without what was before it: None for yes, which is remembered, else the exit status to
    end with. Does not return where the pane becomes a shell."""
    name = plain_line(name_of(launch.wrapper))
    log("wrapper.unknown", pane=here.id, server=here.socket, wrapper=name)
    why = f"Codex was started by {name}, which cannot be run again for its session"
    if unattended or not sys.stdin.isatty():
        print(f"\ncodex-tmux: {why}")  # tmux scrolls the first line off as it draws its last one
        text = f"Codex was started by {name} · respawn to go on without it"
        asleep = ["set-option", "-p", "-t", here.id, "@codex_asleep", "1"]
        server.try_run(*joined([*stay(here.id), *say(here.id, text), asleep])[:-1])
        return 1
    if ask(f"{why}.", CHOICES, LEAVE) == ENTER:
        kept = encode_launch(launch._replace(wrapper=()))
        server.try_run("set-option", "-p", "-t", here.id, "@codex_launch", kept)
        return None
    if not here.is_root:
        return 0
    server.try_run(*joined(give_back(here.id))[:-1])
    become_shell(here)
    return 1
