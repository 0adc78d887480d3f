"""Shells by their command lines: which one people type into, which one only runs a command or a script."""

import os
from collections.abc import Sequence

BELOW = 'm=$(stty -g); trap : INT QUIT; "$@"; stty "$m"; exec "$0"'
"""For `sh -c`: a command, and then the shell that stands before it. A Ctrl-C before Codex has the terminal is for Codex
alone: dash would end with it, and the pane with dash. A killed Codex leaves the terminal without echo, and a bash that
starts in it would not echo either."""
SHELLS = ("sh", "bash", "zsh", "fish", "dash", "ash", "ksh", "ksh93", "mksh", "tcsh", "csh", "nu", "xonsh")
_VALUED = ("--rcfile", "--init-file", "-O", "+O", "-o", "+o", "-C", "--init-command", "-d", "-D")
"""Options of these shells whose value is a word of its own, and so is no script."""


def shell_name(argv: Sequence[str]) -> str:
    for word in argv[:2]:  # `python3 /usr/bin/xonsh`
        name = os.path.basename(word).removeprefix("-")
        if name in SHELLS and (word is argv[0] or name == "xonsh"):
            return name
    return ""


def runs_one_command(argv: Sequence[str]) -> bool:
    """`sh -c …`, as tmux runs a pane's command: when that ends there is no shell to come back to."""
    return command_at(argv) > 0


def runs_below(argv: Sequence[str]) -> bool:
    """Whether this is the shell of BELOW: called `codex`, so that tmux names the window so, and no Codex itself."""
    return len(argv) > 2 and argv[1] == "-c" and '"$@"; ' in argv[2] and 'exec "$0"' in argv[2]


def is_typed_into(argv: list[str], cwd: str) -> bool:
    """Whether this is a shell that people type into, or will be: not `sh -c …`, not one that runs a script."""
    if runs_below(argv):
        return True
    if not shell_name(argv) or runs_one_command(argv):
        return False
    script = _script(argv)
    return not script or not os.path.isfile(os.path.join(cwd, script))


def script_text(argv: list[str], cwd: str) -> str:
    """What a shell that nobody types into runs; "" where that cannot be read."""
    at = command_at(argv)
    if at:
        return argv[at] if at < len(argv) else ""
    try:
        with open(os.path.join(cwd, _script(argv)), "rb") as file:
            return os.fsdecode(file.read())
    except (OSError, ValueError):
        return ""


def command_at(argv: Sequence[str]) -> int:
    """Where the command of `sh -c …` stands, there or not; 0 where there is no `-c`."""
    if shell_name(argv):
        for at, word in enumerate(argv[1:], 2):
            if argv[at - 2] in _VALUED:
                continue
            if not word.startswith("-"):
                break
            if word == "--command" or ("c" in word and not word.startswith("--")):
                return at
    return 0


def _script(argv: Sequence[str]) -> str:
    """The script that a shell's command line names; "" for none."""
    before = ""
    for word in argv[1:] if shell_name(argv[:1]) else argv[2:]:
        if not word.startswith(("-", "+")) and before not in _VALUED:
            return word
        before = word
    return ""
