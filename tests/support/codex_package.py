"""Codex's package, linked: the shared daemon runs a copy of Codex, 400 MB, that it puts into each `CODEX_HOME`."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from codex_tmux.selftest.model import Model
from codex_tmux.selftest.world import World, cache_dir, clear, codex_version

LARGE_FILE = 1 << 20
"""Bytes from which a file of Codex's package is hard-linked; smaller ones Codex may rewrite in place."""


def use_package(codex: str, home: Path) -> None:
    """Give `home` the package by hard links, so that a first start neither copies nor takes room."""
    real = os.path.realpath(codex)
    stat = os.stat(real)
    what = f"{codex_version(codex)} {real} {stat.st_size} {stat.st_mtime_ns} {stat.st_ino}"
    base = cache_dir() / "templates"
    base.mkdir(parents=True, exist_ok=True, mode=0o700)
    template = base / hashlib.sha256(what.encode()).hexdigest()[:12]
    # Test runners start several worlds at once.
    with open(template.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (template / "done").exists():
            shutil.rmtree(template, ignore_errors=True)
            template.mkdir(mode=0o700)
            make_template(codex, template)
            (template / "done").write_text(what + "\n")
    copy_linked(template, home, "packages")


def make_template(codex: str, template: Path) -> None:
    """Have this very Codex put its package there. Codex without the daemon (before 0.157) leaves it empty."""
    with contextlib.closing(World(codex, Model())) as world:
        with contextlib.suppress(subprocess.TimeoutExpired):
            command = [codex, "app-server", "daemon", "start"]
            subprocess.run(command, env=world.env, capture_output=True, timeout=60)
        clear(world.root, keep=True)
        copy_linked(world.codex_home, template, "packages")


def copy_linked(source: Path, target: Path, name: str) -> None:
    """Copy the directory `name` of a home, if it is there, to another home."""
    if not (source / name).is_dir():
        return
    shutil.copytree(source / name, target / name, symlinks=True, copy_function=link_large)
    for link in (target / name).rglob("*"):
        # Absolute links point into the home that made them; with one left pointing there Codex hangs.
        if link.is_symlink() and (to := os.readlink(link)).startswith(f"{source}/"):
            link.unlink()
            link.symlink_to(str(target) + to[len(str(source)) :])


def link_large(source: str, target: str) -> None:
    """Copy a file, or link it where it is large."""
    if os.path.getsize(source) >= LARGE_FILE:
        os.link(source, target)
    else:
        shutil.copy2(source, target)
