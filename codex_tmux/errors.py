"""The errors a user can act on."""


class Problem(Exception):
    """Something the user can act on: one line saying what happened, to what, and what to do next.

    The edge of the program (`codex_tmux.__main__`) prints it on stderr and exits 1.
    """


class TmuxError(Problem):
    """tmux refused a command, or could not be reached. Never raised for an empty answer."""


class NoServer(TmuxError):
    """No tmux server runs there."""
