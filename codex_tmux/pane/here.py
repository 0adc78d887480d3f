"""The pane in which `codex-tmux run` runs: what tmux tells of it, who else has its session, what is said in it."""

import os
from typing import NoReturn

from codex_tmux.codex.session_id import same_session
from codex_tmux.errors import Problem
from codex_tmux.log import set_level
from codex_tmux.pane import forks
from codex_tmux.plain_text import plain_line
from codex_tmux.state import store
from codex_tmux.state.pane_options import Option, pane_options
from codex_tmux.state.records import Record
from codex_tmux.tmux import epoch
from codex_tmux.tmux.control_mode import CLOSE
from codex_tmux.tmux.server import Server
from codex_tmux.tmux.tell import tell
from codex_tmux.tmux.user_keys import shown_key

VALUES = (
    "@codex_session @codex_launch @codex_fresh @codex_evidence @codex_pane @codex_hint @codex-command "
    "@codex-respawn-key @codex_keys prefix remain-on-exit @codex_keep @codex_dir default-shell ?default-command,1, "
    "@codex-log-level @codex_control"
).split()


def ask(server: Server, pane: str) -> str:
    """Ask tmux for all that `Here` needs, in one call, which also notes that the pane is awake."""
    # Tabs: every tmux prints them as they are, and none of these values holds one.
    form = "".join(f"#{{{name}}}\t" for name in VALUES)
    form += "#{pane_id} #{pane_pid} #{pid} #{socket_path}"
    awake = (
        f"set-option -pu -t {pane} @codex_asleep ; set-option -pu -t {pane} @codex_waiting ; "
        # An id that is there again is in the title of what this process becomes.
        f"set-option -pu -t {pane} @codex_title_id ; "
        # Where the plugin has been unloaded, nothing is left on the pane.
        f"if-shell -F -t {pane} '#{{@codex_dir}}' {{ set-option -p -t {pane} @codex_cleared {os.getpid()} }}"
    )
    return server.run(
        # In another server, at the path of a socket that was removed, this would be another pane.
        *("if-shell", "-F", f"#{{==:#{{pid}},{server.pid}}}" if server.pid else "1", awake, ";"),
        *("display-message", "-p", "-t", pane, form, ";"),
        # Of those that have a session the ones with Codex in it, not one that is about to give way to us.
        *("list-panes", "-a", "-f", "#{&&:#{?@codex_session,1,0},#{==:#{pane_dead}#{@codex_state},0live}}"),
        *("-F", "#{pane_id} #{@codex_session}"),
    )


class Here:
    """The pane this process runs in, as tmux answers to `ask`."""

    def __init__(self, answer: str, pane: str) -> None:
        first, *lines = answer.split("\n")
        values = first.split("\t", len(VALUES))
        self.session, self.launch_text, fresh, self.evidence, self.marked, self.hint, *values = values
        self.command, key, ours, prefix, self.remain, kept, loaded, self.default_shell, *values = values
        starts_shells, level, control, ids = values
        # As tmux starts them, unless `default-command` says otherwise.
        self.login_shell = not starts_shells
        self.key = shown_key(key, ours, prefix)
        set_level(level)
        self.id, root, self.server_pid, self.socket = ids.split(" ", 3)
        if self.id != pane:
            raise Problem(f"pane {pane} is gone")
        self.fresh, self.kept, self.loaded = fresh == "1", bool(kept), bool(loaded)
        self.may_stay = control != CLOSE
        # Where a Codex has gone, sync takes away how it was started: what it was to fork is of no interest then either.
        is_fork = forks.is_fork(fresh) and self.launch_text and not self.session
        self.fresh_text, self.fork = fresh, fresh if is_fork else ""
        self.is_root = int(root) == os.getpid()
        others = (line.split(" ") for line in lines)
        self.other_holders = [
            other for other, held in others if other != pane and same_session(held, self.session)
        ]

    @property
    def epoch(self) -> str:
        return epoch.of_server(self.server_pid)


def file_records(here: Here) -> tuple[list[Record], list[Record]]:
    """The current records of this tmux server's panes, and of other servers'."""
    try:
        current = [record for record in store.peek() if record.current]
    except store.StateError:
        return [], []  # a sync says so, once
    ours = here.epoch
    return [r for r in current if r.epoch == ours], [r for r in current if r.epoch != ours]


def refuse_other_holder(server: Server, here: Here, session: str) -> None:
    """Raise Problem where another living pane, of this or another tmux server, has the session."""
    for pane in here.other_holders:
        raise Problem(f"session {session} is in pane {pane}; it can be in one pane only")
    record = next((r for r in file_records(here)[1] if same_session(r.session_id, session)), None)
    if record is None:
        return
    fate = epoch.fates([record.epoch], here.epoch)[record.epoch]
    if fate == epoch.ALIVE:
        raise Problem(
            f"session {session} is in pane {record.pane} of {epoch.server_name(record.epoch, record.server)}"
        )
    if fate == epoch.ELSEWHERE:
        raise Problem(
            f"session {session} is in a tmux pane of another host. To take it over: "
            f"codex-tmux adopt --force -t {here.id} {session}"
        )


def forget_session(server: Server, here: Here) -> None:
    """The session that comes up here is another one."""
    gone = (Option.SESSION, Option.EVIDENCE, Option.FRESH)
    server.try_commands(pane_options(here.id, dict.fromkeys(gone, "")))


def say(server: Server, here: Here, text: str) -> None:
    """Say one line in the pane, and to whoever looks at it: Codex's screen covers the pane's own at once."""
    text = plain_line(text)
    print(f"codex-tmux: {text}", flush=True)
    tell(server, here.id, text)


def become_shell(here: Here) -> NoReturn:
    shell = here.default_shell or "/bin/sh"
    os.execv(shell, [f"-{os.path.basename(shell)}" if here.login_shell else shell])
