"""The plugin's shell scripts with the tools of a small system: busybox's `sh`, `sed`, `grep` and `awk`, not GNU's."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.world import Sandbox, plugin_file

TOOLS = ("sh", "sed", "grep", "awk", "tr", "cut", "dirname", "sort", "head", "cat", "printf", "id", "date")


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A directory with busybox under the names of the tools that it has."""
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("no busybox here")
    has = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for name in TOOLS:
        if name in has:
            (tmp_path / name).symlink_to(busybox)
    return tmp_path


def bindings(world: Sandbox) -> list[str]:
    """What the plugin has put into tmux: hooks, aliases and keys."""
    listed = world.tmux(
        "show-hooks", "-g", ";", "show-hooks", "-gw", ";", "show-options", "-s", ";", "list-keys"
    )
    return [line for line in listed.splitlines() if "@codex_" in line or "codex-tmux" in line]


def test_loaded_and_unloaded_by_busybox_all_is_as_by_any_other(sandbox: Sandbox, tools: Path) -> None:
    config = "bind-key X respawn-pane -k\nset-hook -g pane-died[8470] 'display-message mine'"
    sandbox.start_server(config=config)
    before = sandbox.tmux("show-hooks", "-g", ";", "list-keys")

    def run(script: Path, path: str) -> None:
        subprocess.run(["sh", str(script)], env={**inside, "PATH": path}, check=True)

    inside = sandbox.inside
    usual, unload = inside["PATH"], plugin_file().parent / "plugin" / "unload"
    run(plugin_file(), usual)
    wanted = bindings(sandbox)
    assert any("@codex_" in line for line in wanted)
    run(unload, f"{tools}:{usual}")
    assert bindings(sandbox) == []
    assert sandbox.tmux("show-hooks", "-g", ";", "list-keys") == before
    run(plugin_file(), f"{tools}:{usual}")
    assert bindings(sandbox) == wanted
    run(unload, usual)
    assert sandbox.tmux("show-hooks", "-g", ";", "list-keys") == before
