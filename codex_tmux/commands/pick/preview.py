"""What a conversation looks like before it is opened: its place, how it was started, the last that was said."""

from codex_tmux.codex.commandline import redact
from codex_tmux.codex.daemon import messages as daemon_messages
from codex_tmux.codex.rollout import COMPRESSED, last_messages
from codex_tmux.commands.conversations import Conversation
from codex_tmux.plain_text import plain, plain_line, tilde

MESSAGES = 8
ROOMY = 12
"""Rows from which every thing that is known has a line of its own."""
LINES = 12
"""Lines shown of one message."""


def preview(conversation: Conversation, rollout: str | None, width: int = 80, height: int = 100) -> list[str]:
    """The lines of a preview, plain text: of the messages as many of the last as fit into `height`, one at least."""
    head = long_head(conversation) if height >= ROOMY else short_head(conversation)
    left = height - rows_of(head, width)
    said: list[str] = []
    for speaker, text in reversed(messages_of(conversation, rollout) if rollout else []):
        lines = [line.rstrip() for line in plain(text).strip().splitlines()]
        block = ["", f"── {speaker}", *lines[:LINES], *(["…"] if len(lines) > LINES else [])]
        left -= rows_of(block, width)
        if left < 0 and said:
            break
        said = block + said
    return head + said


def long_head(conversation: Conversation) -> list[str]:
    """What is known of a conversation, a line for each thing."""
    head = [
        plain_line(conversation.name),
        f"session    {conversation.session_id}",
        f"place      {place_of(conversation)}",
        f"directory  {tilde(plain_line(conversation.record.cwd))}",
    ]
    more = {
        "through": plain_line(" ".join(conversation.record.transport)),
        "flags": flags_of(conversation),
        "known by": conversation.record.evidence,
    }
    return head + [f"{name:9}  {text}" for name, text in more.items() if text]


def short_head(conversation: Conversation) -> list[str]:
    """The same in few lines, for a small window; the title is in the list above."""
    where = f"{place_of(conversation)}  {tilde(plain_line(conversation.record.cwd))}"
    return [where, f"{conversation.session_id}  {flags_of(conversation)}".rstrip()]


def place_of(conversation: Conversation) -> str:
    """Status, place and what it is doing, in words."""
    if not conversation.status:
        return "in no pane yet"
    return plain_line(f"{conversation.record.where}{conversation.at}, {conversation.state}")


def flags_of(conversation: Conversation) -> str:
    return plain_line(" ".join(redact(conversation.record.flags)))


def rows_of(lines: list[str], width: int) -> int:
    return sum(max(1, -(-len(line) // max(1, width))) for line in lines)


def messages_of(conversation: Conversation, rollout: str) -> list[tuple[str, str]]:
    """(who, what) of the last messages, oldest first."""
    if not rollout.endswith(COMPRESSED):
        return last_messages(rollout, MESSAGES)
    return daemon_messages.last_messages(conversation.record.codex_home, [conversation.session_id], MESSAGES)[
        0
    ]
