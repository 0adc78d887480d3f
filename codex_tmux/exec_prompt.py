"""The line one types into in a conversation pane, and the turn that shows itself above it.

One prompt_toolkit application lives as long as the pane: what is typed while a turn runs stands in its line,
and what is sent waits its turn, because the terminal never goes back to echoing by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input.defaults import create_input
from prompt_toolkit.input.typeahead import store_typeahead
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyBindings, KeyPress, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style
from rich.console import Console
from rich.text import Text

from codex_tmux.exec_conversation import Conversation
from codex_tmux.exec_view import duration
from codex_tmux.log import log
from codex_tmux.plain_text import plain, plain_line, shortened

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
FRAME_SECONDS = 0.2
QUIT = ("/quit", "/exit")
HELP = "Enter sends · Alt-Enter: new line · Ctrl-C stops a turn · Ctrl-D or /quit leaves"
"""What Codex's own commands are answered here: `codex exec` would take them for messages."""
LEAVE_SECONDS = 5.0
"""Seconds a turn has to end when the pane is being closed."""
STYLE = Style.from_dict(
    {"id": "ansicyan", "dir": "ansiblue", "mark": "bold", "spin": "ansiyellow", "hint": ""}
)


class Screen(Vt100_Output):
    """The terminal, which goes on marking what is pasted while the prompt is drawn anew.

    prompt_toolkit takes the mark back with the old prompt: what is pasted just then would be one message a line.
    """

    redrawing = False

    def disable_bracketed_paste(self) -> None:
        if not self.redrawing:
            super().disable_bracketed_paste()


class Prompt:
    """The terminal of a conversation pane.

    `early` is what was typed before the program was there; `directory` stands in the prompt. `show` and
    `status` serve the view; `run` takes messages until the user leaves and returns the exit code.
    """

    def __init__(self, directory: str, early: bytes = b"", *, no_color: bool = False) -> None:
        self._directory = shortened(plain_line(tilde(directory)), 60)
        self._console = Console(
            no_color=no_color or None, highlight=False, markup=False, emoji=False, soft_wrap=True
        )
        self._waiting: deque[str] = deque()
        self._wanted = asyncio.Event()
        self._since: float | None = None
        self._status = ""
        self._hint = ""
        self._leaving = False
        self._signal = 0
        self._conversation: Conversation | None = None
        keyboard = create_input(sys.stdin)
        screen = Screen.from_pty(sys.stdout, term=os.environ.get("TERM"))
        assert isinstance(screen, Screen)
        # Nothing here needs the cursor's position, and asking mixes answers into what is typed.
        screen.enable_cpr = False
        self._screen = screen
        store_typeahead(keyboard, keys_of(early))
        self._session: PromptSession[str] = PromptSession(
            self._message,
            multiline=True,
            prompt_continuation=[("class:hint", "  ")],
            key_bindings=self._keys(),
            history=InMemoryHistory(),  # prompts are never stored
            style=STYLE,
            input=keyboard,
            output=self._screen,
            erase_when_done=True,
        )

    async def run(self, conversation: Conversation, begin: Callable[[], Awaitable[None]]) -> int:
        """Take messages until the user leaves; `begin` is awaited before the first. Returns the exit code."""
        self._conversation = conversation
        loop = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGTERM):
            loop.add_signal_handler(number, self._closed, number)
        typing = asyncio.ensure_future(self._session.prompt_async(handle_sigint=False))
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        working = asyncio.ensure_future(self._work(begin))
        done, _ = await asyncio.wait({typing, working}, return_when=asyncio.FIRST_COMPLETED)
        if working in done:
            if self._session.app.is_running:
                self._session.app.exit(result="")
            await asyncio.wait({typing})
            working.result()
        else:
            self._waiting.clear()
            self._leaving = True
            self._wanted.set()
            conversation.stop(signal.SIGTERM if self._signal else signal.SIGINT)
            await asyncio.wait({working}, timeout=LEAVE_SECONDS)
            working.cancel()
            await asyncio.wait({working})
        with contextlib.suppress(EOFError, OSError):  # the terminal has gone
            typing.result()
        log(
            "exec-left",
            session=conversation.session_id,
            signal=signal.Signals(self._signal).name if self._signal else None,
        )
        return 128 + self._signal if self._signal else 0

    async def show(self, text: Text) -> None:
        """Put `text` above the prompt; between words where its `no_wrap` is False, else as the terminal breaks it."""
        with contextlib.suppress(OSError):
            app = self._session.app
            if app.is_running:
                # Not run_in_terminal: it gives the terminal back its echo for a moment, which puts what is
                # typed just then on the screen, and turns its Enter into a newline.
                self._screen.redrawing = True
                app.renderer.erase()
                self._screen.redrawing = False
            self._console.print(text, soft_wrap=text.no_wrap is not False)
            sys.stdout.flush()
            if app.is_running:
                app.invalidate()

    def status(self, text: str) -> None:
        """What the spinner says, "" for the usual."""
        self._status = text
        self._session.app.invalidate()

    async def _work(self, begin: Callable[[], Awaitable[None]]) -> None:
        assert self._conversation
        await begin()
        while True:
            while not self._waiting:
                if self._leaving:
                    return
                self._wanted.clear()
                await self._wanted.wait()
            message = self._waiting.popleft()
            echo = Text(self._label(), style="bold")
            await self.show(echo.append(plain(message), style="not bold"))
            self._since = time.monotonic()
            spinning = asyncio.ensure_future(self._spin())
            try:
                await self._conversation.take(message)
            finally:
                spinning.cancel()
                self._since = None
                self._hint = ""
                self._session.app.invalidate()

    async def _spin(self) -> None:
        while True:
            self._session.app.invalidate()
            await asyncio.sleep(FRAME_SECONDS)

    def _message(self) -> StyleAndTextTuples:
        found: StyleAndTextTuples = []
        if self._since is not None:
            seconds = time.monotonic() - self._since
            frame = FRAMES[int(seconds / FRAME_SECONDS) % len(FRAMES)]
            said = self._hint or shortened(self._status, 60) or "working, Ctrl-C stops"
            waiting = f" · {len(self._waiting)} waiting" if self._waiting else ""
            found.append(("class:spin", f"{frame} {duration(seconds)} · {said}{waiting}\n"))
        elif self._hint:
            found.append(("class:spin", f"{self._hint}\n"))
        short, _, rest = self._label().partition(" ")
        found += [("class:id", short), ("", " "), ("class:dir", rest[:-2]), ("class:mark", rest[-2:])]
        return found

    def _label(self) -> str:
        session_id = self._conversation.session_id if self._conversation else None
        return f"{session_id[:8] + '…' if session_id else 'new'} {self._directory} \u276f "

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("enter")
        def _(event: KeyPressEvent) -> None:
            line = event.current_buffer
            slashes = len(line.text) - len(line.text.rstrip("\\"))
            if slashes % 2 and line.document.is_cursor_at_the_end:
                line.delete_before_cursor()
                line.insert_text("\n")
                return
            text = line.text
            line.reset(append_to_history=bool(text.strip()))
            self._hint = ""
            if text.strip() in QUIT:
                self._leave()
            elif text.strip() == "/help":
                self._hint = HELP
            elif text.strip():
                self._waiting.append(text)
                self._wanted.set()

        @keys.add("escape", "enter")
        @keys.add("c-j")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @keys.add("c-c")
        @keys.add(Keys.SIGINT)
        def _(event: KeyPressEvent) -> None:
            self._interrupt()

        @keys.add("c-d")
        def _(event: KeyPressEvent) -> None:
            if event.current_buffer.text:
                event.current_buffer.delete()
            else:
                self._leave()

        return keys

    def _leave(self) -> None:
        """The user is done: at once, or after the turn that runs; asked again, at once."""
        if self._leaving or not (self._waiting or self._since is not None):
            self._session.app.exit(result="")
        else:
            self._leaving = True
            self._hint = "leaves when this is done; Ctrl-D again leaves now"

    def _interrupt(self) -> None:
        if self._since is not None and self._conversation:
            self._conversation.stop()
            self._hint = "stopping"
        elif self._session.default_buffer.text:
            self._session.default_buffer.reset()
        else:
            self._hint = "Ctrl-D leaves; the conversation stays with this pane"
        self._session.app.invalidate()

    def _closed(self, number: int) -> None:
        self._signal = number
        if self._session.app.is_running:
            self._session.app.exit(result="")


def keys_of(typed: bytes) -> list[KeyPress]:
    """The key presses that `typed` bytes are."""
    found: list[KeyPress] = []
    parser = Vt100Parser(found.append)
    parser.feed(typed.decode("utf-8", "replace"))
    parser.flush()
    return found


def tilde(path: str) -> str:
    """`path` with the home directory as `~`."""
    home = os.path.expanduser("~")
    if path == home or path.startswith(home + "/"):
        return "~" + path[len(home) :]
    return path
