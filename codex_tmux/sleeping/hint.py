"""The last line of a pane that sleeps: what happened, and how to get the conversation back."""

from codex_tmux.elsewhere.run_again import NOTHING, run_again
from codex_tmux.sleeping.last_screen import RECONNECTS
from codex_tmux.state.launch import Launch

ENDED_SOMEHOW = "Codex ended"
"""What a pane says of a death before it is known how it came."""
FORMAT = "#[reverse] #{@codex_hint} "
"""`remain-on-exit-format`: the text goes through an option, so that nothing in it is expanded as a format."""
PASTE = (
    f"#[reverse] #{{?#{{==:#{{n:@codex_session}},36}},#{{s/^.* · (.* {RECONNECTS})$/\\1/:@codex_hint}} · "
    "paste: codex resume #{@codex_session},#{@codex_hint}} "
)
"""The same where Codex was typed into a shell of another machine: a respawn only connects again. With the command to
paste there, 80 columns have no room for the cause."""


def hint(happened: str, key: str, launch: Launch) -> str:
    """The line, of a pane whose Codex was started so."""
    back = "brings it back"
    if launch.typed:
        if run_again(launch.transport).how == NOTHING:
            return f"{happened} · its command is not run again"
        back = RECONNECTS
    return f"{happened} · {key or 'codex-tmux respawn'} {back}"


def happened(exit_status: str, clock: str) -> str:
    """What became of a pane's Codex. `exit_status` is an exit status, or `signal N`, or "" where it is not known.

    >>> happened("signal 9", "18:48"), happened("1", "18:48"), happened("", "18:48")
    ('Codex was killed (signal 9) at 18:48', 'Codex failed (exit 1) at 18:48', 'Codex ended at 18:48')
    """
    if exit_status.startswith("signal"):
        return f"Codex was killed ({exit_status}) at {clock}"
    failed = exit_status not in ("", "0")
    return f"Codex failed (exit {exit_status}) at {clock}" if failed else f"Codex ended at {clock}"
