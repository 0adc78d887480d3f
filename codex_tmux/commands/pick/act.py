"""What can be done with a conversation that was chosen."""

from codex_tmux.commands.conversations import Conversation, one
from codex_tmux.commands.forget import forget_session
from codex_tmux.commands.fork import fork
from codex_tmux.commands.reopen import current_of, reopen
from codex_tmux.errors import Problem
from codex_tmux.tmux.server import Server
from codex_tmux.tmux.tell import tell_client

GO, SPLIT, FORK, COPY, FORGET = "go", "split", "fork", "copy", "forget"
ACTIONS = (GO, SPLIT, FORK, COPY, FORGET)


def act(server: Server, session_id: str, action: str, client: str, into: str = "") -> None:
    conversation = one(server, session_id)
    if action in (GO, SPLIT):
        pane = reopen(server, conversation, client, split=action == SPLIT, into=into)
        if not client:
            server.become("attach-session", "-t", pane)
    elif action == FORK:
        fork(server, conversation.launch, session_id, current_of(server, client, "#{pane_id}"))
    elif action == COPY:
        server.run("set-buffer", *(["-w", "-t", client] if client else []), "--", conversation.session_id)
        if client:
            tell_client(server, client, f"copied {conversation.session_id}")
    elif action == FORGET:
        said = forget(server, conversation)
        if client:
            tell_client(server, client, said)


def forget(server: Server, conversation: Conversation) -> str:
    """Let codex-tmux forget a conversation; Codex keeps it. What was done; raises Problem where nothing was."""
    if not conversation.status:
        raise Problem("nothing to forget: that session exists only in Codex")
    return forget_session(server, conversation.session_id)
