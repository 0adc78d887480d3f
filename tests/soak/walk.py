"""A random walk through what a person and a machine do to panes that run Codex."""

import contextlib
import json
import os
import random
import re
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil

from codex_tmux.codex.store import Store
from codex_tmux.selftest.world import WorldError
from codex_tmux.state import store
from codex_tmux.state.records import CLOSED, ENDED, Record
from tests.soak.world import (
    DEAD,
    LIVE,
    OTHER,
    QUIT,
    ROOT,
    RUN,
    SHELL,
    TITLE_ID,
    WAITING,
    Conversation,
    Place,
    World,
)
from tests.support.world import Sandbox, plugin_file, running

ASKS = ("-a", "on-request")
SHARED = ((), ("-m", "x"), ("-s", "read-only", "-a", "never"), ASKS)
FLAGS = (*SHARED, ("--search",))
"""With SHARED Codex starts or joins the shared server, with `--search` it does without."""
SIGNALS = ("SIGKILL", "SIGKILL", "SIGTERM", "SIGHUP", "SIGSEGV")
MOST_PANES = 9
MOST_OF_A_WINDOW = 3
ROWS_TO_SPLIT = 26
"""Rows of a pane in half of which an answer is still seen."""
PROMPT_BESIDE = (3, 3, "")
"""From here on tmux has `command-prompt -b`."""
ID = ("-P", "-F", "#{pane_id}")


class Walk:
    """One walk: steps by a seed. The same seed takes the same steps, as far as machines allow."""

    def __init__(self, sandbox: Sandbox, seed: int, most_panes: int = MOST_PANES) -> None:
        self.sandbox = sandbox
        self.random = random.Random(seed)
        self.world = World(sandbox)
        self.most_panes = most_panes
        self.real = sandbox.codex is not None
        self.history: list[str] = []
        self.names = 0
        self.homes = [sandbox.codex_home, sandbox.new_home("second")]
        self.dirs = [sandbox.work, sandbox.make_dir("other dir"), sandbox.make_dir("größe #{x} $(y)")]
        self.steps: list[tuple[int, Callable[[], str]]] = [
            (10, self.open),
            (10, self.on(self.say, LIVE)),
            (3, self.on(self.new, LIVE)),
            (2, self.on(self.fork_inside, LIVE)),
            (2, self.on(self.resume_inside, LIVE)),
            (5, self.on(self.quit, LIVE)),
            (10, self.on(self.kill, LIVE)),
            (12, self.on(self.respawn, LIVE, DEAD, WAITING)),
            (5, self.on(self.kill_and_respawn, LIVE, kinds=(ROOT, RUN))),
            (2, self.kill_all),
            (3, self.on(self.respawn_other, LIVE, DEAD)),
            (3, self.on(self.kill_pane, LIVE, DEAD, OTHER, QUIT, WAITING)),
            (2, self.kill_window),
            (1, self.kill_session),
            (4, self.reopen),
            (4, self.on(self.fork, LIVE)),
            (4, self.undo),
            (3, self.on(self.tell, LIVE)),
            (3, self.on(self.approve, LIVE)),
            (1, self.unload_and_load),
            (2, self.split_shell),
            (3, self.on(self.swap, LIVE, DEAD, OTHER, QUIT)),
            (3, self.on(self.join, LIVE, DEAD)),
            (3, self.on(self.break_out, LIVE, DEAD)),
            (2, self.move_window),
            (3, self.rename),
            (2, self.on(self.look_at, LIVE, DEAD, WAITING)),
            (1, self.reload),
            (1, self.lose_hooks),
            (2, self.kill_daemon),
            (2, self.restart),
        ]

    def begin(self) -> None:
        """Bring up tmux with the plugin and a client."""
        # The client outlives the tmux session it looks at.
        lazy = self.random.choice(("on", "off"))
        config = f"set -g @codex-restore off\nset -g @codex-restore-lazy {lazy}\nset -g detach-on-destroy off"
        self.sandbox.start_server(load_plugin=True, config=config, height=60, width=160)
        self.client = self.sandbox.attach(160, 60)

    def step(self) -> None:
        """Take one step and see that all is well. Raises Violation."""
        while True:
            weights = [weight for weight, _ in self.steps]
            (_, do) = self.random.choices(self.steps, weights)[0]
            self.history.append(do.__name__)
            said = do()
            if said:
                self.history[-1] = said
                self.world.settle()
                return
            self.history.pop()

    # What there is to choose from

    def on(
        self, do: Callable[[Place], str], *states: str, kinds: tuple[str, ...] = (ROOT, SHELL, RUN)
    ) -> Callable[[], str]:
        """The step that does this to a pane in one of these states, where there is one."""

        def step() -> str:
            found = [p for p in self.world.places.values() if p.state in states and p.kind in kinds]
            return do(self.random.choice(found)) if found else ""

        step.__name__ = do.__name__
        return step

    def windows(self) -> dict[str, list[str]]:
        """The panes of each window."""
        found: dict[str, list[str]] = {}
        for line in self.sandbox.tmux("list-panes", "-a", "-F", "#{window_id} #{pane_id}").splitlines():
            window, pane = line.split()
            found.setdefault(window, []).append(pane)
        return found

    def panes(self) -> list[str]:
        """All panes."""
        return [pane for panes in self.windows().values() for pane in panes]

    def room(self) -> str:
        """A window that a pane may still come into, "" for none."""
        # The active pane is split, and a restart may have made it small.
        lines = self.sandbox.tmux("list-windows", "-a", "-F", "#{window_id} #{pane_height}").splitlines()
        height = {window: int(rows) for window, rows in (line.split() for line in lines)}
        free = [
            w for w, p in self.windows().items() if len(p) < MOST_OF_A_WINDOW and height[w] >= ROWS_TO_SPLIT
        ]
        return self.random.choice(free) if free else ""

    def name(self) -> str:
        """A name of a window or a tmux session that is not in use."""
        self.names += 1
        return self.random.choice(("n{}", "zwei Wörter {}", "$(x) {}", "a'b\"{}")).format(self.names)

    def show(self, pane: str) -> None:
        """Have the client look at a pane."""
        self.sandbox.tmux("switch-client", "-t", pane)
        self.sandbox.tmux("select-window", "-t", pane, ";", "select-pane", "-t", pane)

    # Steps: each does something and says what, "" where there was nothing to do it to

    def open(self) -> str:
        if len(self.world.places) >= self.most_panes:
            return ""
        return self.open_one(self.random.choice((ROOT, ROOT, SHELL, RUN)), self.random.choice(self.homes))

    def open_one(self, kind: str, home: Path, choice: tuple[tuple[str, ...], ...] = FLAGS) -> str:
        """Open Codex in a new pane and say something in it, by its command line or by hand."""
        flags, cwd = self.random.choice(choice), self.random.choice(self.dirs)
        conversation = self.world.new_conversation(home)
        empty = self.random.random() < 0.1
        prompted = not empty and kind != RUN and self.random.random() < 0.4
        words = [*flags, *([self.world.next_message(conversation)] if prompted else [])]
        command = {
            ROOT: [shlex.join(["codex", *words])] if self.random.random() < 0.5 else ["codex", *words],
            RUN: ["codex-tmux", "run", "--", *words],
            SHELL: ["bash", "--norc"],
        }[kind]
        # tmux expands directories as formats.
        where = ("-d", *ID, "-e", f"CODEX_HOME={home}", "-c", str(cwd).replace("#", "##"))
        window = self.room() if self.random.random() < 0.4 else ""
        if window:
            pane = self.sandbox.tmux("split-window", "-t", window, *where, *command)
        else:
            pane = self.sandbox.tmux("new-window", "-t", self.any_session(), "-n", "codex", *where, *command)
        place = Place(pane, kind, cwd, flags, LIVE, conversation)
        self.world.places[pane] = place
        if self.real:
            self.show(pane)
        if kind == SHELL:
            self.sandbox.wait_for(lambda: self.sandbox.capture(pane).strip(), 30, "the prompt of the shell")
            line = shlex.join([str(self.sandbox.bin / "codex"), *words])
            self.sandbox.tmux("send-keys", "-t", pane, "-l", line, ";", "send-keys", "-t", pane, "Enter")
        if not prompted and not empty:
            self.ask(place)
        self.world.recorded = self.world.recorded or self.wait_recorded()
        return (
            f"open {conversation.key} in {pane} as {kind}, flags {flags}, home {home.name}, cwd {cwd.name}"
            + (" with a prompt" * prompted + " empty" * empty)
        )

    def wait_recorded(self) -> bool:
        """Wait until there is a state file at all."""
        path = self.sandbox.state_dir / "state.toml"
        self.sandbox.wait_for(path.exists, 40, "the state file")
        return True

    def any_session(self) -> str:
        """A tmux session, as a target for new windows."""
        ids = self.sandbox.tmux("list-sessions", "-F", "#{session_id}:").splitlines()
        return self.random.choice(sorted(ids))

    def ask(self, place: Place) -> None:
        """Say something new and wait for the answer."""
        text = self.world.next_message(place.conversation)
        request = self.sandbox.ask(place.pane, text, 40)
        place.conversation.session = place.conversation.session or request.session_id

    def say(self, place: Place) -> str:
        if self.real:
            self.show(place.pane)
        self.ask(place)
        return f"say something in {place.pane}"

    def new(self, place: Place) -> str:
        self.leave(place.conversation, ENDED)
        place.conversation = self.world.new_conversation(place.home)
        self.sandbox.type(place.pane, "/new", 40)
        self.sandbox.wait_for(
            lambda: "new conversation" in self.sandbox.capture(place.pane) or self.real, 30, "another session"
        )
        self.ask(place)
        return f"/new in {place.pane}: {place.conversation.key}"

    def fork_inside(self, place: Place) -> str:
        if not self.real or not place.conversation.session:
            return ""
        parent = place.conversation
        self.sandbox.type(place.pane, "/fork", 40)
        self.wait_title(place.pane, parent.session, False)
        self.leave(parent, ENDED)
        place.conversation = self.world.new_conversation(place.home)
        place.conversation.said = list(parent.said)
        self.ask(place)
        return f"/fork of {parent.key} in {place.pane}: {place.conversation.key}"

    def resume_inside(self, place: Place) -> str:
        """`/resume`: Codex's list is searched by a first message, of a conversation of this directory."""
        if not self.real or not place.conversation.session:
            return ""
        here = {r.session_id for r in self.records() if r.cwd == str(place.cwd)}
        first = [c.said[0] for c in self.world.conversations if c.said]
        over = [
            c
            for c in self.world.conversations
            if c.over and c.home == place.home and c.session in here and first.count(c.said[0]) == 1
            if not Store(str(c.home)).lock_holder(c.session)
        ]
        if not over:
            return ""
        wanted = self.random.choice(over)
        self.show(place.pane)
        self.sandbox.type(place.pane, "/resume", 40)
        self.sandbox.wait_text(place.pane, "Resume a previous session", 40)
        self.sandbox.wait_text(place.pane, "enter resume", 40)
        self.sandbox.tmux("send-keys", "-t", place.pane, "-l", wanted.said[0])
        self.sandbox.wait_text(place.pane, "1 / 1", 40)
        self.sandbox.tmux("send-keys", "-t", place.pane, "Enter")
        self.wait_title(place.pane, wanted.session, True)
        self.leave(place.conversation, ENDED)
        place.conversation, wanted.over = wanted, ""
        return f"/resume of {wanted.key} in {place.pane}"

    def wait_title(self, pane: str, session: str, there: bool) -> None:
        """Wait until the title of a pane has an id, that of a session or another one."""

        def title() -> bool:
            found = TITLE_ID.search(self.sandbox.format(pane, "#{pane_title}"))
            return found is not None and session.startswith(found[1]) is there

        self.sandbox.wait_for(title, 40, f"the title of {pane}")

    def leave(self, conversation: Conversation, status: str) -> None:
        """A conversation has no pane any more."""
        if conversation.session:
            conversation.over = status
        else:
            # Nothing was said in it: no record need be kept.
            with contextlib.suppress(ValueError):
                self.world.conversations.remove(conversation)

    def gone(self, place: Place, status: str) -> None:
        """A pane is no longer there."""
        self.world.places.pop(place.pane, None)
        # What was quit here may have been reopened elsewhere since.
        if place.state != QUIT and not place.conversation.over:
            self.leave(place.conversation, status)

    def quit(self, place: Place) -> str:
        how = self.random.choice(("/quit", "C-c"))
        # Before the quit: the pane may close at once.
        last = len(self.panes()) == 1
        if last:
            return ""
        if how == "/quit":
            self.sandbox.type(place.pane, "/quit", 40)
        else:
            pid = self.sandbox.codex_pid(place.pane)
            self.sandbox.wait_ready(place.pane)

            self.sandbox.tmux("send-keys", "-t", place.pane, "C-c")
            self.sandbox.wait_for(lambda: not running(pid), 20, "Codex to end")
        if place.kind == SHELL:
            place.state = QUIT
            self.leave(place.conversation, ENDED)
        else:
            self.gone(place, ENDED)
        return f"{how} in {place.pane}"

    def kill_codex(self, place: Place) -> str:
        """End a Codex so that it is not a quit; how."""
        ways: tuple[str, ...] = SIGNALS if self.real else (*SIGNALS, "SIGUSR1")
        how = self.random.choice(ways)
        target = self.sandbox.codex_pid(place.pane)
        if self.random.random() < 0.2:
            # npm's wrapper, not the binary; for the stand-in they are the same.
            pid = int(self.sandbox.format(place.pane, "#{pane_pid}"))
            if place.kind != SHELL:
                target, how = pid, "SIGKILL"

        def kill() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(target, getattr(signal, how))

        # Rust takes a first SIGSEGV that no fault has caused for its own, and goes on: killed again until it ends.
        self.sandbox.wait_for(lambda: not running(target), 20, f"process {target} to end", kill)
        self.died(place)
        return how

    def died(self, place: Place) -> None:
        """The Codex of a pane has ended without a word."""
        place.state = DEAD
        if place.kind == SHELL:
            # A shell that sets no title, in a window with a name of its own: tmux has no event for it.
            shell = r"-?(ba)?sh"
            self.sandbox.wait_for(
                lambda: re.fullmatch(shell, self.sandbox.format(place.pane, "#{pane_current_command}")),
                30,
                f"the shell of {place.pane}",
            )
            self.sandbox.helper("sync")

    def kill(self, place: Place) -> str:
        return f"{self.kill_codex(place)} in {place.pane}"

    def kill_all(self) -> str:
        live = [p for p in self.world.places.values() if p.state == LIVE]
        for place in live:
            self.kill_codex(place)
        return "kill all" if live else ""

    def respawn(self, place: Place) -> str:
        return f"{self.respawn_by_some_route(place)} of {place.pane}"

    def respawn_by_some_route(self, place: Place) -> str:
        """Respawn a pane; how."""
        if place.state == LIVE:
            # A composer means that the sync behind its start is through, too.
            self.sandbox.wait_ready(place.pane)
        if place.state == WAITING:
            place.state = LIVE if self.sandbox.format(place.pane, "#{pane_dead}") == "0" else DEAD
        routes = ["helper", "key"]
        if place.kind != SHELL:
            routes += ["respawn-pane -k", "respawnp -k", "window"]
            if self.sandbox.version >= PROMPT_BESIDE:
                routes.append("prompt")
            if place.state == DEAD:
                routes += ["respawn-pane", "control mode"]
        route = self.random.choice(routes)
        if route == "window" and len(self.window_of(place.pane)) > 1:
            route = "helper"
        pane = place.pane
        if route == "helper":
            self.sandbox.helper("respawn", "--force", "-t", pane)
        elif route == "key":
            self.show(pane)
            place.state = LIVE if place.state == WAITING else place.state
            self.client.output = b""
            self.client.send(b"\x02R")
            if place.state == LIVE:
                self.sandbox.wait_for(lambda: b"(y/n)" in self.client.output, 20, "the question")
                self.client.send(b"y")
            self.wait_another(place)
        elif route == "prompt":
            self.show(pane)
            client = self.sandbox.tmux("list-clients", "-F", "#{client_name}").splitlines()[0]
            self.sandbox.tmux("command-prompt", "-b", "-t", client, "-I", "respawn-pane -k")
            self.client.send(b"\r")
            self.wait_another(place)
        elif route == "window":
            self.sandbox.tmux("respawn-window", "-k", "-t", pane)
        elif route == "control mode":
            command = ["tmux", "-u", "-S", str(self.sandbox.socket), "-C", "attach"]
            # A control client whose input ends takes what it has queued with it: a respawn that waits for a sync.
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            with subprocess.Popen(command, env=self.sandbox.env, text=True, **pipes) as control:  # type: ignore[call-overload]
                assert control.stdin is not None
                control.stdin.write(f"respawn-pane -t {pane}\n")
                control.stdin.flush()
                self.wait_another(place)
        else:
            self.sandbox.tmux(*route.split(), "-t", pane)
        self.came_back(place)
        return route

    def wait_another(self, place: Place) -> None:
        """Keys are only sent: what they do must have begun before anything else is done to the pane."""
        self.world.sandbox.wait_for(
            lambda: self.sandbox.format(place.pane, "#{pane_dead}") == "0", 30, f"{place.pane} to live"
        )

    def came_back(self, place: Place) -> None:
        """A pane was respawned: with its conversation, or, where nothing was said in it, a fresh one."""
        place.state = LIVE
        if not place.conversation.session:
            # Where nothing is known of the pane yet there is nothing to ask about.
            with contextlib.suppress(WorldError):
                self.sandbox.start_anew(place.pane)
            place.conversation = self.world.new_conversation(place.home)
            return

        def resumed() -> bool:
            with contextlib.suppress(psutil.Error):
                words = psutil.Process(self.sandbox.codex_pid(place.pane)).cmdline()
                return place.conversation.session in words
            return False

        # Not the one that its stored command has started, which is taken over a moment later.
        self.sandbox.wait_for(resumed, 40, f"{place.conversation.key} in {place.pane}")

    def kill_and_respawn(self, place: Place) -> str:
        """Not a moment lies between the two."""
        how = self.kill_codex(place)

        def respawned() -> bool:
            with contextlib.suppress(WorldError):
                self.sandbox.respawn(place.pane)
                return True
            return False

        self.sandbox.wait_for(respawned, 30, "a respawn")
        self.came_back(place)
        return f"{how} and respawn-pane at once of {place.pane}"

    def respawn_other(self, place: Place) -> str:
        ours = "codex-tmux" in self.sandbox.format(place.pane, "#{pane_start_command}")
        self.sandbox.tmux("respawn-pane", "-k", "-t", place.pane, "sleep", "10000")
        place.state = OTHER
        if ours:
            # Only a pane whose command starts Codex anew is watched: the next look sees this one.
            self.sandbox.helper("sync")
        return f"another command in {place.pane}"

    def kill_pane(self, place: Place) -> str:
        if len(self.panes()) < 2:
            return ""
        self.sandbox.tmux("kill-pane", "-t", place.pane)
        self.gone(place, CLOSED)
        return f"kill-pane {place.pane}"

    def kill_window(self) -> str:
        windows = self.windows()
        if len(windows) < 3:
            return ""
        window = self.random.choice(sorted(windows))
        self.sandbox.tmux("kill-window", "-t", window)
        self.all_gone(windows[window])
        return f"kill-window {window} with {windows[window]}"

    def all_gone(self, panes: list[str]) -> None:
        """Panes are no longer there."""
        for pane in panes:
            if pane in self.world.places:
                self.gone(self.world.places[pane], CLOSED)

    def kill_session(self) -> str:
        ids = self.sandbox.tmux("list-sessions", "-F", "#{session_id}").splitlines()
        if len(ids) < 2:
            return ""
        mine = self.sandbox.tmux("list-clients", "-F", "#{session_id}").splitlines()
        others = sorted(i for i in ids if i not in mine)
        if not others:
            return ""
        session = self.random.choice(others)
        panes = self.sandbox.tmux("list-panes", "-s", "-t", session, "-F", "#{pane_id}").splitlines()
        self.sandbox.tmux("kill-session", "-t", session)
        self.all_gone(panes)
        return f"kill-session {session} with {panes}"

    def reopen(self) -> str:
        # Behind `/new` Codex holds the old one for a while, and who opens it then is told so.
        over = [
            c
            for c in self.world.conversations
            if c.over and c.session and not Store(str(c.home)).lock_holder(c.session)
        ]
        if not over or len(self.world.places) >= self.most_panes:
            return ""
        conversation = self.random.choice(over)
        client = self.sandbox.tmux("list-clients", "-F", "#{client_name}").splitlines()[0]
        record = next(r for r in self.records() if r.session_id == conversation.session)
        before = set(self.panes())
        remembered = self.pane_of(conversation.session)
        self.sandbox.helper("pick", "--client", client, "--do", conversation.session)
        pane = remembered or next(iter(set(self.panes()) - before))
        place = self.world.places.get(pane)
        if place is None:
            # In a new window there is no shell below it.
            kind = SHELL if record.shell and remembered else RUN
            place = Place(pane, kind, Path(record.cwd), record.flags, LIVE, conversation)
        place.state, place.conversation, conversation.over = LIVE, conversation, ""
        self.world.places[pane] = place
        return f"reopen {conversation.key} in {pane}"

    def fork(self, place: Place) -> str:
        if not place.conversation.session or len(self.world.places) >= self.most_panes:
            return ""
        way = self.random.choice(("-h", "-v", "-w"))
        if way != "-w" and not self.room_for(place.pane):
            way = "-w"
        before = set(self.panes())
        if self.random.random() < 0.5 and way == "-h":
            self.show(place.pane)
            self.client.send(b"\x02F")
        else:
            self.sandbox.helper("fork", "-t", place.pane, way)
        pane = self.sandbox.wait_for(
            lambda: next(iter(set(self.panes()) - before), ""), 30, "the fork's pane"
        )
        conversation = self.world.new_conversation(place.home)
        conversation.said = list(place.conversation.said)
        made = Place(pane, RUN, place.cwd, place.flags, LIVE, conversation)
        self.world.places[pane] = made
        if self.real:
            self.show(pane)
        # Before its first message it has no session that it could come back with, but the fork of its parent.
        self.ask(made)
        return f"fork {way} {place.conversation.key} to {conversation.key} in {pane}"

    def room_for(self, pane: str) -> bool:
        """Whether a pane may be split."""
        height = int(self.sandbox.format(pane, "#{pane_height}"))
        return len(self.window_of(pane)) < MOST_OF_A_WINDOW and height >= ROWS_TO_SPLIT

    def undo(self) -> str:
        # Only a pane that was closed in this run of the server: behind a restart undo offers the restore instead.
        closed = {c.session: c for c in self.world.conversations if c.over == CLOSED and c.session}
        if not closed or len(self.world.places) >= self.most_panes + 2:
            return ""
        by_session = {r.session_id: r for r in self.records() if r.session_id in closed}
        before = set(self.panes())
        done = self.sandbox.helper_result("undo")
        if done.returncode:
            assert "nothing" in done.stderr, done.stderr
            return ""
        back = []
        for session, conversation in closed.items():
            if pane := self.pane_of(session):
                record = by_session[session]
                kind = SHELL if record.shell else RUN
                place = Place(pane, kind, Path(record.cwd), record.flags, WAITING, conversation)
                conversation.over, self.world.places[pane] = "", place
                back.append(f"{conversation.key} in {pane}")
        # One in which nothing was said comes back too, to ask for a new conversation.
        for pane in set(self.panes()) - before - self.world.places.keys():
            if self.sandbox.format(pane, "#{@codex_session}"):
                self.sandbox.tmux("kill-pane", "-t", pane)
                back.append(f"nothing in {pane}")
        return f"undo: {', '.join(back)}"

    def tell(self, place: Place) -> str:
        """A message through Codex's own queue; the stand-in has none."""
        if not self.real or not place.conversation.session or place.flags not in SHARED:
            return ""
        text = self.world.next_message(place.conversation)
        self.sandbox.helper("tell", "-t", place.pane, text)
        self.sandbox.wait_for(lambda: self.sandbox.model.turns_with(text), 30, f"{text!r} to be delivered")
        return f"tell {place.pane}"

    def approve(self, place: Place) -> str:
        """A command that Codex asks about, answered from outside, also where its pane has died meanwhile."""
        if not self.real or place.flags != ASKS:
            return ""
        self.show(place.pane)
        text = self.world.next_message(place.conversation, f" RUN true {len(self.world.sent)}")
        self.sandbox.type(place.pane, text, 40)
        self.sandbox.wait_for(
            lambda: "Action Required" in self.sandbox.format(place.pane, "#{pane_title}"), 40, "the question"
        )
        dead = self.random.random() < 0.3
        if dead:
            self.kill_codex(place)
        self.sandbox.helper("approve", "-t", place.pane, self.random.choice(("--yes", "--always")))
        self.sandbox.wait_for(
            lambda: len([r for r in self.sandbox.model.requests if r.last == text]) == 2, 40, "its result"
        )
        return f"approve a command of {place.pane}" + ", which has died" * dead

    def unload_and_load(self) -> str:
        subprocess.run([plugin_file().parent / "plugin/unload"], env=self.sandbox.inside, check=True)
        self.reload()
        self.sandbox.helper("sync")
        return "unload, and load again"

    def records(self) -> tuple[Record, ...]:
        """The records on the disk."""
        path = self.sandbox.state_dir / store.NAME
        return store.parse(path.read_bytes())[0] if path.exists() else ()

    def pane_of(self, session: str) -> str:
        """The pane that remembers a session."""
        return self.sandbox.sessions().get(session, "")

    def wait_pane_of(self, session: str) -> str:
        """The pane that has a session, once there is one."""
        return self.sandbox.wait_for(lambda: self.pane_of(session), 40, f"{session} to be in a pane")

    def split_shell(self) -> str:
        window = self.room()
        if not window or len(self.panes()) > self.most_panes + 4:
            return ""
        pane = self.sandbox.tmux("split-window", "-d", *ID, "-t", window, "sh")
        return f"a shell {pane} in {window}"

    def swap(self, place: Place) -> str:
        other = self.random.choice(sorted(self.panes()))
        if other == place.pane:
            return ""
        self.sandbox.tmux("swap-pane", "-d", "-s", place.pane, "-t", other)
        return f"swap {place.pane} with {other}"

    def join(self, place: Place) -> str:
        window = self.room()
        if not window or place.pane in self.windows()[window]:
            return ""
        way = self.random.choice(("-h", "-v"))
        command = self.random.choice(("join-pane", "move-pane"))
        self.sandbox.tmux(command, "-d", way, "-s", place.pane, "-t", window)
        return f"{command} {place.pane} to {window}"

    def window_of(self, pane: str) -> list[str]:
        """The panes of a pane's window."""
        return next((panes for panes in self.windows().values() if pane in panes), [])

    def break_out(self, place: Place) -> str:
        if len(self.window_of(place.pane)) < 2:
            return ""
        self.sandbox.tmux("break-pane", "-d", "-s", place.pane)
        return f"break {place.pane}"

    def move_window(self) -> str:
        windows = sorted(self.windows())
        window = self.random.choice(windows)
        if self.random.random() < 0.5:
            other = self.random.choice(windows)
            self.sandbox.tmux("swap-window", "-d", "-s", window, "-t", other)
            self.sandbox.helper("sync")  # tmux tells nobody
            return f"swap-window {window} {other}"
        if len(self.sandbox.tmux("list-sessions").splitlines()) < 3:
            self.sandbox.tmux("new-session", "-d", "-s", self.name(), "-x", "160", "-y", "60")
        self.sandbox.tmux("move-window", "-d", "-s", window, "-t", self.any_session())
        return f"move-window {window}"

    def rename(self) -> str:
        name = self.name()
        if self.random.random() < 0.6:
            window = self.random.choice(sorted(self.windows()))
            self.sandbox.tmux("rename-window", "-t", window, name)
            return f"rename-window {window} {name}"
        session = self.any_session()
        self.sandbox.tmux("rename-session", "-t", session, name)
        return f"rename-session {session} {name}"

    def look_at(self, place: Place) -> str:
        # What is shown, of what was restored, wakes: tmux decides which panes that is.
        self.show(place.pane)
        return f"look at {place.pane}"

    def reload(self) -> str:
        self.sandbox.tmux("source-file", str(self.sandbox.root / "tmux.conf"))
        return "source tmux.conf again"

    def lose_hooks(self) -> str:
        for hook in ("pane-title-changed", "pane-exited"):
            self.sandbox.tmux("set-hook", "-g", hook, "set-option -g @mine 1")
        self.sandbox.helper("sync")
        return "the user's own un-indexed hooks"

    def kill_daemon(self) -> str:
        pid = None
        home = self.random.choice(self.homes)
        with contextlib.suppress(OSError):
            pid = int(json.loads((home / "app-server-daemon/daemon.pid").read_text())["pid"])
        if pid is None or not running(pid) or len(self.world.places) >= self.most_panes + 2:
            return ""
        empty = [
            p
            for p in self.world.places.values()
            if p.state == LIVE and p.home == home and not p.conversation.session
        ]
        if empty:
            # Codex cannot reattach a conversation without a message: it stays read-only.
            return ""
        os.kill(pid, signal.SIGKILL)
        # The TUIs stay, and wait until another Codex starts a server.
        return f"kill the daemon of {home.name}; " + self.open_one(ROOT, home, SHARED)

    def restart(self) -> str:
        # By the records: one was kept for a pane that was given another command, or in which nothing was said.
        current = {r.pane: r.session_id for r in self.records() if r.current}
        in_shells = {r.session_id for r in self.records() if r.shell}
        held = {current[pane]: place for pane, place in self.world.places.items() if pane in current}
        if not held:
            return ""
        how = self.random.choice(("", "SIGKILL", "SIGTERM"))
        self.sandbox.end_server(how)
        self.client.close()
        self.sandbox.clients.remove(self.client)
        self.begin()
        for pane, place in list(self.world.places.items()):
            if pane not in current:
                self.gone(place, CLOSED)
        self.world.places.clear()
        self.sandbox.helper("restore")
        for session, place in held.items():
            place.pane = self.wait_pane_of(session)
            place.state, place.kind = WAITING, SHELL if session in in_shells else RUN
            self.world.places[place.pane] = place
        return f"{how or 'end'} of the tmux server, restored {len(held)}"
