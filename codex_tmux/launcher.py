"""The command `codex-tmux` itself: where it is, how the user can type it, how it loads the plugin."""

import os
import shlex
import sys

from codex_tmux.paths import on_path

NAME = "codex-tmux"
LINK = "~/.local/bin/codex-tmux"
PACKAGE = os.path.dirname(os.path.abspath(__file__))


def plugin_file() -> str:
    """`codex.tmux`: of this checkout, else the one the wheel brought."""
    checkout = os.path.join(os.path.dirname(PACKAGE), "codex.tmux")
    return checkout if os.path.exists(checkout) else os.path.join(PACKAGE, "share", "codex.tmux")


def own() -> str:
    """The script that started this program, else the one beside its interpreter."""
    started = os.path.abspath(sys.argv[0])
    if os.path.basename(started) == NAME and os.access(started, os.X_OK):
        return started
    return os.path.join(os.path.dirname(sys.executable), NAME)


def program() -> str:
    """The path of this codex-tmux that lasts: a name that leads to it, and stays when pipx, uv or Python change."""
    script = own()
    for name in (on_path(NAME), os.path.expanduser(LINK)):
        if name and os.path.exists(name) and os.path.exists(script) and os.path.samefile(name, script):
            return os.path.abspath(name)
    return script


def typed(*args: str) -> str:
    """A command line of codex-tmux that the user can type: by its full path where it is not on PATH."""
    name = NAME if on_path(NAME) else with_tilde(program())
    return " ".join([name, *(shlex.quote(a) for a in args)])


def with_tilde(path: str) -> str:
    """A path as one word for sh, `~` for the home directory where nothing in it needs a quote."""
    home = os.path.expanduser("~").rstrip("/") + "/"
    rest = path[len(home) :]
    return f"~/{rest}" if path.startswith(home) and shlex.quote(rest) == rest else shlex.quote(path)


def load() -> int:
    """Become the script that loads the plugin into the tmux server that TMUX names. Prints nothing."""
    os.environ["CODEX_TMUX_HELPER"] = own()
    os.execv("/bin/sh", ["/bin/sh", plugin_file()])
