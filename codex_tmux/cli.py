"""The commands people type. Each lives in a module of its own, imported when it is asked for."""

import importlib
import os
import sys
from typing import Any

import click

from codex_tmux import __version__
from codex_tmux.errors import Problem
from codex_tmux.plain_text import plain_line

COMMANDS = {
    "list": "codex_tmux.commands.list_panes",
    "pick": "codex_tmux.commands.pick.command",
    "next": "codex_tmux.commands.next_waiting",
    "approve": "codex_tmux.commands.daemon.approve",
    "tell": "codex_tmux.commands.daemon.tell",
    "wait": "codex_tmux.commands.daemon.wait",
    "respawn": "codex_tmux.commands.respawn",
    "fork": "codex_tmux.commands.fork",
    "undo": "codex_tmux.commands.undo",
    "restore": "codex_tmux.commands.restore",
    "adopt": "codex_tmux.commands.adopt",
    "forget": "codex_tmux.commands.forget",
    "status": "codex_tmux.commands.status",
    "log": "codex_tmux.commands.show_log",
    "run": "codex_tmux.cli:run",
    "sync": "codex_tmux.cli:sync",
    "setup": "codex_tmux.setup.setup",
    "install": "codex_tmux.setup.install",
    "load": "codex_tmux.setup.install:load_now",
    "uninstall": "codex_tmux.setup.uninstall",
    "doctor": "codex_tmux.setup.doctor",
    "selftest": "codex_tmux.selftest.command",
    "exec": "codex_tmux.exec.command",
    "completion": "codex_tmux.commands.completion",
}
"""Command name → the module whose `command` it is (or `module:name`), in the order `--help` lists them."""


FIRST_WORD = "sync and run come right behind codex-tmux"
"""`codex_tmux.__main__` starts these two without this module, by the first word: here is only their help."""


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        name, _, attribute = module.partition(":")
        command: Any = getattr(importlib.import_module(name), attribute or "command")
        assert isinstance(command, click.Command)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="codex-tmux")
def cli() -> None:
    """Keep each Codex conversation attached to its tmux pane.

    Kill the pane, crash it, respawn it, restart tmux or reboot: the same pane resumes the same conversation.
    """


@click.command(epilog="Example: codex-tmux sync")
def sync() -> None:
    """Update records and panes now.

    The plugin's hooks call this; you hardly ever need it. It prints nothing and always exits 0. Errors go to the log
    (codex-tmux log).
    """
    raise click.UsageError(FIRST_WORD)


@click.command(
    epilog="Example: tmux new-window -n api codex-tmux run -- -m gpt-5",
    context_settings={"ignore_unknown_options": True},
)
@click.option("--shell", is_flag=True, help="Start your shell when Codex ends, instead of closing the pane.")
@click.option("--fresh", is_flag=True, help="Start a new session.")
@click.argument("codex_args", nargs=-1, type=click.UNPROCESSED, metavar="[-- CODEX ARGS]")
def run(**_: object) -> None:
    """Start Codex in this pane, resuming its session.

    A pane with this command resumes its conversation at every respawn. Prompts are never sent again. Flags after `--`
    are used at every start.
    """
    raise click.UsageError(FIRST_WORD)


def main(args: list[str]) -> int:
    """Run the command line `args` (without the program name); returns the exit code."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    try:
        # None: click leaves colours out where no terminal shows them.
        colour = False if plain else None
        code = cli.main(args, prog_name="codex-tmux", standalone_mode=False, color=colour)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as e:
        return e.exit_code
    except click.ClickException as e:
        e.show()
        return e.exit_code
    except (click.Abort, KeyboardInterrupt):
        print("codex-tmux: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader has seen enough (`… | head`); nothing may be written any more, not even at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Problem as e:
        # Names of programs, directories and tmux sessions stand in it.
        print(f"codex-tmux: {plain_line(str(e))}", file=sys.stderr)
        return 1
