"""Conversations by a word: in what a list shows of them, and in what was said."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import click

from codex_tmux.codex.daemon.search import search
from codex_tmux.codex.home import default_home
from codex_tmux.codex.store import Store
from codex_tmux.commands.conversations import ALL, Conversation, gather, of_session, remembered
from codex_tmux.commands.list_view import cells_of
from codex_tmux.json_form import document
from codex_tmux.plain_text import plain_line, shortened
from codex_tmux.tmux.server import Server

SHOWN_OF_EACH = ("SESSION", "STATUS", "AGE", "WHERE", "DIRECTORY", "TITLE")
SHOWN = 100
"""Characters shown of what was said."""

Found = list[tuple[Conversation, str]]


def find_said(server: Server, word: str) -> Found:
    """The conversations with `word` in their transcript, title, id, directory or place; and what was said with it ("":
    nothing). Those that need the user come first, then the newest."""
    records, said = remembered(), dict[str, str]()
    homes = dict.fromkeys([default_home(), *(r.codex_home for r in records)])
    with ThreadPoolExecutor() as beside:
        searches = {home: beside.submit(search, home, word) for home in homes}
        conversations = gather(server, records, default_home(), ALL, word)
    listed = {c.session_id for c in conversations}
    for home, found in searches.items():
        here = found.result()
        said |= here
        conversations += older(home, (session for session in here if session not in listed))
    return [(c, said.get(c.session_id, "")) for c in matching(conversations, word, said)]


def older(home: str, session_ids: Iterable[str]) -> list[Conversation]:
    found = map(Store(home).find, session_ids)
    return [of_session(session, home) for session in found if session and session.listed]


def matching(conversations: Iterable[Conversation], word: str, said: Iterable[str]) -> list[Conversation]:
    """Those with `word` in what a list shows of them, in any case, or whose session is one of `said`."""
    wanted, sessions = word.casefold(), set(said)
    return [
        c
        for c in conversations
        if c.session_id in sessions
        or wanted in f"{c.name}\n{c.session_id}\n{c.record.cwd}\n{c.record.where}".casefold()
    ]


def as_json(found: Found) -> str:
    rows = (
        {
            "session_id": c.session_id,
            "title": c.name,
            "status": c.status or None,
            "activity": c.activity or None,
            "where": c.record.where if c.status else None,
            "pane": c.pane or None,
            "cwd": c.record.cwd,
            "codex_home": c.record.codex_home,
            "said": said or None,
        }
        for c, said in found
    )
    return document("conversations", rows)


def show_found(found: Found) -> None:
    """Print what was found: a line for a conversation, and below it what was said."""
    for c, said in found:
        cells = cells_of(c)
        click.echo("  ".join(cells[name] for name in SHOWN_OF_EACH))
        if said:
            click.echo(f"    {shortened(plain_line(said), SHOWN)}")
