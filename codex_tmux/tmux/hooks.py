"""The hooks of the plugin: `plugin/hooks.tmux` is the one list of them."""

import os
import re

from codex_tmux.log import log
from codex_tmux.tmux.server import Reading, Server, quote

OURS = re.compile(r"^set-hook -g ([a-z-]+\[8470\])", re.MULTILINE)


def hooks_file(directory: str) -> str:
    return os.path.join(directory, "plugin", "hooks.tmux")


def missing(directory: str, shown: str) -> list[str]:
    """Our hooks, `name[8470]`, that are not in what show-hooks printed. Raises OSError where the plugin has gone."""
    with open(hooks_file(directory), encoding="utf-8") as file:
        wanted = OURS.findall(file.read())
    there = {line.partition(" ")[0] for line in shown.splitlines()}
    return [name for name in dict.fromkeys(wanted) if name not in there]


def mend(server: Server, reading: Reading) -> None:
    """Put our hooks back where an un-indexed `set-hook` of the user's has deleted them; theirs stay."""
    directory = reading.server["@codex_dir"]
    try:
        gone = missing(directory, reading.hooks) if directory else []
    except OSError:
        return  # the plugin has moved, and is loaded again from where it is
    if not gone:
        return
    log("hooks.missing", hooks=" ".join(gone), mended_from=directory)
    # source-file takes its path for a pattern. A plugin that has been unloaded since stays so.
    path = "".join(f"\\{c}" if c in "[]*?\\" else c for c in hooks_file(directory))
    server.try_run("if-shell", "-F", "#{@codex_dir}", f"source-file {quote(path)}")
