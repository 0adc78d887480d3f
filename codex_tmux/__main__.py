"""The `codex-tmux` command: dispatch, and the one place where errors become a line and an exit code.

What tmux itself starts (`sync`, `run`, …) is dispatched here by name, before the command line library is imported: it
starts in every pane and at every event.
"""

import os
import sys

from codex_tmux.errors import Problem
from codex_tmux.plain_text import plain_line


def main() -> int:
    """Run `codex-tmux`; returns the exit code (0 done, 1 failed, 2 misuse, 130 interrupted)."""
    args = sys.argv[1:]
    asks_for_help = args[1:2] in (["-h"], ["--help"])
    if args[:1] == ["sync"] and not asks_for_help:
        from codex_tmux.tracking.sync import main as sync_main

        return sync_main(args[1:])
    if args == ["load"] and not sys.stdout.isatty():
        from codex_tmux.launcher import load

        return load()  # tmux waits for it while it reads its configuration
    if (buffer := os.environ.get("CODEX_TMUX_LAY", "")) and args[:1] in (["run"], ["exec"]):
        from codex_tmux.sleeping.last_screen import draw

        return draw(buffer)
    if args[:1] == ["run"] and not asks_for_help:
        from codex_tmux.pane.run import main as run_main

        try:
            run_main(args[1:])
        except Problem as e:
            # The line that tmux draws in a dead pane scrolls the first one off the screen.
            print(f"\ncodex-tmux: {plain_line(str(e))}", file=sys.stderr)
            return 1
    from codex_tmux.cli import main as cli_main

    return cli_main(args)


if __name__ == "__main__":
    sys.exit(main())
