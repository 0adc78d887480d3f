"""The newest conversations as tmux's own menu, for those without fzf."""

import shlex

from codex_tmux.commands.conversations import Conversation
from codex_tmux.commands.list_view import cells_of
from codex_tmux.errors import Problem
from codex_tmux.plain_text import in_cells
from codex_tmux.sleeping.resume import helper_command
from codex_tmux.tmux.clients import of_client
from codex_tmux.tmux.server import Server, escape, literal, quote

KEYS = "1234567890abcdefghijklmnoprstuvwxyz"
CLOSE = "q"
NO_SEARCH = "-fzf adds the older ones, a search, a preview"
"""An item that cannot be chosen: it begins with a hyphen."""
ROWS_OF_ITS_OWN = 7
"""Lines of a menu and its client that no conversation has: borders, the separator, the items at its end."""


def show_menu(server: Server, conversations: list[Conversation], client: str, into: str) -> None:
    """Show the menu on a client; does not return: tmux's client process takes our place."""
    size = of_client(server, client, "#{client_width} #{client_height}").split()
    if len(size) != 2:
        raise Problem(f"{client} is not a tmux client")
    helper = [
        *helper_command(server),
        "pick",
        "--from-key",
        "--client",
        client,
        *["--into", into] * bool(into),
    ]
    server.become(*menu(conversations, client, int(size[0]), int(size[1]), helper))


def menu(
    conversations: list[Conversation], client: str, width: int, height: int, helper: list[str]
) -> list[str]:
    """The tmux command that shows the menu; `helper` are the words of `pick` on that client."""
    shown = conversations[: max(1, min(len(KEYS), height - ROWS_OF_ITS_OWN))]
    state = max(len(c.state) for c in shown)
    words = ["display-menu", "-c", client, "-x", "C", "-y", "C", "-T", " Conversations "]
    for key, conversation in zip(KEYS, shown, strict=False):
        words += [
            item_name(conversation, width - 12, state),
            key,
            run(helper, "--do", conversation.session_id),
        ]
    return [escape(word) for word in (*words, "", NO_SEARCH, "", "", "Close", CLOSE, "")]


def item_name(conversation: Conversation, width: int, state: int) -> str:
    """A line of the menu, its state `state` characters wide.

    tmux expands it as a format, and runs what stands in `#(…)`: no # stays in it.
    """
    cells = cells_of(conversation)
    title = in_cells(cells["TITLE"], max(10, width // 2)).rstrip()
    where = [cells["WHERE"]] if conversation.status else []
    words = [f"{conversation.state:<{state}}", title, *where, cells["DIRECTORY"]]
    # A first hyphen would make it an item that cannot be chosen.
    return in_cells("  ".join(words).replace("#", "♯"), width).rstrip().lstrip("-")


def run(helper: list[str], *words: str) -> str:
    """The tmux command of an item: ourselves again, silent. run-shell expands formats."""
    line = shlex.join([*helper, *words])
    return f"run-shell -b {quote(literal(line + ' >/dev/null 2>&1 || :'))}"
