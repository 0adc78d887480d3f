"""What a conversation looks like before it is opened: its place, how it was started, the last that was said."""

from codex_tmux.codex.commandline import redact
from codex_tmux.codex.rollout import last_messages
from codex_tmux.commands.conversations import Conversation
from codex_tmux.plain_text import plain, plain_line, tilde

MESSAGES = 8
LINES = 12
"""Lines shown of one message."""


def preview(conversation: Conversation, rollout: str | None, width: int = 80, height: int = 100) -> list[str]:
    """The lines of a preview, plain text: of the messages as many of the last as fit into `height`, one at least."""
    head = head_of(conversation)
    left = height - rows_of(head, width)
    said: list[str] = []
    messages = last_messages(rollout, MESSAGES) if rollout else []
    for speaker, text in reversed(messages):
        lines = [line.rstrip() for line in plain(text).strip().splitlines()]
        block = ["", f"── {speaker}", *lines[:LINES], *(["…"] if len(lines) > LINES else [])]
        left -= rows_of(block, width)
        if left < 0 and said:
            break
        said = block + said
    return head + said


def head_of(conversation: Conversation) -> list[str]:
    """What is known of a conversation, a line for each thing."""
    record = conversation.record
    place = f"{record.where}{conversation.at}, {conversation.state}"
    known = {
        "session": record.session_id,
        "place": place if conversation.status else "in no pane yet",
        "directory": tilde(record.cwd),
        "through": " ".join(record.transport),
        "flags": " ".join(redact(record.flags)),
        "known by": record.evidence,
    }
    lines = [f"{name:9}  {plain_line(text)}" for name, text in known.items() if text]
    return [plain_line(conversation.name), *lines]


def rows_of(lines: list[str], width: int) -> int:
    return sum(max(1, -(-len(line) // max(1, width))) for line in lines)
