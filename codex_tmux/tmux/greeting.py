"""The message of the first load: what is active, and what makes tracking exact. Shown once, for good."""

import os

from codex_tmux.codex.home import default_home
from codex_tmux.codex.title_config import SESSION_ID, THREAD_ID, title_has_id
from codex_tmux.errors import Problem
from codex_tmux.launcher import typed
from codex_tmux.log import log
from codex_tmux.paths import first_time
from codex_tmux.tmux.server import Server
from codex_tmux.tmux.tell import PREFIX, tell_all, tell_later
from codex_tmux.tmux.user_keys import TASKS, advice, bound, left

NAME = "greeted"
"""The file in the state directory that says it was shown."""
COLUMNS = 80
GREETED = ("resume", "find")
"""The tasks that it names: 80 columns have no room for more."""


def greet_once(server: Server) -> None:
    """Greet the clients that are there, else the next one that comes; only the first call ever does."""
    if not first_time(NAME):
        return
    text = greeting(server)
    log("greeting", text=text)
    # A client that attaches between these two is greeted twice; none is missed.
    tell_later(server, text)
    if tell_all(server, text):
        server.try_run("set-option", "-gu", "@codex_say")


def greeting(server: Server) -> str:
    """The message, in one line of 80 columns."""
    options = {
        name: server.option(name) for name in (*(task.option for task in TASKS), "@codex_keys", "prefix")
    }
    ours, prefix = options["@codex_keys"].split(), options["prefix"]
    needed = [task for task in bound(options, ours) if task.does in GREETED]
    keys = [f"{prefix} {task.key}: {task.does}" for task in needed]
    wanted = advice(options, ours, server.try_run("list-keys", "-T", "prefix") or "")
    if wanted and left(options, ours)[0].does in GREETED:
        return fitted(keys, f"{prefix} {left(options, ours)[0].key} stays yours: {wanted}")
    return fitted(keys, "" if names_sessions(default_home()) else f"Next: {typed('setup')}")


def fitted(keys: list[str], step: str) -> str:
    """What is said of the keys, as many as leave the step behind them whole in 80 columns.

    >>> fitted(["C-b R: resume", "C-b P: find"], "Next: codex-tmux setup")
    'loaded – C-b R: resume, C-b P: find. Next: codex-tmux setup'
    >>> fitted(["C-b R: resume", "C-b P: find"], "Next: /home/somebody/.local/bin/codex-tmux setup")
    'loaded. Next: /home/somebody/.local/bin/codex-tmux setup'
    """
    behind = f". {step}" if step else ""
    said = [f"loaded – {', '.join(keys[:number])}{behind}" for number in range(len(keys), 0, -1)]
    said += [f"loaded{behind}", step or "loaded"]
    return next((text for text in said if len(PREFIX + text) <= COLUMNS), said[-1])


def names_sessions(codex_home: str) -> bool:
    """Whether Codex's config there puts the session id into the title, in either of its words for it."""
    try:
        with open(os.path.join(codex_home, "config.toml"), encoding="utf-8") as f:
            text = f.read()
        return title_has_id(text, THREAD_ID) or title_has_id(text, SESSION_ID)
    except (OSError, ValueError, Problem):
        return False
