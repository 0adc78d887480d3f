"""The tmux servers and the stores that are measured."""

import json
import os
import secrets
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.measure import Cost, spawn
from tests.support.world import Sandbox, plugin_file


def bare_python(env: dict[str, str]) -> Cost:
    """A Python that starts and ends."""
    return spawn([sys.executable, "-I", "-c", "pass"], env)


def environment(world: Sandbox, pane: str) -> dict[str, str]:
    """The environment of a process in that pane."""
    return {**world.inside, "TMUX_PANE": pane}


def started_by_hooks(world: Sandbox) -> list[str]:
    """The words by which the plugin's hooks start the helper in that server."""
    return shlex.split(world.option("@codex_word")) or [str(world.bin / "codex-tmux")]


def session_id(number: int, at: float | None = None) -> str:
    """An id as Codex makes them, of `at` (now)."""
    stamp = f"{int((time.time() if at is None else at) * 1000):012x}"
    return f"{stamp[:8]}-{stamp[8:]}-7{number % 4096:03x}-8{secrets.token_hex(2)[:3]}-{secrets.token_hex(6)}"


def write_rollout(
    home: Path, session: str, cwd: str, at: float | None = None, message: str = "hello"
) -> Path:
    """A session of one message in Codex's store; the rollout."""
    local = time.localtime(at)
    day = home / "sessions" / time.strftime("%Y/%m/%d", local)
    day.mkdir(parents=True, exist_ok=True)
    meta = {"type": "session_meta", "payload": {"id": session, "cwd": cwd, "source": "cli"}}
    said = {"type": "event_msg", "payload": {"type": "user_message", "message": message}}
    path = day / f"rollout-{time.strftime('%Y-%m-%dT%H-%M-%S', local)}-{session}.jsonl"
    path.write_text(json.dumps(meta) + "\n" + json.dumps(said) + "\n")
    return path


def fake_codex(world: Sandbox) -> str:
    """The command line of a Codex from npm as processes show it, a wrapper and its binary, that costs 2 MB."""
    place = world.root / "fake"
    if not place.exists():
        place.mkdir()
        (place / "node").symlink_to("/bin/sh")
        (place / "codex").write_text('"$(dirname "$0")/native/codex" "$@"; exit $?\n')
        (place / "codex").chmod(0o700)
        (place / "native").mkdir()
        (place / "native/codex").symlink_to(shutil.which("sleep") or "/bin/sleep")
    return f"exec {shlex.quote(str(place / 'node'))} {shlex.quote(str(place / 'codex'))} 100000"


@contextmanager
def filled(panes: int, codex: int, *, plugin: bool = True, config: str = "") -> Iterator[Sandbox]:
    """A tmux server of that many panes, `codex` of which run what looks like Codex, title, rollout and all."""
    with Sandbox() as world:
        world.start_server(load_plugin=plugin, config=config)
        if plugin:
            world.quiet()
        for number in range(panes - 1):
            command = fake_codex(world) if number < codex else "exec sleep 100000"
            pane = world.new_pane("/bin/sh", "-c", command)
            if number < codex:
                session = session_id(number)
                write_rollout(world.codex_home, session, str(world.work))
                show_title(world, pane, f"work | {session[:29]}...")
        if codex >= panes:
            # The first pane is a shell: it runs Codex as one started by hand does.
            session = session_id(panes)
            write_rollout(world.codex_home, session, str(world.work))
            world.tmux("send-keys", "-t", "main:0.0", fake_codex(world).removeprefix("exec "), "Enter")
            time.sleep(0.5)
            show_title(
                world, world.tmux("list-panes", "-t", "main:0", "-F", "#{pane_id}"), f"x | {session[:29]}..."
            )
        if plugin:
            bound(world, min(codex, panes))
        yield world


def show_title(world: Sandbox, pane: str, title: str) -> None:
    """Set a pane's title, as a program in it does."""
    with open(world.format(pane, "#{pane_tty}"), "wb", buffering=0) as tty:
        tty.write(b"\x1b]0;" + title.encode() + b"\x07")


def bound(world: Sandbox, count: int) -> None:
    """Wait until that many panes have a session, and no sync is under way."""
    world.helper("sync", "--settle")

    def all_bound() -> bool:
        found = world.tmux("list-panes", "-a", "-F", "#{?@codex_session,y,}").split()
        return len(found) == count

    try:
        world.wait_for(all_bound, 60, f"{count} sessions")
    except Exception:
        found = world.tmux("list-panes", "-a", "-F", "#{?@codex_session,y,}").split()
        print(f"only {len(found)} of {count} panes are bound", file=sys.stderr)
    time.sleep(1.2)  # the syncs that the last events have started
    world.helper("sync", "--settle")


def plugin() -> str:
    """The plugin's entry."""
    return str(plugin_file())


def real_codex() -> str:
    """The real Codex to measure with, "" for none."""
    codex = os.environ.get("CODEX_TMUX_TEST_CODEX", "")
    return codex if os.access(codex, os.X_OK) else ""
