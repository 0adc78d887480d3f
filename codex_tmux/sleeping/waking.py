"""Which restored panes wake. Codex asks the terminal for its colours as it starts: so somebody must be there."""

WHEN_SHOWN, WITH_A_CLIENT = "1", "client"
"""What `@codex_waiting` says: a client has to show the pane's window; some client has to be there
(`@codex-restore-lazy off`)."""
NOT_YET = "resurrect"
"""tmux-resurrect has to be through: it still types commands into panes."""


def wakes(waiting: str, shown: bool, attached: bool) -> bool:
    """Whether a sleeping pane wakes: its window is `shown` by a client, or some client is `attached`.

    >>> [wakes(waiting, shown=False, attached=True) for waiting in (WHEN_SHOWN, WITH_A_CLIENT, NOT_YET, "")]
    [False, True, False, False]
    >>> [wakes(waiting, shown=True, attached=True) for waiting in (WHEN_SHOWN, WITH_A_CLIENT, NOT_YET, "")]
    [True, True, False, False]
    """
    return {WHEN_SHOWN: shown, WITH_A_CLIENT: attached}.get(waiting, False)
