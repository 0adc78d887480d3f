"""The conversations as tmux's own menu, a page at a time, for those without fzf."""

import shlex

from codex_tmux.commands.conversations import Conversation
from codex_tmux.commands.list_view import cells_of
from codex_tmux.commands.pick.act import COPY, FORGET, FORK, GO, SPLIT
from codex_tmux.errors import Problem
from codex_tmux.plain_text import shortened
from codex_tmux.sleeping.resume import helper_command
from codex_tmux.tmux.clients import of_client
from codex_tmux.tmux.server import Server, escape, literal, quote

ITEMS = {
    GO: ("Conversations", "", ""),
    SPLIT: ("Open in a split", "Open in a split…", "S"),
    FORK: ("Fork", "Fork one…", "F"),
    COPY: ("Copy the id of", "Copy an id…", "Y"),
    FORGET: ("Forget", "Forget one…", "X"),
}
"""What heads the list from which something is done, the item that leads there, and its key."""
KEYS = "1234567890abcdefghijklmnopqrstuvwxyz"
NO_SEARCH = "-fzf adds a search and a preview"
"""An item that cannot be chosen: it begins with a hyphen."""
ROWS_OF_ITS_OWN = 13
"""Lines of a menu and its client that no conversation has: borders, separators, the items at its end."""


def show_menu(
    server: Server,
    conversations: list[Conversation],
    client: str,
    page: int,
    action: str = GO,
    into: str = "",
) -> None:
    """Show a page of the menu on a client; does not return: tmux's client process takes our place."""
    size = of_client(server, client, "#{client_width} #{client_height}").split()
    if len(size) != 2:
        raise Problem(f"{client} is not a tmux client")
    there = ["--client", client, *["--into", into] * bool(into)]
    helper = [*helper_command(server), "pick", "--from-key", *there]
    server.become(*menu(conversations, client, page, action, int(size[0]), int(size[1]), helper))


def menu(
    conversations: list[Conversation],
    client: str,
    page: int,
    action: str,
    width: int,
    height: int,
    helper: list[str],
) -> list[str]:
    """The tmux command that shows a page of the menu; `helper` are the words of `pick` on that client."""
    rows = max(1, min(len(KEYS), height - ROWS_OF_ITS_OWN))
    pages = max(1, -(-len(conversations) // rows))
    page = min(max(page, 0), pages - 1)
    of = f" {page + 1}/{pages}" if pages > 1 else ""
    words = ["display-menu", "-c", client, "-x", "C", "-y", "C", "-T", f" {ITEMS[action][0]}{of} "]
    shown = conversations[page * rows :][:rows]
    state = max(len(c.state) for c in shown)
    for key, conversation in zip(KEYS, shown, strict=False):
        chosen = run(helper, "--do", conversation.session_id, "--action", action)
        words += [item_name(conversation, width - 12, state), key, chosen]
    words.append("")
    for name, key, other in (("Older", ">", page + 1), ("Newer", "<", page - 1)):
        if 0 <= other < pages:
            words += [name, key, run(helper, "--page", str(other), "--action", action)]
    if action == GO:
        for wanted, (_, name, key) in [*ITEMS.items()][1:]:
            words += [name, key, run(helper, "--page", str(page), "--action", wanted)]
        if pages > 1:
            words += [NO_SEARCH, "", ""]
    words += ["Close", "q", ""]
    return [escape(word) for word in words]


def item_name(conversation: Conversation, width: int, state: int) -> str:
    """A line of the menu, its state `state` characters wide.

    tmux expands it as a format, and runs what stands in `#(…)`: no # stays in it.
    """
    cells = cells_of(conversation)
    title = shortened(cells["TITLE"], max(10, width // 2))
    where = [cells["WHERE"]] if conversation.status else []
    words = [f"{conversation.state:<{state}}", title, *where, cells["DIRECTORY"]]
    # A first hyphen would make it an item that cannot be chosen.
    return shortened("  ".join(words), width).replace("#", "＃").lstrip("-")


def run(helper: list[str], *words: str) -> str:
    """The tmux command of an item: ourselves again, silent. run-shell expands formats."""
    line = shlex.join([*helper, *words])
    return f"run-shell -b {quote(literal(line + ' >/dev/null 2>&1 || :'))}"
