"""Go to a conversation: to its pane where it has one, else a new one that resumes it."""

from codex_tmux.commands.conversations import Conversation
from codex_tmux.commands.respawn import respawn
from codex_tmux.errors import Problem
from codex_tmux.log import log
from codex_tmux.pane.new_pane import open_pane
from codex_tmux.sleeping.resume import respawn_into_run
from codex_tmux.state.pane_options import Option, pane_options
from codex_tmux.state.records import ARGV, LIVE
from codex_tmux.tmux.clients import of_client, show
from codex_tmux.tmux.server import Server


def reopen(
    server: Server, conversation: Conversation, client: str, split: bool = False, into: str = ""
) -> str:
    """Bring a conversation onto a client's screen; the pane it is in. Raises Problem.

    Lives: its pane is shown. Its pane is dead, or a shell that Codex returned to: resumed there. Else it comes up in
    the pane `into` in place of what is there, or in a new window, or with `split` beside the client's pane. `client`
    may be "": none is moved then.
    """
    if conversation.pane:
        if conversation.status != LIVE:
            respawn(server, conversation.pane)
        show(server, conversation.pane, client)
        return conversation.pane
    if conversation.elsewhere:
        raise Problem(f"it runs in another tmux server: tmux -S {conversation.elsewhere} attach")
    had = {Option.SESSION: conversation.session_id, Option.EVIDENCE: conversation.record.evidence or ARGV}
    if into and not split:
        pane = into
        server.run_commands(pane_options(into, had))
        respawn_into_run(server, into, conversation.launch, kill=True)
    else:
        # Without an index tmux takes the next free one: windows are found by their numbers.
        new = (
            ["split-window", "-t", current_of(server, client, "#{pane_id}")]
            if split
            else ["new-window", "-t", session_for(server, conversation, client)]
        )
        pane = open_pane(server, new, conversation.launch, had)
    log("session.reopened", session=conversation.session_id, pane=pane, split=split)
    show(server, pane, client)
    return pane


def session_for(server: Server, conversation: Conversation, client: str) -> str:
    """The tmux session for a new window: the one the conversation was in, else the client's."""
    name = conversation.record.tmux_session
    rows = server.listed("list-sessions", plain=("session_id",), chosen=("session_name",))
    found = next((row["session_id"] for row in rows if name and row["session_name"] == name), "")
    found = found or current_of(server, client, "#{session_id}")
    if not found:
        raise Problem("tmux has no session to open a window in: start tmux first")
    return f"{found}:"


def current_of(server: Server, client: str, form: str) -> str:
    """The format `form` for what the client shows; without one, for what tmux takes for the current pane."""
    return of_client(server, client, form) if client else server.run("display-message", "-p", form)
