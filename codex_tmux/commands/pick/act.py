"""What can be done with a conversation that was chosen."""

from codex_tmux.commands.conversations import one
from codex_tmux.commands.fork import fork
from codex_tmux.commands.reopen import current_of, reopen
from codex_tmux.tmux.server import Server
from codex_tmux.tmux.tell import tell_client

GO, SPLIT, FORK, COPY = "go", "split", "fork", "copy"


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
