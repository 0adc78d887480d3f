"""The lines for status line and borders that docs/themes.md offers, as a user copies them."""

import re
from pathlib import Path

import pytest

from tests.support.screen import Screen
from tests.support.world import Sandbox

ROOT = Path(__file__).resolve().parents[2]
STATUS, BORDER, WINDOWS, ARROWS = re.findall(
    r"^```tmux\n(.*?)^```", (ROOT / "docs" / "themes.md").read_text(), re.MULTILINE | re.DOTALL
)
CATPPUCCIN, _ = re.findall(
    r"^```tmux catppuccin\n(.*?)^```", (ROOT / "docs" / "themes.md").read_text(), re.MULTILINE | re.DOTALL
)


@pytest.fixture
def world(sandbox: Sandbox, request: pytest.FixtureRequest) -> Sandbox:
    """A tmux server with some of the lines in its configuration, which is read before the plugin is there."""
    sandbox.start_server(load_plugin=True, config=request.param)
    return sandbox


def test_the_readme_has_the_same_lines() -> None:
    assert STATUS in (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    "lines", [STATUS, BORDER, WINDOWS, ARROWS], ids=["status", "border", "windows", "arrows"]
)
def test_the_lines_can_be_loaded_twice(sandbox: Sandbox, lines: str) -> None:
    sandbox.start_server()
    conf = sandbox.root / "lines.conf"
    conf.write_text(lines)
    seen = []
    for _ in range(2):
        sandbox.tmux("source-file", str(conf))
        seen.append(sandbox.tmux("show-options", "-g") + sandbox.tmux("show-options", "-gw"))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("world", [STATUS + BORDER + WINDOWS], indirect=True, ids=["all"])
def test_what_lives_what_is_dead_and_what_waits(world: Sandbox) -> None:
    with Screen(world) as screen:
        assert "|" not in screen.wait("[main]"), "nothing is said where there is nothing to say"
        live, session = world.talk("first", name="api")
        screen.wait(" | 1 running\n")
        dead, _ = world.talk("second", name="web")
        world.kill_codex(dead)
        screen.wait(" | 1 running 1 asleep\n")
        # So Codex says that it waits; it blinks.
        title = f"[ ! ] Action Required | work | {session[:29]}..."
        world.tmux("select-pane", "-t", live, "-T", title)
        seen = screen.wait(" | 1 running 1 asleep 1 needs you\n")
        assert "1:api!" in seen
        assert "2:web!" not in seen
        world.tmux("select-window", "-t", live)
        screen.wait(f" 0 running {session[:13]} (title) needs you ")
        assert "1:api!*" in screen.text()
        # It does not, where a conversation has such a name.
        quiet = title.removeprefix("[ ! ] Action Required | ")
        world.tmux("select-pane", "-t", live, "-T", f"{quiet} | Action Required: docs")
        screen.wait_gone("needs")
        assert "1:api!" not in screen.text()
        world.tmux("select-window", "-t", dead)
        screen.wait(f" 0 asleep {world.bound(dead)[:13]} (title) ")
        world.tmux("select-window", "-t", "main:0")
        screen.wait("── 0 ──")
        # A turn that ends behind the user's back.
        for shown in (f"⠋ {quiet}", quiet):
            world.tmux("select-pane", "-t", live, "-T", shown)
        assert "1:api•" in screen.wait(" | 1 running 1 asleep 1 unread\n")
    # A title alone proves nothing, and the windows of a group are there once.
    shell = world.tmux("list-panes", "-t", "main:0", "-F", "#{pane_id}")
    world.tmux("select-pane", "-t", shell, "-T", title)
    assert world.format(shell, "#{E:@codex_waits}") == "1 unread"
    world.tmux("select-pane", "-t", live, "-T", title)
    world.tmux("new-session", "-d", "-t", "main")
    assert world.format(shell, "#{E:@codex_waits}") == "1 needs you"


@pytest.mark.parametrize("world", [ARROWS, CATPPUCCIN], indirect=True, ids=["arrows", "catppuccin"])
def test_the_lines_with_colours(world: Sandbox) -> None:
    pane, session = world.talk("first")
    with Screen(world) as screen:
        screen.wait(" 1 running")
        world.tmux("select-pane", "-t", pane, "-T", f"[ . ] Action Required | {session[:29]}...")
        seen = screen.wait(" 1 running 1 needs you")
        assert not {"#[", "}", ","} & set(re.findall(r"#\[|[},]", seen.splitlines()[-1]))
