"""`codex-tmux selftest`: prove on this machine that a killed pane comes back with its own conversation."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import FrameType

import click

from codex_tmux.commands.completion import PROGRAM
from codex_tmux.errors import Problem
from codex_tmux.launcher import plugin_file
from codex_tmux.selftest.model import Model
from codex_tmux.selftest.world import World

WORDS = (("apple", "amber", "arrow"), ("bread", "birch", "bison"), ("cloud", "coral", "crane"))
"""What is said in each pane, in this order; no word is said in two of them."""
SECONDS = 20.0
"""How long any one step may take."""
LOG_LINES = 15


@dataclass
class Talk:
    """One pane of the test and what was said in it so far."""

    pane: str
    words: tuple[str, ...]
    said: tuple[str, ...] = ()
    session: str = ""
    pid: int = 0

    def say_next(self, world: World) -> str:
        """Say the next word; raise `Problem` unless the model saw this conversation, whole and alone."""
        word = self.words[len(self.said)]
        self.said += (word,)
        request = world.ask(self.pane, word, SECONDS)
        self.session = request.session_id
        if request.messages != self.said:
            raise Problem(
                f"pane {self.pane} should remember {self.said}, the model was sent {request.messages}"
            )
        return f"turn {len(self.said)}: {' / '.join(request.messages)}"


def run(world: World, step: Callable[[str], None]) -> None:
    """The proof itself; returns when it succeeded, else raises `Problem`."""
    world.start_server(load_plugin=True)
    step(f"tmux server started with {plugin_file()}")
    talks = []
    for words in WORDS:
        talks.append(Talk(world.new_pane(name=words[0]), words))
        # One after the other: two first starts at once fail on making the database of an older Codex (0.144).
        world.wait_ready(talks[-1].pane, SECONDS)
    step(f"three Codex panes in one directory: {', '.join(talk.pane for talk in talks)}")
    for talk in talks:
        step(f"{talk.pane}: {talk.say_next(world)}")
        talk.pid = world.codex_pid(talk.pane)
    for talk in talks:
        what = f"the plugin to know the session of {talk.pane}"
        known = world.wait_for(partial(world.format, talk.pane, "#{@codex_session}"), SECONDS, what)
        # Of an older Codex (0.144) it knows what fits into the title.
        if not talk.session.startswith(known):
            raise Problem(f"the plugin takes {known} for the session of {talk.pane}; it is {talk.session}")
        step(f"{talk.pane}: the plugin knows the session {known}")

    victim, *others = talks
    killed = time.monotonic()
    os.kill(victim.pid, signal.SIGKILL)
    what = f"{victim.pane} to stay as a dead pane, to be respawned"
    world.wait_for(lambda: world.format(victim.pane, "#{pane_dead}") == "1", SECONDS, what)
    step(f"{victim.pane}: kill -9 {victim.pid}; the pane is dead")
    world.tmux("respawn-pane", "-t", victim.pane)
    world.wait_ready(victim.pane, SECONDS)
    step(f"{victim.pane}: tmux respawn-pane; back {time.monotonic() - killed:.1f} s after the kill")
    step(f"{victim.pane}: {victim.say_next(world)}")
    for talk in others:
        if world.codex_pid(talk.pane) != talk.pid:
            raise Problem(f"pane {talk.pane} was not killed, but another Codex runs in it now")
        step(f"{talk.pane}: {talk.say_next(world)} (never touched)")
    step(f"{victim.pane}: {victim.say_next(world)}")


def _log_of(world: World) -> list[str]:
    try:
        return ["what codex-tmux logged:", *(world.state_dir / "log").read_text().splitlines()[-LOG_LINES:]]
    except OSError:
        return ["codex-tmux logged nothing"]


def for_signals(handler: Callable[[int, FrameType | None], object] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


@click.command(epilog="Example: codex-tmux selftest --codex ~/bin/codex")
@click.option(
    "--codex",
    type=PROGRAM,
    metavar="PATH",
    help="The Codex to test; default: the one on PATH, else a stand-in.",
)
@click.option("--keep", is_flag=True, help="Keep the test directory, with Codex's sessions and the log.")
def command(codex: str | None, keep: bool) -> int:
    """Kill and resume a conversation on this machine, safely.

    It starts its own tmux server, Codex home and model on the loopback. It touches nothing of yours, uses no tokens and
    leaves nothing behind.
    """
    if shutil.which("tmux") is None:
        raise Problem("tmux is not on PATH: install it, then run codex-tmux selftest again")
    found = shutil.which(codex or "codex")
    if codex and not found:
        raise Problem(f"--codex {codex}: no such program")
    start = time.monotonic()

    def step(text: str) -> None:
        click.echo(f"[{time.monotonic() - start:5.1f} s] {text}")

    # Ended from outside, the clean-up must run all the same.
    for_signals(signal.default_int_handler)
    failure = None
    try:
        with contextlib.closing(World(found, Model(), keep=keep)) as world:
            step(f"Codex: {world.codex_name}")
            try:
                run(world, step)
            except Problem as e:
                failure = "\n".join([str(e), *_log_of(world)])
            finally:
                # Half a clean-up would leave Codex's daemon running for good.
                for_signals(signal.SIG_IGN)
            step("cleaning up")
    except Problem as e:
        failure = failure or str(e)
    if keep:
        step(f"kept: {world.root}")
    else:
        step("nothing left: no process, no file")
    if failure is not None:
        click.echo(f"FAILED: {failure}")
        return 1
    click.echo("PASSED: the killed pane came back with its own conversation, the others were not touched")
    return 0
