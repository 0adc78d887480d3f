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
    if is_of("pipx_metadata.json"):
        return "pipx uninstall codex-tmux"
    if is_of("uv-receipt.toml"):
        return "uv tool uninstall codex-tmux"
    if root().name == ".venv":
        return f"rm -r {with_tilde(str(root()))}"
    return "pip uninstall codex-tmux"


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


def remove(yes: bool) -> None:
    """Remove the link that `offer` made; those of pipx and uv are left to them."""
    link = Path(LINK).expanduser()
    if not link.is_symlink() or is_of("pipx_metadata.json") or is_of("uv-receipt.toml"):
        return
    if os.path.realpath(link) != os.path.realpath(own()):
        return
    if yes or (sys.stdin.isatty() and click.confirm(f"Remove the link {LINK}?", default=True)):
        link.unlink()
        click.echo(f"removed: {LINK}")
