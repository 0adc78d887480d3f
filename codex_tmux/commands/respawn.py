"""`codex-tmux respawn`: bring a pane's session back, whatever the pane is now."""

import shlex
import sys
import time

import click

from codex_tmux.codex.processes.table import Processes
from codex_tmux.codex.processes.terminal import let_interrupt
from codex_tmux.codex.session_id import same_session
from codex_tmux.commands.completion import FROM_KEY, ITS_CLIENT, PANE_OPTION
from codex_tmux.commands.target import resolve
from codex_tmux.elsewhere.run_again import NOTHING, paste, run_again
from codex_tmux.elsewhere.transport import of_argv
from codex_tmux.errors import Problem
from codex_tmux.log import log
from codex_tmux.pane.confirm import StillRuns, confirmed, offer_split
from codex_tmux.pane.idle_shell import rows_of
from codex_tmux.pane.new_pane import open_pane
from codex_tmux.pane.prompt import EVERY, lines_of, type_command
from codex_tmux.restore.at_start import offer
from codex_tmux.sleeping.resume import helper_command, respawn_into_run
from codex_tmux.state import store
from codex_tmux.state.launch import Launch, launch_of
from codex_tmux.state.pane_options import KEPT_TRUE, Option, encode_launch, pane_option, pane_options
from codex_tmux.state.records import EXEC, Record
from codex_tmux.tmux.server import Server
from codex_tmux.tmux.tell import problems_told
from codex_tmux.tracking.far_pane import find_transport
from codex_tmux.tracking.may_act import Act, Line, PaneFacts, Place, ProcessFacts, may_act
from codex_tmux.tracking.model import Pane
from codex_tmux.tracking.pane_facts import pane_facts, process_facts
from codex_tmux.tracking.pass_once import Pass, sync_once
from codex_tmux.tracking.sync import server_lock

STARTING = "pane {pane} is just starting Codex"
SHELL_WITHIN = 1.0
"""Seconds that a shell may take to come back after its Codex has ended."""


@click.command(epilog="Example: codex-tmux respawn -t %3")
@PANE_OPTION
@click.option(
    "--fresh", is_flag=True, help="Start a new session with the same flags; the old one stays resumable."
)
@click.option("--force", is_flag=True, help="Restart a Codex that runs without asking.")
@click.option(
    "--split",
    is_flag=True,
    help="Resume in a new pane beside it: where the pane is in use by something else.",
)
@FROM_KEY
@ITS_CLIENT
def command(pane: str | None, fresh: bool, force: bool, split: bool, from_key: bool, client: str) -> None:
    """Bring the pane's Codex session back.

    Works on a pane that is asleep, on one whose Codex is running (it asks first), and on a shell that Codex left: there
    the command is typed, if the prompt is empty. A pane that is in use (another program, a job, a line begun) is
    left alone; --split resumes beside it.
    """
    server = Server()
    pane_id = resolve(server, pane)
    with problems_told(server, from_key, pane=pane_id):
        try:
            respawn(server, pane_id, fresh, split, force)
        except StillRuns as e:
            again = ["respawn", "--from-key", "--force", *["--fresh"] * fresh, "-t", pane_id]
            if confirmed(server, e, again, client):
                respawn(server, pane_id, fresh, force=True)
        except InUse as e:
            if not (from_key and offer_split(server, pane_id, e.because)):
                raise
            sys.exit(1)
        except NoCodex:
            # What a restart of tmux has lost is offered instead.
            if not (client and offer(server, client)):
                raise


class NoCodex(Problem):
    """The pane has no conversation to bring back."""


def respawn(
    server: Server, pane_id: str, fresh: bool = False, split: bool = False, force: bool = False
) -> None:
    """Bring one pane's session back; with `split` in a new pane beside it, which has it from then on; with `force` also
    where its Codex runs.

    Raises Problem where it cannot be, with the pane untouched: InUse where a split could have it, StillRuns where only
    `force` is missing.
    """
    with server_lock(server):
        seen = sync_once(server)
        pane = seen.require(pane_id)
        launch, session, evidence = what_it_had(pane, seen.record(pane_id))
        if launch.transport:
            refuse_far_end(pane, launch, session)
        had = {Option.SESSION: session, Option.EVIDENCE: evidence}
        if fresh or session:
            # Without a session it may stand there of which one the pane is to be a fork.
            had[Option.FRESH] = "1" * fresh
        remember = pane_options(pane_id, had)
        its_own = pane.dead or pane.running
        if split:
            if its_own:
                raise Problem(f"pane {pane_id} needs no split: codex-tmux respawn -t {pane_id} resumes there")
            split_beside(server, seen, pane, launch, had)
        elif its_own:
            refuse_to_end(server, pane)
            if pane.running and not force:
                raise StillRuns(pane_id)
            server.run_commands(remember)
            respawn_into_run(server, pane_id, launch, kill=not pane.dead)
        elif pane.starting:
            raise Problem(STARTING.format(pane=pane_id))
        else:
            into_shell(server, pane, launch, remember)


def split_beside(server: Server, seen: Pass, pane: Pane, launch: Launch, had: dict[str, str]) -> str:
    """Resume in a new pane beside `pane`, which has had it; the new pane's id. Under the sync lock. Raises TmuxError.

    `had`: the options that say what it had.
    """
    # Of two panes that remember the session, `run` would find the other one holding it.
    forgets = pane_options(pane.id, dict.fromkeys(KEPT_TRUE, ""))
    new = open_pane(server, ["split-window", "-t", pane.id], launch._replace(shell=False), had, forgets)
    session = had[Option.SESSION]
    with store.lock():
        records = store.load()
        here = seen.snapshot.place(pane.id)
        mine = [r for r in records if r.place == here and same_session(r.session_id, session)]
        store.save(tuple(r._replace(pane=new, shell=False) if r in mine else r for r in records))
    log("session.split", session=session or "unknown", pane=new, was=pane.id)
    return new


class InUse(Problem):
    """The pane is somebody's: a split could have its conversation."""

    def __init__(self, pane: str, because: str) -> None:
        super().__init__(
            f"pane {pane} {because}: nothing was typed. To resume beside it: codex-tmux respawn --split -t {pane}"
        )
        self.because = because


def refuse_to_end(server: Server, pane: Pane) -> None:
    """Raise Problem where what runs in the pane is not Codex's alone."""
    row = rows_of(server, [pane.id]).get(pane.id)
    if row is None:
        return  # it is dead
    if pane.dead:
        raise Problem(STARTING.format(pane=pane.id))  # the sync has just brought it back
    facts = process_facts(row, Processes(), pane.codex, int(pane.process.partition(":")[0] or 0))
    answer = may_act(pane_facts(row), facts, Act.RESPAWN)
    if not answer:
        raise Problem(f"pane {pane.id} {answer.because}")


def what_it_had(pane: Pane, record: Record | None) -> tuple[Launch, str, str]:
    """What the pane ran: its launch, session ("" where unknown) and evidence. Raises Problem where it ran no Codex."""
    if record is not None and (not pane.session or record.session_id.startswith(pane.session)):
        launch = launch_of(record)
        if pane.launch is not None:
            launch = launch._replace(wrapper=pane.launch.wrapper)  # whole: a file may not have all of it
        return launch, record.session_id, record.evidence
    if pane.left_alone and not pane.session:
        raise Problem(f"pane {pane.id} {pane.left_alone}: it is left alone")
    if pane.launch is None or not (pane.marked or pane.session):
        raise NoCodex(f"no Codex has run in pane {pane.id}")
    return pane.launch, pane.session, pane.evidence


def into_shell(server: Server, pane: Pane, launch: Launch, remember: list[list[str]]) -> None:
    """Type the command at the shell's empty prompt; nothing is ever typed into anything else. Raises Problem."""
    tty = require(server, pane, Act.PROBE)
    line = lines_of(server, {pane.id: tty})[pane.id]
    let_interrupt(tty)
    require(server, pane, Act.TYPE, line)
    server.run_commands([*remember, pane_option(pane.id, Option.LAUNCH, encode_launch(launch))])
    command = shlex.join([*helper_command(server), EXEC if launch.mode == EXEC else "run"])
    if not type_command(server, pane.id, tty, command):
        raise InUse(pane.id, "does not show what is typed")


def require(server: Server, pane: Pane, act: str, line: str = Line.UNKNOWN) -> str:
    """The terminal of a pane where `may_act` says yes; for a shell's prompt it is waited, bounded. Raises Problem."""
    end = time.monotonic() + SHELL_WITHIN
    while True:
        row = rows_of(server, [pane.id]).get(pane.id)
        if row is None:
            raise Problem(f"pane {pane.id} has just gone")
        answer = may_act(pane_facts(row), process_facts(row, Processes())._replace(line=line), act)
        if answer:
            return row["pane_tty"]
        if pane_facts(row).in_mode:
            raise Problem(f"pane {pane.id} {answer.because}")
        if act == Act.TYPE or time.monotonic() > end:
            raise InUse(pane.id, answer.because)
        time.sleep(EVERY)


def refuse_far_end(pane: Pane, launch: Launch, session: str) -> None:
    """Raise Problem where a far end's Codex cannot be started from here, and ending what the pane runs would lose it:
    a shell there, whose prompt nobody knows from here and whose jobs nobody brings back."""
    again = run_again(launch.transport)
    if again.how == NOTHING:
        raise Problem(f"{again.why}: not run again; see codex-tmux list")
    if pane.dead or again.ends or find_transport(Processes(), int(pane.root_pid)) is None:
        return
    answer = may_act(PaneFacts(), ProcessFacts(codex=Place.FAR_SHELL), Act.RESPAWN)
    if not answer:
        transport = of_argv(launch.transport)
        where = transport.name if transport else launch.transport[0]
        # Short: it is to be seen whole in tmux's message line.
        raise Problem(
            f"paste in {where}: {paste(session)}" if session else f"pane {pane.id} {answer.because}"
        )
