"""A new pane that comes up with Codex: by `codex-tmux run`, so that any respawn of it comes back right."""

import os
from collections.abc import Mapping, Sequence

from codex_tmux.sleeping.resume import run_command
from codex_tmux.state.launch import Launch
from codex_tmux.state.pane_options import Option, encode_launch, pane_options
from codex_tmux.tmux.server import Server, literal


def open_pane(
    server: Server,
    new: list[str],
    launch: Launch,
    options: Mapping[str, str],
    at_once: Sequence[Sequence[str]] = (),
) -> str:
    """The pane that the tmux command `new` opens, with these options of its own; its id. Raises TmuxError.

    `at_once`: what tmux does before the pane's process can ask it anything.
    """
    cwd = launch.cwd if os.path.isdir(launch.cwd) else os.path.expanduser("~")
    # In one call: the pane's process asks for these options only after tmux has set them. tmux sets them on the new
    # pane, which is the current one of the call by then.
    commands = [
        # Directories are expanded as formats.
        [*new, "-c", literal(cwd), *run_command(server, launch)],
        *at_once,
        *pane_options("", {**options, Option.LAUNCH: encode_launch(launch), Option.MARK: "1"}),
        ["display-message", "-p", "#{pane_id}"],
    ]
    return server.run_commands(commands)
