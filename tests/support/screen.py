"""What a person sees: a tmux client whose terminal is a pane of another tmux server, where it can be read."""

import subprocess
from types import TracebackType

from tests.support.world import Sandbox


class Screen:
    """A client of the sandbox's tmux server, with its popups, menus and messages; a context manager."""

    def __init__(self, sandbox: Sandbox, width: int = 120, height: int = 40) -> None:
        self.sandbox = sandbox
        self.width = width
        self.height = height
        self._tmux = ["tmux", "-u", "-S", str(sandbox.short / "screen"), "-f", "/dev/null"]

    def __enter__(self) -> "Screen":
        before = len(self.sandbox.tmux("list-clients").splitlines())
        size = ("-x", str(self.width), "-y", str(self.height))
        inner = ("env", "-u", "TMUX", "TERM=screen-256color")
        attach = ("tmux", "-u", "-S", str(self.sandbox.socket), "attach-session", "-t", "main")
        self._run("new-session", "-d", *size, *inner, *attach, ";", "set-option", "-g", "status", "off")
        # tmux 3.2a gives a detached session 24 lines, whatever it is asked for.
        self._run("resize-window", *size)
        self.sandbox.wait_for(
            lambda: len(self.sandbox.tmux("list-clients").splitlines()) > before, 20, "the client to attach"
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run([*self._tmux, "kill-server"], capture_output=True)

    def _run(self, *args: str) -> str:
        env = self.sandbox.env
        done = subprocess.run(
            [*self._tmux, *args], env=env, capture_output=True, text=True, timeout=30, check=True
        )
        return done.stdout

    def keys(self, *keys: str) -> None:
        """Press keys, by tmux's names for them."""
        self._run("send-keys", *keys)

    def type(self, text: str) -> None:
        """Type text."""
        self._run("send-keys", "-l", text)

    def text(self, colours: bool = False) -> str:
        """The screen, with `colours` as a terminal would be told to draw it."""
        return self._run("capture-pane", "-p", *(["-e"] if colours else []))

    def wait(self, text: str, timeout: float = 15.0) -> str:
        """Wait until `text` is on the screen; the screen."""
        return self._wait(lambda seen: text in seen, timeout, repr(text))

    def wait_gone(self, text: str, timeout: float = 15.0) -> str:
        """Wait until `text` is not on the screen; the screen."""
        return self._wait(lambda seen: text not in seen, timeout, f"{text!r} to go")

    def _wait(self, wanted, timeout: float, what: str) -> str:  # type: ignore[no-untyped-def]
        seen = ""

        def look() -> str:
            nonlocal seen
            seen = self.text()
            return seen if wanted(seen) else ""

        try:
            return self.sandbox.wait_for(look, timeout, f"{what} on the screen")
        except Exception as e:
            e.add_note(f"the screen:\n{seen}") if hasattr(e, "add_note") else print(seen)
            raise

    def pane(self) -> str:
        """The pane of the sandbox's server that the client is in."""
        # Not display-message: its -c takes no client in tmux 3.2a.
        return self.sandbox.tmux("list-clients", "-F", "#{pane_id}").splitlines()[0]
