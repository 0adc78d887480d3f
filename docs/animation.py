"""Make docs/demo.svg, the moving picture of the README, from a real run: killed, resumed, and it remembers.

Run by `make pictures`. Every frame was on the screen of a tmux client; Codex is the real one where there is one, and
its model a server on the loopback that can repeat only what the conversation it is sent holds.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from html import escape
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.style import Style
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.screen import Screen  # noqa: E402
from tests.support.world import Sandbox  # noqa: E402

WIDTH, HEIGHT = 84, 22
CELL, LINE, BAR = 8.4, 18, 30
"""Pixels: a character, a row, and the bar on top that says what happens."""
FOREGROUND, BACKGROUND, FRAME = "#d4d7d6", "#16181c", "#2b2f36"
FIRST = "Our API listens on port 8087. Add a health check."
DONE = "Done: GET /health answers 200 with the build's version. The tests pass."
SECOND = "Which port did I tell you?"
HINT = "brings it back"
COMPOSER = "Ask Codex to do anything"
TYPED_AT_ONCE = 5
STILL = 20
"""How many looks at the screen have to be alike: half a second and more."""
CONFIG = """
set -g status-right ''
set -g window-status-current-format ' #W '
set -g window-status-format ' #W '
"""


class Frame(NamedTuple):
    """What was on the screen, for how many seconds it is shown, and what is said above it."""

    screen: str
    seconds: float
    caption: str


class Film:
    """The frames so far, taken from a screen."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.frames: list[Frame] = []

    def settle(self, *texts: str) -> None:
        """Wait until these texts are on the screen, and nothing on it has changed for a while."""
        seen: list[str] = []

        def still() -> bool:
            seen.append(self.screen.text())
            return len(set(seen[-STILL:])) == 1 and len(seen) >= STILL and all(t in seen[-1] for t in texts)

        self.screen.sandbox.wait_for(still, 20, f"{texts} on a screen that is still")

    def dismiss_warnings(self) -> None:
        """Close Codex's remark that this machine lacks bubblewrap, as a user does."""
        if "f2 to view" in self.screen.text():
            self.screen.keys("F2")
            self.screen.wait("esc dismiss")
            self.screen.keys("Escape")
            self.screen.wait_gone("esc dismiss")

    def take(self, seconds: float, caption: str) -> None:
        """Add what is on the screen now."""
        self.frames.append(Frame(self.screen.text(colours=True), seconds, caption))

    def type(self, text: str, caption: str) -> None:
        """Type a text into the active pane, a few characters a frame."""
        for at, character in enumerate(text):
            time.sleep(0.03)  # faster than any hand, and Codex would take it for a paste
            self.screen.type(character)
            if at % TYPED_AT_ONCE == 0:
                self.take(0.16, caption)
        self.screen.wait(text[-TYPED_AT_ONCE:])
        self.take(0.5, caption)


def answer(messages: tuple[str, ...]) -> str:
    """The model's answer: of the port it knows only what an earlier message of this conversation says."""
    if not messages or messages[-1] != SECOND:
        return DONE
    port = re.search(r"port (\d+)", " ".join(messages[:-1]))
    return f"Port {port[1]}. You said so before I added the health check." if port else "You told me none."


def play(world: Sandbox, film: Film) -> None:
    """One conversation, killed and resumed."""
    screen = film.screen
    pane = world.new_pane(name="api", cwd=world.make_dir("home/src/api"))
    world.tmux("kill-window", "-t", "main:0")
    world.ask(pane, FIRST)
    world.wait_for(lambda: world.format(pane, "#{@codex_session}"), 20, "the session")
    film.settle(DONE, COMPOSER)
    film.dismiss_warnings()
    film.settle(DONE, COMPOSER)
    film.take(1.6, "A conversation with Codex in a tmux pane")
    os.kill(world.codex_pid(pane), signal.SIGKILL)
    film.settle(HINT)
    film.take(2.0, "kill -9: the pane stays, and says how to get it back")
    screen.keys("C-b", "R")
    screen.wait_gone(HINT)
    film.take(0.3, "prefix R")
    film.settle(DONE, COMPOSER)
    film.dismiss_warnings()
    film.settle(DONE, COMPOSER)
    film.take(1.4, "prefix R: the same conversation")
    film.type(SECOND, "And it remembers")
    world.tmux("send-keys", "-t", pane, "Enter")
    film.settle("Port 8087.", COMPOSER)
    film.take(3.0, "And it remembers")


def svg(frames: list[Frame]) -> str:
    """The frames as one SVG that moves by CSS alone; a reader without it sees the last one."""
    console = Console(width=WIDTH, force_terminal=True, color_system="truecolor")
    total = sum(frame.seconds for frame in frames)
    rows: dict[str, str] = {}
    pictures, moves, at = [], [], 0.0
    for n, frame in enumerate(frames):
        lines = frame.screen.rstrip("\n").split("\n")[:HEIGHT]
        uses = [
            f'<use href="#{rows.setdefault(drawn, f"r{len(rows)}")}" y="{BAR + y * LINE}"/>'
            for y, drawn in enumerate(row(console, line) for line in lines)
            if drawn
        ]
        caption = f'<text class="c" x="{WIDTH * CELL / 2:g}" y="20">{escape(frame.caption)}</text>'
        last = n == len(frames) - 1
        pictures.append(f'<g class="f{" l" if last else ""}" id="f{n}">{caption}{"".join(uses)}</g>')
        begin, end = 100 * at / total, 100 * (at + frame.seconds) / total
        before = "" if n == 0 else "0%{visibility:hidden}"
        after = "" if last else f"{end:.2f}%{{visibility:hidden}}"
        moves.append(f"@keyframes k{n}{{{before}{begin:.2f}%{{visibility:visible}}{after}}}")
        moves.append(f"#f{n}{{animation-name:k{n}}}")
        at += frame.seconds
    width, height = WIDTH * CELL, BAR + HEIGHT * LINE + 8
    style = (
        f"text{{font:14px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:{FOREGROUND};"
        "white-space:pre}.c{text-anchor:middle;font-weight:bold}.f{visibility:hidden}.l{visibility:visible}"
        f"@media (prefers-reduced-motion:no-preference){{.f{{animation:{total:g}s step-end infinite}}{''.join(moves)}}}"
    )
    defs = "".join(f'<g id="{name}">{drawn}</g>' for drawn, name in rows.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">'
        f"<title>codex-tmux: a killed Codex pane resumes its conversation</title><style>{style}</style>"
        f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>'
        f'<path d="M0 {BAR - 1}V8a8 8 0 0 1 8-8H{width - 8:g}a8 8 0 0 1 8 8V{BAR - 1}z" fill="{FRAME}"/>'
        f"<defs>{defs}</defs>{''.join(pictures)}</svg>\n"
    )


def row(console: Console, line: str) -> str:
    """A row of the screen: the coloured grounds, then the texts on them."""
    grounds, texts, at, ground = [], [], 0, ""
    for segment in Text.from_ansi(line).render(console):
        text, style = segment.text.rstrip("\n"), segment.style or Style()
        ink, ground = colours(style)
        width = segment.cell_length
        if ground:
            grounds.append(
                f'<rect x="{at * CELL:.1f}" width="{width * CELL:.1f}" height="{LINE}" fill="{ground}"/>'
            )
        if text.strip():
            begin = at + len(text) - len(text.lstrip())
            bold = ' font-weight="bold"' if style.bold else ""
            fill = f' fill="{ink}" style="fill:{ink}"' if ink != FOREGROUND else ""
            word = text.strip()
            length = f' textLength="{len(word) * CELL:.1f}"' if len(word) > 1 else ""
            texts.append(f'<text x="{begin * CELL:.1f}" y="13"{length}{bold}{fill}>{escape(word)}</text>')
        at += width
    if ground and at < WIDTH:  # tmux prints no blanks at the end of a row, whatever their ground
        grounds.append(
            f'<rect x="{at * CELL:.1f}" width="{(WIDTH - at) * CELL:.1f}" height="{LINE}" fill="{ground}"/>'
        )
    return "".join(grounds + texts)


def colours(style: Style) -> tuple[str, str]:
    """The colour of the letters and of the ground, "" for the usual ground."""
    ink = style.color.get_truecolor(MONOKAI).hex if style.color and not style.color.is_default else FOREGROUND
    ground = (
        style.bgcolor.get_truecolor(MONOKAI, foreground=False).hex
        if style.bgcolor and not style.bgcolor.is_default
        else ""
    )
    if style.reverse:
        ink, ground = ground or BACKGROUND, ink
    return "#8a8f94" if style.dim and ink == FOREGROUND else ink, ground


def main() -> None:
    """Play it and write it down."""
    codex = os.environ.get("CODEX_TMUX_TEST_CODEX", "")
    with Sandbox(codex if os.access(codex, os.X_OK) else None) as world:
        world.model.reply_to = answer
        world.model.names_threads = True
        config_file = world.codex_home / "config.toml"
        text = config_file.read_text().replace('"mock-model"', '"gpt-6.1-sol"')
        config_file.write_text(text)
        world.start_server(load_plugin=True, width=WIDTH, height=HEIGHT, config=CONFIG)
        with Screen(world, WIDTH, HEIGHT) as screen:
            film = Film(screen)
            play(world, film)
    path = ROOT / "docs" / "demo.svg"
    path.write_text(svg(film.frames))
    print(
        path.relative_to(ROOT), path.stat().st_size, "bytes", f"{sum(f.seconds for f in film.frames):.1f} s"
    )


if __name__ == "__main__":
    main()
