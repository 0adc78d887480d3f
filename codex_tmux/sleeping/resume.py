"""How a session gets back into a pane: the stored command, the sleeping pane, the respawn."""

import os
import sys
import time

from codex_tmux.log import log
from codex_tmux.sleeping.hint import happened, hint
from codex_tmux.sleeping.remain_on_exit import keep_commands, stay
from codex_tmux.state.launch import LAY, UNATTENDED, Launch
from codex_tmux.state.pane_options import Option, encode_launch, pane_options
from codex_tmux.state.start_command import helper_named
from codex_tmux.tmux.control_mode import respawn
from codex_tmux.tmux.server import RESPAWN_PANE, Server, quote
from codex_tmux.tmux.user_keys import KEY_OPTIONS, shown_key

HISTORY = 2000
"""Lines of scrollback that a sleeping pane keeps."""
DEAD_WITHIN = 5.0
REAP_EVERY = 0.1
"""Seconds a pane may take to be drawn and die again."""


def helper_command(server: Server) -> list[str]:
    """The words that run codex-tmux from a pane: the helper the plugin found, else the running one."""
    known = helper_named(server.option("@codex_word"))
    if known and os.access(known, os.X_OK):
        return [known]
    script = os.path.join(os.path.dirname(sys.executable), "codex-tmux")
    return [script] if os.access(script, os.X_OK) else [sys.executable, "-m", "codex_tmux"]


def run_command(server: Server, launch: Launch) -> list[str]:
    """The stored command of a pane that comes back right by any respawn.

    It names no session and no flags: those are in the pane's options, and in the state file behind them.
    """
    helper = helper_command(server)
    if launch.mode == "exec":
        return [*helper, "exec"]
    return [*helper, "run", *(["--shell"] if launch.shell else [])]


def key_of(server: Server) -> str:
    """The key that brings a pane's conversation back, as people write it; "" for none."""
    return shown_key(*(server.option(name) for name in KEY_OPTIONS))


def screen_buffer(pane: str) -> str:
    """The tmux buffer that keeps a pane's last screen until it is drawn again."""
    return f"codex-{pane.lstrip('%')}"


def put_to_sleep(server: Server, pane: str, launch: Launch, exit_status: str, again: bool = False) -> str:
    """Give a dead pane the command that resumes, drawn over with what it last showed; returns that process's id.

    `again`: it sleeps already, and goes on to say what it says. The pane is alive for a moment: `wait_until_dead`
    before anybody else may respawn it. Raises TmuxError, and changes nothing, where it lives:
    somebody has respawned it, or is laying it to sleep.
    """
    buffer = screen_buffer(pane)
    text = hint(happened(exit_status, time.strftime("%H:%M")), key_of(server), launch)
    # What was scrolled away before it fell asleep is still there.
    lines = "0" if again else f"-{HISTORY}"
    # One call, so that nobody sees the pane between these; the respawn first, so that nothing of a pane that
    # somebody else has just respawned is changed: a living pane that counts as asleep would never be laid again.
    capture = f"capture-pane -e -t {pane} -S {lines} -b {buffer}"
    options = {Option.ASLEEP: "1", Option.GUARD: "", Option.LAUNCH: encode_launch(launch)}
    drawing = respawn(
        server,
        pane,
        [
            # Not where another sync has just laid it: the buffer is being drawn.
            ["if-shell", "-F", "-t", pane, "#{pane_dead}", capture],
            [RESPAWN_PANE, "-t", pane, "-e", f"{LAY}={buffer}", *run_command(server, launch)],
            *pane_options(pane, options),
            *(stay(pane) if again else keep_commands(pane, text, launch.typed)),
            ["display-message", "-p", "-t", pane, "#{pane_pid}"],
        ],
    )
    log("pane.asleep", pane=pane)
    return drawing


def wait_until_dead(server: Server, drawing: dict[str, str]) -> None:
    """Wait, bounded, until no pane runs the process that draws it (pane id → process id) any more."""
    if not drawing:
        return
    left = set(drawing)
    end = time.monotonic() + DEAD_WITHIN
    reaped = time.monotonic()
    while left and time.monotonic() < end:
        if time.monotonic() > reaped + REAP_EVERY:
            # Debian's tmux may have missed that they ended (see `see_that_tmux_reaps`): another child's end tells it.
            server.try_run("run-shell", "-b", ":")
            reaped = time.monotonic()
        left &= still_drawn(server, drawing)
        if left:
            time.sleep(0.005)
    see_that_tmux_reaps(server)  # only then does it draw their last line
    for pane in left:
        log("pane.not_asleep", pane=pane)


def still_drawn(server: Server, drawing: dict[str, str]) -> set[str]:
    """The panes that run the process that draws them. One that somebody has respawned since was dead in between."""
    form = "#{pane_id} #{pane_dead} #{pane_pid}"
    lines = (server.try_run("list-panes", "-a", "-F", form) or "").splitlines()
    rows = (line.split(" ") for line in lines)
    return {pane for pane, dead, pid in rows if dead == "0" and pid == drawing.get(pane)}


def see_that_tmux_reaps(server: Server) -> None:
    """Have one more child of tmux end a moment from now.

    Debian's tmux drops SIGCHLD while libutempter runs its helper for a closed terminal: a pane that died then is
    not noticed, and a `run-shell` that ended then holds up its client, until another child ends.
    """
    server.try_run("run-shell", "-b", "sleep 0.1")


def respawn_into_run(
    server: Server, pane: str, launch: Launch, kill: bool = False, unattended: bool = False
) -> None:
    """Respawn a pane into its session; with `kill` also a living one. Raises TmuxError.

    `unattended`: nobody asked for it, so nobody is there to answer a question.
    """
    respawn(server, pane, into_run(server, pane, launch, kill, unattended))


def take_over(server: Server, pane: str, launch: Launch, root_pid: str) -> None:
    """Respawn a living pane into its session, if its process is still `root_pid`. Raises TmuxError."""
    commands = " ; ".join(" ".join(map(quote, words)) for words in into_run(server, pane, launch, kill=True))
    respawn(server, pane, [["if-shell", "-F", "-t", pane, f"#{{==:#{{pane_pid}},{root_pid}}}", commands]])


def into_run(
    server: Server, pane: str, launch: Launch, kill: bool, unattended: bool = False
) -> list[list[str]]:
    """The tmux commands that respawn a pane into its session."""
    how = [*(["-k"] if kill else []), *(["-e", f"{UNATTENDED}=1"] if unattended else [])]
    options = {Option.LAUNCH: encode_launch(launch), Option.MARK: "1", Option.GUARD: "", Option.WAITING: ""}
    return [
        *pane_options(pane, options),
        [RESPAWN_PANE, *how, "-t", pane, *run_command(server, launch)],
    ]
