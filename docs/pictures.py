"""Make docs/*.svg from a real run: a private tmux server, the real Codex where there is one, a loopback model.

Run by `make pictures`. What is in the pictures was on the screen of a tmux client.
"""

from __future__ import annotations

import io
import os
import re
import signal
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.screen import Screen  # noqa: E402
from tests.support.world import Sandbox  # noqa: E402

WIDTH, HEIGHT = 110, 34
CELL_WIDTH = 12.2
"""What rich gives a character in an SVG."""
TALKS = (
    ("api", ("add a health endpoint", "and a test for it")),
    ("parser", ("fix the parser for nested quotes", "now the error message")),
    ("docs", ("write the changelog for the release",)),
)
INDENTED = re.compile(r'x="([0-9.]+)" (y="[0-9.]+") textLength="([0-9.]+)"([^>]*)>((?:&#160;)+)')
WHEEL = re.compile("[\u2801-\u28ff]")
FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def save(name: str, title: str, screen: str, rows: int = HEIGHT) -> None:
    """Write a screen, or its first rows, as docs/<name>.svg."""
    screen = "\n".join(screen.split("\n")[:rows])
    console = Console(record=True, width=WIDTH, height=HEIGHT, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(screen.rstrip("\n"), no_wrap=True), soft_wrap=True)
    svg = console.export_svg(title=title, unique_id=name)
    # Some readers drop blanks at the start of a text: it begins behind them instead.
    svg = INDENTED.sub(indent, svg)
    # Nothing is loaded from elsewhere: the reader's own monospace will do.
    path = ROOT / "docs" / f"{name}.svg"
    path.write_text(FONT_FACE.sub("", svg) + "\n")
    print(path.relative_to(ROOT))


def indent(found: re.Match[str]) -> str:
    """The start of a text without its blanks, moved by their width."""
    blanks = CELL_WIDTH * found[5].count("&#160;")
    at, length = float(found[1]) + blanks, float(found[3]) - blanks
    return f'x="{at:g}" {found[2]} textLength="{length:g}"{found[4]}>'


def talk(sandbox: Sandbox) -> dict[str, str]:
    """Have the conversations; their panes by name."""
    panes = {}
    for name, words in TALKS:
        pane = panes[name] = sandbox.new_pane(name=name, cwd=sandbox.make_dir(f"home/src/{name}"))
        for text in words:
            sandbox.ask(pane, text)
        sandbox.wait_for(lambda p=pane: sandbox.format(p, "#{@codex_session}"), 20, "the session")  # type: ignore[misc]
    return panes


def kill(sandbox: Sandbox, pane: str) -> None:
    """Kill a pane's Codex; returns when the pane sleeps."""
    os.kill(sandbox.codex_pid(pane), signal.SIGKILL)

    def asleep() -> bool:
        sandbox.tmux("run-shell", "-b", "true")  # Debian's tmux misses deaths until another child ends
        return sandbox.format(pane, "#{@codex_asleep}#{pane_dead}") == "11"

    sandbox.wait_for(asleep, 20, "the pane to sleep")


def find(sandbox: Sandbox, screen: Screen) -> None:
    """The list, and the popup."""
    panes = talk(sandbox)
    kill(sandbox, panes["parser"])
    sandbox.tmux("kill-pane", "-t", panes["docs"])
    # A login shell has set its own PATH.
    sandbox.tmux("send-keys", "-t", "main:0", f"PATH='{sandbox.bin}':$PATH PS1='$ '; clear", "Enter")
    sandbox.tmux("send-keys", "-t", "main:0", "codex-tmux list --all", "Enter")
    screen.wait("closed")
    screen.wait("~/src/docs")
    save("list", "codex-tmux list --all", screen.text(colours=True), rows=6)
    screen.keys("C-b", "P")
    screen.wait("── you")
    # fzf turns a wheel while the preview's program runs.
    sandbox.wait_for(lambda: not WHEEL.search(screen.text()), 10, "the preview")
    save("pick", "prefix P: every conversation of this machine", screen.text(colours=True))


def main() -> None:
    """The pictures show the real Codex, where there is one, else its stand-in."""
    codex = os.environ.get("CODEX_TMUX_TEST_CODEX", "")
    for scene in (find,):
        with Sandbox(codex if os.access(codex, os.X_OK) else None) as sandbox:
            sandbox.model.names_threads = True
            config = "set -g status-right ''"
            sandbox.start_server(load_plugin=True, width=WIDTH, height=HEIGHT, config=config)
            with Screen(sandbox, WIDTH, HEIGHT) as screen:
                scene(sandbox, screen)


if __name__ == "__main__":
    main()
