"""Write what is in the documentation and in the program: the manual page, and the command list in docs/commands.md.

Run by `make man`; a test fails where they differ from the program.
"""

from __future__ import annotations

import re
from pathlib import Path

import click

from codex_tmux import __version__
from codex_tmux.cli import cli

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "commands.md"
MANUAL = ROOT / "docs" / "codex-tmux.1"
HELP = re.compile(r"(<!-- codex-tmux --help -->\n```text\n).*?(```\n<!-- end -->)", re.DOTALL)


def page(text: str) -> str:
    """`text`, docs/commands.md, with the command list of this program in its place."""
    context = click.Context(
        cli, info_name="codex-tmux", terminal_width=80, max_content_width=80, **cli.context_settings
    )
    help_text = cli.get_help(context) + "\n"
    return HELP.sub(lambda found: found[1] + help_text + found[2], text)


def manual() -> str:
    """The manual page, in man(7)'s language."""
    context = click.Context(cli, info_name="codex-tmux", **cli.context_settings)
    version = __version__
    lines = [
        ".\\\" Written by docs/generate.py from the program's own help.",
        f'.TH CODEX\\-TMUX 1 "" "codex\\-tmux {roff(version)}" "User Commands"',
        ".SH NAME",
        "codex\\-tmux \\- keep each Codex conversation attached to its tmux pane",
        ".SH SYNOPSIS",
        ".B codex\\-tmux",
        ".RI [ options ]",
        ".I command",
        ".RI [ arguments ]",
        ".SH DESCRIPTION",
        *paragraphs(cli.help or ""),
        ".SH OPTIONS",
        *options(cli, context),
        ".SH COMMANDS",
    ]
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        if command is not None and not command.hidden:
            lines += section(name, command, context)
    lines += [
        ".SH EXIT STATUS",
        "0 done, 1 failed, 2 misuse, 130 interrupted.",
        ".SH ENVIRONMENT",
        ".TP",
        ".B CODEX_HOME",
        "Codex's home; default ~/.codex.",
        ".TP",
        ".B CODEX_TMUX_STATE_DIR",
        "Where codex\\-tmux keeps its state; default $XDG_STATE_HOME/codex\\-tmux, else ~/.local/state/codex\\-tmux.",
        ".TP",
        ".B NO_COLOR",
        "If set, no colours.",
        ".SH SEE ALSO",
        ".BR tmux (1)",
    ]
    return "\n".join(lines) + "\n"


def section(name: str, command: click.Command, parent: click.Context) -> list[str]:
    """The part about one command."""
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [f".SS {roff(name)}", ".nf", f"\\fBcodex\\-tmux {roff(name)}\\fR {roff(usage)}", ".fi"]
    lines += paragraphs(command.help or "")
    lines += options(command, context)
    if command.epilog:
        lines += paragraphs(command.epilog)
    return lines


def options(command: click.Command, context: click.Context) -> list[str]:
    """A tagged list of the command's options."""
    lines = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            names, text = record
            lines += [".TP", f"\\fB{roff(names)}\\fR", *([roff(text)] if text else [])]
    return lines


def paragraphs(text: str) -> list[str]:
    """Help text as paragraphs."""
    lines = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        kept = paragraph.lstrip().startswith("\b")
        body = [line.strip() for line in paragraph.replace("\b", "").strip().splitlines()]
        lines += [
            ".PP",
            *([".nf"] if kept else []),
            *(roff(line) for line in body),
            *([".fi"] if kept else []),
        ]
    return lines


def roff(text: str) -> str:
    """`text` as man(7) prints it: no macro at the start of a line, hyphens that can be copied."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def main() -> None:
    """Write both."""
    PAGE.write_text(page(PAGE.read_text()))
    MANUAL.write_text(manual())


if __name__ == "__main__":
    main()
