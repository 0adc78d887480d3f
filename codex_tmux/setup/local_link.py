"""The link in ~/.local/bin by which a codex-tmux from a checkout is found; pipx and uv make their own."""

import os
import shutil
import sys
from pathlib import Path

import click

from codex_tmux.launcher import LINK, NAME, own, with_tilde


def root() -> Path:
    return Path(os.path.realpath(own())).parent.parent


def is_of(tool_file: str) -> bool:
    return (root() / tool_file).exists()


def removal() -> str:
    """The command that removes this program, and the link to it."""
    if is_of("pipx_metadata.json"):
        return "pipx uninstall codex-tmux"
    if is_of("uv-receipt.toml"):
        return "uv tool uninstall codex-tmux"
    link = Path(LINK).expanduser()
    linked = link.is_symlink() and os.path.realpath(link) == os.path.realpath(own())
    removal = f"rm -r {with_tilde(str(root()))}" if root().name == ".venv" else "pip uninstall codex-tmux"
    return f"{removal}; rm {LINK}" if linked else removal


def offer(yes: bool) -> None:
    """Where `codex-tmux` is not on PATH: offer the link, and say if its directory is not on PATH either."""
    link = Path(LINK).expanduser()
    if shutil.which(NAME) is None and not os.path.lexists(link):
        target = own()
        click.echo(f"codex-tmux is not on your PATH. A link would help: {LINK} -> {target}")
        if yes or (sys.stdin.isatty() and click.confirm("Make it?", default=True)):
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target)
            click.echo(f"linked: {LINK}")
    if link.exists() and shutil.which(NAME) is None:
        click.echo("~/.local/bin is not on your PATH: add it in your shell's startup file.")
