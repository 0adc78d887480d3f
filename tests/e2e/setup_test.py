"""What `codex-tmux setup` writes, the real Codex understands: the pane title carries the session id."""

import re
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.world import Sandbox

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{5}")

pytestmark = pytest.mark.codex


@pytest.fixture
def untitled(codex_binary: str) -> Iterator[Sandbox]:
    with Sandbox(codex_binary, title=False) as made:
        made.start_server()
        yield made


def title_of_codex(world: Sandbox) -> str:
    """The title of a pane that runs Codex, as soon as an id is in it, or else two seconds after Codex has set one."""
    pane = world.new_pane("codex", "--no-daemon")
    first = world.tmux("display-message", "-p", "#{host}")

    def title() -> str:
        return world.format(pane, "#{pane_title}")

    world.wait_for(lambda: title() != first, 30, "a title of Codex's own")
    end = time.monotonic() + 2
    world.wait_for(lambda: ID.search(title()) or time.monotonic() > end, 20, "its last title")
    found = title()
    world.tmux("kill-pane", "-t", pane)
    return found


@pytest.mark.parametrize(
    "changes",
    [
        lambda text: text,
        lambda text: text + '[tui] # mine\nterminal_title = [ "activity", "git-branch" ] # where\n',
        lambda text: "\ufeff" + text.replace("\n", "\r\n"),
    ],
    ids=["no table", "list", "mark and crlf"],
)
def test_the_title_carries_the_id(untitled: Sandbox, changes: Callable[[str], str]) -> None:
    config = untitled.codex_home / "config.toml"
    config.write_bytes(changes(config.read_text()).encode())
    untitled.helper("setup", "--yes")
    assert ID.search(title_of_codex(untitled))
    # Codex has written its own things into the file since: what we put in still comes out, and nothing else.
    untitled.helper("setup", "--yes", "--undo")
    assert "thread-id" not in config.read_text()
    assert not ID.search(title_of_codex(untitled))
