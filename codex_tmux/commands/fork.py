"""`codex-tmux fork`: a conversation goes on twice, in its own pane and in a new one beside it."""

import click

from codex_tmux.codex.commandline import parse
from codex_tmux.commands.completion import FROM_KEY, ITS_CLIENT, PANE_OPTION
from codex_tmux.commands.respawn import NoCodex, what_it_had
from codex_tmux.commands.target import resolve
from codex_tmux.elsewhere.transport import of_argv
from codex_tmux.errors import Problem
from codex_tmux.log import log
from codex_tmux.pane import forks
from codex_tmux.pane.new_pane import open_pane
from codex_tmux.pane.run import REASONS
from codex_tmux.state.launch import FORK, Launch, store_of
from codex_tmux.state.records import EXEC
from codex_tmux.tmux.server import Server
from codex_tmux.tmux.tell import problems_told
from codex_tmux.tracking.pass_once import sync_once
from codex_tmux.tracking.sync import server_lock

BESIDE, BELOW, WINDOW = "-h", "-v", "-w"


@click.command(
    epilog="Example: codex-tmux fork -t %3 -w, or prefix F",
    context_settings={"help_option_names": ["--help"]},
)
@PANE_OPTION
@click.option("-h", "--horizontal", "how", flag_value=BESIDE, help="Side by side; the default.")
@click.option("-v", "--vertical", "how", flag_value=BELOW, help="One below the other.")
@click.option("-w", "--window", "how", flag_value=WINDOW, help="In a new window.")
@click.option("--worktree", is_flag=True, help="In a Git worktree of its own, which Codex makes.")
@FROM_KEY
@ITS_CLIENT
def command(pane: str | None, how: str | None, worktree: bool, from_key: bool, client: str) -> None:
    """Fork the pane's conversation into a new pane beside it.

    The new pane knows all that was said so far, and has the same flags, environment and CODEX_HOME. The conversation
    that it was forked from stays as it is. It works for a conversation that sleeps, too.
    """
    server = Server()
    pane_id = resolve(server, pane)
    with problems_told(server, from_key, pane=pane_id), server_lock(server):
        seen = sync_once(server)
        try:
            launch, session, _ = what_it_had(seen.require(pane_id), seen.record(pane_id))
        except NoCodex as e:
            raise Problem(f"pane {pane_id} has no conversation to fork") from e
        if not session:
            raise Problem(f"pane {pane_id}: its conversation is not known (codex-tmux adopt names it)")
        fork(server, launch, session, pane_id, how or BESIDE, worktree)


def fork(
    server: Server, launch: Launch, session: str, pane: str, how: str = BESIDE, worktree: bool = False
) -> str:
    """Fork a session, which was started as `launch` says, beside a pane; the new pane. Raises Problem."""
    launch = launch._replace(shell=False)
    text = forks.text_of(forkable(launch, session), worktree)
    if how == WINDOW:
        home = server.run("display-message", "-p", "-t", pane, "#{session_id}")
        new = ["new-window", "-t", f"{home}:"]
    else:
        new = ["split-window", how, "-t", pane]
    # A respawn starts without what `-e` sets: by then the pane has a session of its own.
    made = open_pane(server, [*new, "-e", f"{FORK}={text}"], launch, {})
    log("session.forked", session=session, pane=made, beside=pane, worktree=worktree or None)
    return made


def forkable(launch: Launch, session: str) -> str:
    """The whole id of a session that Codex can fork here. Raises Problem that says why it cannot."""
    if launch.transport:
        transport = of_argv(launch.transport)
        raise Problem(
            f"Codex runs behind {transport.name if transport else launch.transport[0]}: type /fork there"
        )
    if launch.mode == EXEC:
        raise Problem("a conversation through codex exec cannot be forked")
    if parse(launch.flags).remote:
        if len(session) != 36:
            raise Problem("say something to it first, then fork it")
        return session
    store = store_of(launch)
    whole = store.complete(session) or session
    ok, reason = store.resumable(whole)
    if reason == "no-message":
        raise Problem("nothing to fork yet: say something to it first")
    if not ok:
        raise Problem(REASONS.get(reason, reason).format(session=whole))
    return whole
