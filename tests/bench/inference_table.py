"""How often inference is right, with the real Codex: the table of docs/inference.md.

`make inference-table` runs each case until it has run 20 times, in slices: what was counted stands in
docs/inference.json, and the next run goes on from there. Every trial has a CODEX_HOME, and so a background server, of
its own; what a pane truly shows is known from what the model was asked.
"""

import argparse
import contextlib
import itertools
import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from codex_tmux.selftest.world import WorldError, codex_version
from tests.support.terminal import Client
from tests.support.world import Sandbox

DOCS = Path(__file__).resolve().parents[2] / "docs"
COUNTED = DOCS / "inference.json"
PAGE = DOCS / "inference.md"
BEGIN, END = "<!-- table: made by make inference-table -->", "<!-- end of table -->"
SETTLE = 3.0
"""Seconds a pane has to be known after the last answer: all that hooks start is done by then."""


OUTSIDE = "one more outside tmux"


class Case(NamedTuple):
    """One row of the table."""

    panes: int
    directories: str
    started: str
    first: str
    new: str

    @property
    def key(self) -> str:
        return f"{self.panes} / {self.directories} / {self.started} / {self.first} / {self.new}"


def cases() -> list[Case]:
    """Every row, the quick ones first."""
    found = []
    for panes in (1, 3, 8):
        for directories, started in itertools.product(("same", "different"), ("together", "apart")):
            if panes == 1 and (directories, started) != ("same", "together"):
                continue
            for first, new in itertools.product(("prompt", "typed"), ("-", "new + message")):
                found.append(Case(panes, directories, started, first, new))
    for panes in (1, 3):
        found.append(Case(panes, "same", "together", "typed", "new"))
        found.append(Case(panes, "same", "together", "typed", OUTSIDE))
        found.append(Case(panes, "same", "together", "long answer", "-"))
    for panes in (3, 8):
        found.append(Case(panes, "same", "together", "the same prompt", "-"))
    return found


class Trial:
    """One run of one case."""

    def __init__(self, world: Sandbox, case: Case, number: int) -> None:
        self.world = world
        self.case = case
        self.name = f"t{number}"
        self.home = world.new_home(self.name)
        shared = world.make_dir(f"{self.name}/work")
        self.directories = [
            shared if case.directories == "same" else world.make_dir(f"{self.name}/work{i}")
            for i in range(case.panes)
        ]
        self.panes: list[str] = []
        self.clients: list[Client] = []
        self.old: set[str] = set()

    def run(self) -> Counter[str]:
        """How many panes are known right, unknown, or wrong; judged alive, and again after `kill -9`."""
        try:
            self.start()
            truth = self.talk()
            self.settle(truth)
            wrong = {p for p in self.panes if self.shown(p) and not self.is_true(truth, p)}
            if self.case.first == "the same prompt":
                return self.probed()
            for pane in self.panes:
                os.kill(self.world.codex_pid(pane), signal.SIGKILL)
            for pane in self.panes:
                self.wait_asleep(pane)
            found: Counter[str] = Counter()
            for pane in self.panes:
                if pane in wrong or (self.shown(pane) and not self.is_true(truth, pane)):
                    found["wrong"] += 1
                    print(f"WRONG {self.case.key} {pane}: {self.shown(pane)}, in truth {truth[pane]}")
                elif self.shown(pane) or self.case.new == "new":
                    found["right"] += 1
                else:
                    found["unknown"] += 1
            return found
        finally:
            self.close()

    def probed(self) -> Counter[str]:
        """What is known of panes that only a further message, different in each, can tell apart; judged alive."""
        known = {p: self.shown(p) for p in self.panes}
        found: Counter[str] = Counter()
        for pane in self.panes:
            truth = self.ask(pane, f"{self.name} probe {pane}")
            found["right" if known[pane] == truth else "wrong" if known[pane] else "unknown"] += 1
            if known[pane] not in ("", truth):
                print(f"WRONG {self.case.key} {pane}: {known[pane]}, in truth {truth}")
        return found

    def start(self) -> None:
        for number, directory in enumerate(self.directories):
            text = self.text(number)
            prompts = {"prompt": [text], "long answer": [text], "the same prompt": ["the same"], "typed": []}
            pane = self.world.tmux(
                *("new-window", "-d", "-P", "-F", "#{pane_id}", "-t", "main:", "-c", str(directory)),
                *("-e", f"CODEX_HOME={self.home}", "codex", *prompts[self.case.first]),
            )
            self.panes.append(pane)
            if self.case.started == "apart":
                self.world.wait_ready(pane, 60)
        for pane in self.panes:
            self.world.wait_ready(pane, 60)
        if self.case.new == OUTSIDE:
            command = ["sh", "-c", 'cd "$0" && exec codex "said outside"', str(self.directories[0])]
            environment = {**self.world.env, "CODEX_HOME": str(self.home)}
            self.clients.append(Client(command, environment, 120, 40))
            self.asked("said outside")

    def text(self, number: int) -> str:
        """The first message in a pane. The model says it three times: a long one fills more than the screen."""
        return f"{self.name} first {number}" + " and so on" * (200 if self.case.first == "long answer" else 0)

    def talk(self) -> dict[str, str]:
        """Have the conversations of the case; what each pane then shows ("": a session without a message)."""
        truth: dict[str, str] = {}
        for number, pane in enumerate(self.panes):
            text = self.text(number)
            if self.case.first == "typed":
                truth[pane] = self.ask(pane, text)
            elif self.case.first != "the same prompt":
                truth[pane] = self.asked(text)
        for pane in self.panes:
            self.wait_answered(pane)
        if self.case.new in ("new", "new + message"):
            self.old = set(truth.values())
            for pane in self.panes:
                self.world.type(pane, "/new", 60)
                truth[pane] = ""
        if self.case.new == "new + message":
            for number, pane in enumerate(self.panes):
                truth[pane] = self.ask(pane, f"{self.name} second {number}")
        return truth

    def wait_answered(self, pane: str) -> None:
        self.world.wait_text(pane, "Worked for", 60)

    def ask(self, pane: str, text: str) -> str:
        return self.world.ask(pane, text, 60).session_id

    def asked(self, text: str) -> str:
        def found() -> str:
            return next((r.session_id for r in self.world.model.requests if r.last == text), "")

        return self.world.wait_for(found, 60, f"the model to be asked {text!r}")

    def settle(self, truth: dict[str, str]) -> None:
        with contextlib.suppress(WorldError):
            self.world.wait_for(
                lambda: all(truth.get(p) and self.shown(p) == truth[p] for p in self.panes), SETTLE, "all"
            )

    def wait_asleep(self, pane: str) -> None:
        self.world.wait_for(lambda: self.option(pane, "@codex_asleep"), 20, f"{pane} asleep")

    def is_true(self, truth: dict[str, str], pane: str) -> bool:
        if self.case.new == "new":
            return self.shown(pane) not in self.old
        return self.shown(pane) == truth.get(pane)

    def shown(self, pane: str) -> str:
        return self.option(pane, "@codex_session")

    def option(self, pane: str, name: str) -> str:
        return self.world.pane_option(pane, name)

    def close(self) -> None:
        for client in self.clients:
            client.close()
        for pane in self.panes:
            with contextlib.suppress(WorldError):
                self.world.tmux("kill-window", "-t", pane)
        for name in ("daemon-updater.pid", "daemon.pid"):
            with contextlib.suppress(OSError, ValueError, KeyError):
                os.kill(
                    json.loads((self.home / "app-server-daemon" / name).read_text())["pid"], signal.SIGKILL
                )


def table(counted: dict[str, dict[str, int]], codex: str) -> str:
    """The Markdown table."""
    lines = [
        f"Panes counted, {codex}, in a shared background server; every trial alive and again after `kill -9`.",
        "",
        "| panes | directories | started | first message | then | trials | right | unknown | wrong |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for case in cases():
        c = counted.get(case.key, {})
        numbers = [str(c.get(name, 0)) for name in ("runs", "right", "unknown", "wrong")]
        lines.append("| " + " | ".join([str(case.panes), *case[1:], *numbers]) + " |")
    sums = [str(sum(c.get(n, 0) for c in counted.values())) for n in ("runs", "right", "unknown", "wrong")]
    lines.append("| all | | | | | " + " | ".join(sums) + " |")
    return "\n".join(lines)


def write(counted: dict[str, dict[str, int]], codex: str) -> None:
    """Save what was counted, and put the table into its page."""
    COUNTED.write_text(json.dumps(counted, indent=1, sort_keys=True) + "\n")
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{table(counted, codex)}\n{END}{rest.partition(END)[2]}")


def main() -> int:
    """Run what is missing, for a limited time; 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="trials of each case (default 20)")
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no trial after this time")
    parser.add_argument("--only", default="", help="only cases whose name holds this")
    parser.add_argument("--codex", default=os.environ.get("CODEX_TMUX_TEST_CODEX"))
    options = parser.parse_args()
    if not options.codex:
        parser.error("no real Codex: make codex")
    codex = codex_version(options.codex)
    end = time.monotonic() + options.seconds
    counted = json.loads(COUNTED.read_text()) if COUNTED.exists() else {}
    with Sandbox(options.codex, title=False) as world:
        world.start_server(load_plugin=True)
        world.attach()
        number = 0
        for round_ in range(1, options.runs + 1):
            for case in cases():
                if options.only not in case.key:
                    continue
                c = counted.setdefault(case.key, {"runs": 0})
                if c["runs"] >= round_ or time.monotonic() > end:
                    continue
                number += 1
                began = time.monotonic()
                try:
                    result = Trial(world, case, number).run()
                except WorldError as e:
                    print(f"no result for {case.key}: {str(e)[:600]}", flush=True)
                    continue
                c["runs"] += 1
                for name, value in result.items():
                    c[name] = c.get(name, 0) + value
                print(f"{case.key}: {dict(result)} {time.monotonic() - began:.1f} s", flush=True)
                write(counted, codex)
    return 1 if any(c.get("wrong") for c in counted.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
