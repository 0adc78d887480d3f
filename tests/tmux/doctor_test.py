"""`codex-tmux doctor`: it names what was broken on purpose, nothing on a healthy machine, and its remedies work."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.world import Sandbox
from tests.tmux.list_test import on_screen

Checks = dict[str, dict[str, Any]]


@pytest.fixture
def world(sandbox: Sandbox) -> Sandbox:
    """A healthy machine, with a conversation."""
    sandbox.start_server(load_plugin=True)
    sandbox.talk("first")
    sandbox.quiet()
    return sandbox


def examined(world: Sandbox) -> Checks:
    """What doctor found, by name; it fails where something is broken."""
    done = world.helper_result("doctor", "--json")
    said = json.loads(done.stdout)
    assert said["version"] == 1
    assert all(set(check) == {"name", "status", "detail", "fix"} for check in said["checks"])
    found = {check["name"]: check for check in said["checks"]}
    assert done.returncode == int("broken" in named(found).values()), said
    return found


def named(checks: Checks) -> dict[str, str]:
    """The status of what is not in order."""
    return {name: check["status"] for name, check in checks.items() if check["status"] != "ok"}


def wait_named(world: Sandbox, **expected: str) -> Checks:
    """What doctor found, once it names just this."""
    return world.wait_for(
        lambda: found if named(found := examined(world)) == expected else {}, 20, f"{expected} to be named"
    )


def script(world: Sandbox, name: str, prints: str, of: str = "env sh") -> Path:
    path = world.root / name
    path.write_text(f"#!/usr/bin/{of}\necho '{prints}'\n")
    path.chmod(0o755)
    return path


def set_option(name: str, value: str) -> Callable[[Sandbox], object]:
    return lambda world: world.tmux("set-option", "-g", name, value)


def write_state(text: str) -> Callable[[Sandbox], object]:
    return lambda world: (world.state_dir / "state.toml").write_text(text)


def put_full_in_place_of_the_log(world: Sandbox) -> None:
    (world.state_dir / "log").unlink()
    (world.state_dir / "log").symlink_to("/dev/full")


FAULTS: dict[str, tuple[Callable[[Sandbox], object], str, str]] = {
    "a hook deleted": (
        lambda w: w.tmux("set-hook", "-g", "pane-died", "display-message x"),
        "bindings",
        "broken",
    ),
    "an alias deleted": (lambda w: w.tmux("set-option", "-su", "command-alias[8471]"), "bindings", "broken"),
    "an alias taken": (
        lambda w: w.tmux("set-option", "-s", "command-alias[8470]", "x=kill-pane"),
        "bindings",
        "broken",
    ),
    "a key taken": (lambda w: w.tmux("bind-key", "R", "source-file", "~/.tmux.conf"), "bindings", "warning"),
    "the helper uninstalled": (set_option("@codex_word", "/nowhere/codex-tmux"), "helper", "broken"),
    "another helper": (
        lambda w: w.tmux(
            "set-option", "-g", "@codex_word", str(script(w, "codex-tmux", "codex-tmux, version 0.0.1"))
        ),
        "helper",
        "warning",
    ),
    "a helper that is none": (
        lambda w: w.tmux("set-option", "-g", "@codex_word", str(script(w, "codex-tmux", "no python"))),
        "helper",
        "broken",
    ),
    "no such Codex": (set_option("@codex-command", "/nowhere/codex --search"), "codex", "broken"),
    "no id in the title": (
        lambda w: (w.codex_home / "config.toml").write_text('model = "mock"\n'),
        "title",
        "warning",
    ),
    "an open state directory": (lambda w: w.state_dir.chmod(0o755), "state", "warning"),
    "a state directory without a right to write": (lambda w: w.state_dir.chmod(0o500), "state", "broken"),
    "a broken state file": (write_state("version = 1\n[[panes"), "state", "broken"),
    "a log that cannot be written": (
        put_full_in_place_of_the_log,
        "state",
        "warning",
    ),
    "a disk that was full": (set_option("@codex_fault", "No space left on device"), "state", "broken"),
    "a broken entry in the state file": (
        write_state("version = 1\n[[panes]]\nmode = 7\n"),
        "state",
        "broken",
    ),
    "resurrect told to start Codex": (
        set_option("@resurrect-processes", "ssh '~codex->codex'"),
        "conflicts",
        "broken",
    ),
}


@pytest.mark.parametrize("faults", [list(FAULTS)[i::2] for i in range(2)], ids=["one half", "the other"])
def test_a_fault_is_named_alone_and_its_remedy_mends_it(world: Sandbox, faults: list[str]) -> None:
    """One after the other on one machine: what a remedy leaves behind would be named with the next."""
    for fault in faults:
        plant, name, status = FAULTS[fault]
        world.quiet()  # a sync that still runs would mend it
        plant(world)
        remedy = wait_named(world, **{name: status})[name]["fix"]
        done = subprocess.run(
            ["sh", "-c", remedy.replace("codex-tmux setup", "codex-tmux setup -y")],
            env=world.inside,
            cwd=world.work,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, (fault, remedy, done.stderr)
    wait_named(world)


def test_a_healthy_machine(world: Sandbox) -> None:
    checks = examined(world)
    assert named(checks) == {}
    assert list(checks) == ("tmux plugin bindings helper conflicts tmux.conf codex title state".split())
    assert all(check["fix"] is None for check in checks.values())


# Those whose remedy is nothing to run in a test.
MORE_FAULTS: dict[str, tuple[Callable[[Sandbox], object], str, str, str]] = {
    "an old Codex": (
        lambda w: w.tmux("set-option", "-g", "@codex-command", str(script(w, "codex", "codex-cli 0.98.0"))),
        "codex",
        "warning",
        "npm install -g @openai/codex@latest",
    ),
    "npm's Codex without its node": (
        lambda w: w.tmux(
            "set-option", "-g", "@codex-command", str(script(w, "codex", "", "env node-of-a-shell"))
        ),
        "codex",
        "broken",
        'tmux set-environment -g PATH "$PATH"',
    ),
    "a config that Codex cannot read": (
        lambda w: (w.codex_home / "config.toml").write_text("[tui\n"),
        "title",
        "broken",
        "config.toml",
    ),
    "a state file of a newer codex-tmux": (write_state("version = 2\n"), "state", "broken", "upgrade"),
    "another plugin that resumes Codex": (
        set_option("@plugin", "someone/tmux-assistant-resurrect"),
        "conflicts",
        "warning",
        "tmux-assistant-resurrect",
    ),
}


def test_another_fault_is_named_beside_those_that_are_there(world: Sandbox) -> None:
    there: dict[str, str] = {}
    for fault, (plant, name, status, remedy) in MORE_FAULTS.items():
        plant(world)
        there[name] = status
        checks = examined(world)
        assert named(checks) == there, fault
        assert remedy in checks[name]["fix"]


def test_each_home_in_use_is_looked_at(world: Sandbox) -> None:
    home = world.new_home(".other")
    (home / "config.toml").write_text((home / "config.toml").read_text().replace("thread-id", "model"))
    pane = world.new_pane("env", f"CODEX_HOME={home}", "codex")
    world.ask(pane, "there")
    world.helper("list")
    checks = examined(world)
    assert named(checks) == {"title": "warning"}
    assert checks["title"]["fix"] == f"codex-tmux setup --codex-home {home}"


def test_the_plugin_is_not_loaded(sandbox: Sandbox) -> None:
    sandbox.start_server()
    checks = examined(sandbox)
    assert checks["plugin"]["status"] == "broken"
    assert checks["plugin"]["fix"] == "codex-tmux install", "so that the next server has it too"
    sandbox.helper("install", "--yes")
    sandbox.wait_for(lambda: examined(sandbox)["plugin"]["status"] == "ok", 20, "the plugin")


def test_without_a_tmux_server(sandbox: Sandbox) -> None:
    checks = examined(sandbox)
    assert named(checks) == {"tmux": "warning"}


def test_it_mends_nothing_by_itself(world: Sandbox) -> None:
    world.tmux("set-hook", "-gu", "pane-exited")
    (world.state_dir / "state.toml").write_text("[[broken")
    for _ in range(2):
        assert named(examined(world)) == {"bindings": "broken", "state": "broken"}
    assert [p.name for p in world.state_dir.iterdir() if "broken" in p.name] == []


def test_on_a_screen(sandbox: Sandbox) -> None:
    sandbox.start_server(load_plugin=True, width=80, height=24)
    sandbox.tmux("set-option", "-g", "@codex-command", "/nowhere/codex")
    lines = on_screen(sandbox, "codex-tmux doctor")
    at = next(n for n, line in enumerate(lines) if line.startswith("broken"))
    assert lines[at].startswith("broken   codex      @codex-command is /nowhere/codex")
    assert lines[at + 1].strip() == "→ tmux set-option -gu @codex-command"
    assert lines[-1] == "1 broken"
    assert all(line[9:20].strip() for line in lines if line.startswith("ok"))
    coloured = "\n".join(on_screen(sandbox, "codex-tmux doctor", colours=True))
    assert "\x1b[31mbroken" in coloured
    assert "\x1b[3" not in "".join(on_screen(sandbox, "NO_COLOR=1 codex-tmux doctor", colours=True))
    assert "\x1b" not in sandbox.helper_result("doctor").stdout
