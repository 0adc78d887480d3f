"""The message of the first load: the keys that find and resume, and what to do next. Shown once, for good."""

from codex_tmux.launcher import typed
from codex_tmux.log import log
from codex_tmux.paths import first_time
from codex_tmux.tmux.server import Server
from codex_tmux.tmux.tell import PREFIX, tell_all, tell_later
from codex_tmux.tmux.user_keys import TASKS

NAME = "greeted"
"""The file in the state directory that says it was shown."""
COLUMNS = 80


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
    """The message, in one line of 80 columns. `doctor` tells of keys that stayed the user's, and of `setup`."""
    ours, prefix = server.option("@codex_keys").split(), server.option("prefix")
    named = [(server.option(task.option) or task.key, task.does) for task in TASKS[:2]]
    keys = ", ".join(f"{prefix} {key}: {does}" for key, does in named if key in ours)
    step = f"Next: {typed('doctor')}"
    whole = f"loaded – {keys}. {step}"
    return whole if keys and len(PREFIX + whole) <= COLUMNS else f"loaded. {step}"
