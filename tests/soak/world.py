"""What the walk believes of every pane and conversation, and whether tmux, Codex and the state file agree."""

import contextlib
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from codex_tmux.selftest.world import WorldError
from codex_tmux.state import store
from codex_tmux.state.records import CURRENT, ENDED, Record
from codex_tmux.tmux.epoch import of_server
from tests.support.world import Sandbox, plugin_file

LIVE, DEAD, WAITING, QUIT, OTHER = "live", "dead", "waiting", "quit", "other"
"""What a pane of the walk is: runs Codex; keeps it dead, or lost below its shell; was restored and may sleep or run;
a shell that Codex was quit in; runs something else by now."""
ROOT, SHELL, RUN = "root", "shell", "run"
"""How Codex was started: as the pane's command, from a shell, through `codex-tmux run`."""
SETTLE = 45.0
"""Seconds within which everything must be as it should."""
HELPERS = {"codex-tmux", "codex_tmux", "hook.py"}
QUIET = 2
"""Looks in a row that must find all well: what is right for a moment only is wrong."""
TITLE_ID = re.compile(r"([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{5,12})")
FORM = (
    "#{pane_id}\t#{pane_dead}\t#{pane_in_mode}\t#{pane_pid}\t#{@codex_session}\t#{@codex_asleep}\t#{pane_title}"
    "\t#{window_index}\t#{pane_index}\t#{session_name}"
)


@dataclass
class Conversation:
    """One conversation and every message that the walk has sent in it. `session` is "" until it has been asked."""

    key: str
    home: Path
    said: list[str] = field(default_factory=list)
    session: str = ""
    over: str = ""
    """The status its record may have once no pane holds it any more; "" while one does."""


@dataclass
class Place:
    """A pane that runs Codex, or had it."""

    pane: str
    kind: str
    cwd: Path
    flags: tuple[str, ...]
    state: str
    conversation: Conversation

    @property
    def home(self) -> Path:
        """The CODEX_HOME of its Codex."""
        return self.conversation.home


class Violation(AssertionError):
    """Something was not as it must be; the text says what, and how the walk came there."""


class Seen:
    """tmux, the processes and the state file at one moment."""

    def __init__(self, world: "World") -> None:
        sandbox = world.sandbox
        lines = sandbox.tmux("list-panes", "-a", "-F", FORM).splitlines()
        self.panes = {line.split("\t")[0]: line.split("\t") for line in lines}
        self.server = sandbox.tmux("display-message", "-p", "#{pid}")
        self.epoch = of_server(self.server)
        self.pending = sandbox.tmux("show-options", "-gqv", "@codex_pending")
        self.hooks = sandbox.tmux("show-hooks", "-g") + "\n" + sandbox.tmux("show-hooks", "-gw")
        self.aliases = sandbox.tmux("show-options", "-s", "command-alias")
        data = (sandbox.state_dir / store.NAME).read_bytes() if world.recorded else b"version = 1\n"
        self.records, broken = store.parse(data)
        assert not broken, broken
        self.processes = {}
        for pid in sandbox.processes():
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                self.processes[pid] = (process.ppid(), process.cmdline())

    def current(self, pane: str) -> list[Record]:
        """The current records of a pane."""
        return [r for r in self.records if r.current and r.epoch == self.epoch and r.pane == pane]

    def below(self, pid: int) -> list[int]:
        """A process and all below it."""
        found = [pid]
        for above in found:
            found += [p for p, (parent, _) in self.processes.items() if parent == above and p not in found]
        return found

    def codex(self, pane: str) -> int | None:
        """The Codex in a pane that draws its screen."""
        found = None
        root = self.panes[pane][3]  # "" where it is dead, from tmux 3.8 on
        for pid in self.below(int(root)) if root else ():
            words = self.processes.get(pid, (0, []))[1]
            if "app-server" not in words and any(os.path.basename(w) == "codex" for w in words[:3]):
                found = pid
        return found


class World:
    """The sandbox of a walk and what is expected of it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.places: dict[str, Place] = {}
        self.conversations: list[Conversation] = []
        self.sent: dict[str, tuple[Conversation, int]] = {}
        """Each message the walk has sent: whose it is, and how many were said by then."""
        self.requests = 0
        self.recorded = False
        hooks = (plugin_file().parent / "plugin/hooks.tmux").read_text()
        self.hooks = sorted(set(re.findall(r"^set-hook -g (\S+\[8470\])", hooks, re.MULTILINE)))
        self.aliases = sorted(set(re.findall(r"^set-option -s (command-alias\[\d+\])", hooks, re.MULTILINE)))
        self.log_read = 0

    def new_conversation(self, home: Path) -> Conversation:
        """A conversation that nothing has been said in yet."""
        made = Conversation(f"c{len(self.conversations)}", home)
        self.conversations.append(made)
        return made

    def next_message(self, conversation: Conversation, more: str = "") -> str:
        """Something to say in a conversation that was never said before."""
        text = f"{conversation.key} says {len(self.sent)}{more}"
        conversation.said.append(text)
        self.sent[text] = (conversation, len(conversation.said))
        self.recorded = True
        return text

    def settle(self, within: float = SETTLE) -> None:
        """Wait until everything is as expected. Raises Violation with what is not."""
        end = time.monotonic() + within
        good = 0
        while True:
            try:
                wrong = self.wrong()
            except (WorldError, FileNotFoundError) as e:
                wrong = [str(e).splitlines()[0]]
            good = 0 if wrong else good + 1
            if good == QUIET:
                return
            if time.monotonic() > end:
                raise Violation("\n".join(wrong))
            time.sleep(0.05)

    def wrong(self) -> list[str]:
        """All that is not as it should be."""
        seen = Seen(self)
        wrong = [w for check in (self.wrong_messages, self.wrong_log) for w in check()]
        for look in (self.wrong_panes, self.wrong_records, self.wrong_processes, self.wrong_tmux):
            wrong += look(seen)
        return wrong

    def wrong_messages(self) -> list[str]:
        """Each message reached the model once, by the walk's own hand, behind all of its own conversation."""
        wrong = []
        requests = self.sandbox.model.requests
        for request in requests[self.requests :]:
            if request.last not in self.sent:
                wrong.append(f"somebody said {request.last!r}")
                continue
            conversation, number = self.sent[request.last]
            conversation.session = conversation.session or request.session_id
            if request.messages != tuple(conversation.said[:number]):
                wrong.append(f"{conversation.key} went on as {request.messages}, not {conversation.said}")
            if request.session_id != conversation.session:
                wrong.append(f"{conversation.key} is {conversation.session}, asked as {request.session_id}")
        texts = [r.last for r in requests]
        # What came of a command is sent behind the same message.
        wrong += [
            f"{text!r} was sent {texts.count(text)} times"
            for text in {*texts}
            if texts.count(text) > 1 + (" RUN " in text)
        ]
        wrong += [f"{text!r} has not reached the model" for text in self.sent if text not in texts]
        return wrong

    def wrong_log(self) -> list[str]:
        """Nothing crashed."""
        log = self.sandbox.state_dir / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line for line in lines if " sync.crashed" in line or " state.broken" in line]

    def wrong_panes(self, seen: Seen) -> list[str]:
        """Each pane shows its own conversation, or is dead with it."""
        wrong = []
        for place in self.places.values():
            wrong += [f"{place.pane} ({place.conversation.key}): {w}" for w in self.wrong_place(place, seen)]
        return wrong

    def wrong_place(self, place: Place, seen: Seen) -> list[str]:
        """What is not as it should be in one pane."""
        conversation = place.conversation
        if place.pane not in seen.panes:
            return ["is gone"]
        _, dead, mode, _, session, asleep, title, window, index, tmux_session = seen.panes[place.pane]
        records = seen.current(place.pane)
        wrong = []
        if mode != "0":
            wrong.append("is in a mode")
        if place.state in (OTHER, QUIT):
            if seen.codex(place.pane) is not None:
                wrong.append("runs Codex")
            return wrong + [f"has a current record: {r.session_id}" for r in records if r.status == LIVE]
        if len(records) != 1:
            return [*wrong, f"has {len(records)} current records"]
        (record,) = records
        if conversation.session and record.session_id != conversation.session:
            wrong.append(f"has the record of {record.session_id}, not of {conversation.session}")
        if session != record.session_id:
            wrong.append(f"remembers {session or 'nothing'}, its record is of {record.session_id}")
        if (record.tmux_session, str(record.window), str(record.pane_index)) != (tmux_session, window, index):
            wrong.append(
                f"is at {tmux_session}:{window}.{index}, "
                f"recorded at {record.tmux_session}:{record.window}.{record.pane_index}"
            )
        pid = seen.codex(place.pane)
        state = place.state
        if state == WAITING:
            state = DEAD if pid is None else LIVE
        if record.status != state:
            wrong.append(f"is recorded as {record.status}, not {state}")
        if state == DEAD:
            if pid is not None:
                wrong.append("runs Codex")
            if place.kind != SHELL and (dead, asleep) != ("1", "1"):
                wrong.append(f"does not sleep: dead={dead} asleep={asleep}")
            return wrong
        if pid is None:
            return [*wrong, "runs no Codex"]
        return wrong + self.wrong_codex(place, pid, title)

    def wrong_codex(self, place: Place, pid: int, title: str) -> list[str]:
        """What is not as it should be with the Codex of a pane: what it shows, its flags, directory and home."""
        wrong = []
        found = TITLE_ID.search(title)
        session = place.conversation.session
        if found is None:
            wrong.append(f"has no id in its title: {title}")
        elif session and not session.startswith(found[1]):
            wrong.append(f"shows {found[1]}, not {session}")
        try:
            process = psutil.Process(pid)
            words, cwd = process.cmdline(), process.cwd()
            home = process.environ().get("CODEX_HOME")
        except psutil.Error as e:
            return [*wrong, str(e)]
        if not any(tuple(words[at : at + len(place.flags)]) == place.flags for at in range(len(words))):
            wrong.append(f"runs {words}, without {place.flags}")
        if cwd != str(place.cwd):
            wrong.append(f"runs in {cwd}, not in {place.cwd}")
        if home != str(place.home):
            wrong.append(f"has CODEX_HOME {home}, not {place.home}")
        return wrong

    def wrong_records(self, seen: Seen) -> list[str]:
        """No conversation is lost, none is there twice, none is in a pane that the walk knows nothing of."""
        wrong = []
        ids = [r.session_id[:29] for r in seen.records]
        wrong += [f"{i} is recorded {ids.count(i)} times" for i in {*ids} if ids.count(i) > 1]
        remembered = [p[4][:29] for p in seen.panes.values() if p[4]]
        wrong += [f"{i} is in several panes" for i in {*remembered} if remembered.count(i) > 1]
        by_id = {r.session_id: r for r in seen.records}
        for conversation in self.conversations:
            if not conversation.session:
                continue
            record = by_id.get(conversation.session)
            if record is None:
                wrong.append(f"{conversation.key} {conversation.session} is lost")
            elif conversation.over and record.status in CURRENT:
                wrong.append(f"{conversation.key} is over, and recorded as {record.status} in {record.pane}")
            elif conversation.over == ENDED and record.status != ENDED:
                wrong.append(f"{conversation.key} was quit, and is recorded as {record.status}")
            elif record.codex_home != str(conversation.home):
                wrong.append(f"{conversation.key} is recorded under {record.codex_home}")
        for record in seen.records:
            if record.current and record.pane not in self.places:
                wrong.append(f"{record.pane} has a record of {record.session_id}, and no Codex was there")
        return wrong

    def wrong_processes(self, seen: Seen) -> list[str]:
        """Nothing runs that is not a pane's, a client's, tmux or Codex's own server."""
        server = int(seen.server)
        wanted = {server, *(c.process.pid for c in self.sandbox.clients)}
        for row in seen.panes.values():
            if row[1] == "0":
                wanted.update(seen.below(int(row[3])))
        wrong = []
        for pid, (_, words) in seen.processes.items():
            line = " ".join(words)
            if "app-server" in words or "pid-update-loop" in words:
                continue
            if pid not in wanted and words:
                wrong.append(f"process {pid} is left: {line[:200]}")
            elif (
                pid != server
                and HELPERS.intersection(map(os.path.basename, words[:4]))
                and "run" not in words
            ):
                wrong.append(f"the helper still runs: {pid} {line[:200]}")
        return wrong

    def wrong_tmux(self, seen: Seen) -> list[str]:
        """No pane is in view mode, no hook and no alias is missing, nothing is left undone."""
        wrong = [f"{row[0]} is in a mode" for row in seen.panes.values() if row[2] != "0"]
        wrong += [f"hook {hook} is missing" for hook in self.hooks if hook not in seen.hooks]
        wrong += [f"{alias} is missing" for alias in self.aliases if alias not in seen.aliases]
        if seen.pending:
            wrong.append("a sync is pending")
        return wrong
