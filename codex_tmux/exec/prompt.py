"""The terminal of a conversation pane: the line one types into, and the turn that shows itself below it."""

import os
import sys

from prompt_toolkit import PromptSession
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.output.vt100 import Vt100_Output

from codex_tmux.exec.conversation import Conversation
from codex_tmux.plain_text import plain_line, shortened, tilde

QUIT = ("/quit", "/exit")
HELP = "Enter sends · Alt-Enter: new line · Ctrl-C stops a turn · Ctrl-D or /quit leaves"
"""What Codex's own commands are answered here: `codex exec` would take them for messages."""


def talk(conversation: Conversation) -> None:
    keys = KeyBindings()
    keys.add("escape", "enter")(lambda event: event.current_buffer.insert_text("\n"))
    screen = Vt100_Output.from_pty(sys.stdout, term=os.environ.get("TERM"))
    # Nothing here needs the cursor's position, and asking mixes answers into what is typed.
    screen.enable_cpr = False
    directory = shortened(plain_line(tilde(conversation.launch.cwd)), 60)
    session: PromptSession[str] = PromptSession(prompt_continuation="  ", key_bindings=keys, output=screen)
    while True:
        # A session id begins with the clock: its end tells two panes apart.
        short = f"…{conversation.session_id[-8:]}" if conversation.session_id else "new"
        try:
            text = session.prompt([("ansicyan", short), ("ansiblue", f" {directory}"), ("bold", " \u276f ")])
            if text.strip() in QUIT:
                return
            if text.strip() == "/help":
                conversation.view.note(HELP)
            elif text.strip():
                # What is pasted during the turn waits for the next prompt, which is to know it as pasted.
                screen.enable_bracketed_paste()
                screen.flush()
                conversation.take(text)
        except KeyboardInterrupt:
            conversation.view.note("Ctrl-D leaves; the conversation stays with this pane")
        except EOFError:
            return
