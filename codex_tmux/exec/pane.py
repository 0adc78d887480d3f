"""The tmux pane that a conversation runs in, and what tmux and the state file keep of it."""

import os

from codex_tmux.pane.here import Here, ask, forget_session
from codex_tmux.pane.run import from_file
from codex_tmux.sleeping.remain_on_exit import give_back, stay
from codex_tmux.state.launch import Launch
from codex_tmux.state.pane_options import Option, decode_launch, encode_launch, pane_options
from codex_tmux.state.records import ARGV, EXEC
from codex_tmux.tmux.server import Server
from codex_tmux.tracking.sync import sync


class Pane:
    """The pane this process runs in, which is awake now; outside tmux `id` is "", and nothing is kept. Raises Problem.

    `launch` is None where it had none. `session` is "", because `why`, where it begins anew. `command` is
    `@codex-command`.
    """

    def __init__(self) -> None:
        self.id = os.environ.get("TMUX_PANE", "") if os.environ.get("TMUX") else ""
        self.launch: Launch | None = None
        self.session, self.why = "", "outside tmux no session is kept"
        self.command, self.is_root = "", False
        if self.id:
            self.server = Server()
            self._read(Here(ask(self.server, self.id), self.id))

    def _read(self, here: Here) -> None:
        launch = decode_launch(here.launch_text)
        if launch and (here.session or launch.mode == EXEC):
            self.launch = launch
        if not here.session or self.launch is None:
            recorded = from_file(here)
            if recorded is not None and recorded.mode == EXEC:
                self.launch = recorded
        self.why = "new pane"
        if here.fresh:
            self.why = "a new session was asked for"
        elif self.launch:
            self.session = here.session
        self._here, self.command, self.is_root = here, here.command, here.is_root

    def remember(self, session_id: str) -> None:
        """Bind the session to this pane: in its options and on the disk before this returns. Raises Problem."""
        if not self.id:
            return
        named = {Option.SESSION: session_id, Option.EVIDENCE: ARGV}
        self.server.run_commands(pane_options(self.id, named))
        sync(self.server)

    def announce(self, launch: Launch) -> None:
        """Say in the pane's options what runs here.

        The pane stays when it is killed only where this program is its root: how a shell ends is its own affair.
        """
        stays = stay(self.id) if self.is_root and self._here.loaded and self._here.may_stay else []
        runs = {Option.LAUNCH: encode_launch(launch), Option.MODE: EXEC, Option.FRESH: "", Option.MARK: "1"}
        self.server.try_commands([*stays, *pane_options(self.id, runs)])
        if self._here.fresh:
            forget_session(self.server, self._here)
            sync(self.server)

    def leave(self) -> None:
        """The user leaves: say so, as what a shell comes back to may also be a kill; the pane closes as any other.

        tmux (3.3a) may see the end of the terminal before the exit status, take the pane for failed and keep it,
        and, when a hook's job starts at that moment, not look at the status until another child of its ends.
        """
        left = ["set-option", "-pu", "-t", self.id, Option.MODE]
        as_ever = give_back(self.id) if self.is_root else []
        self.server.try_commands([left, *as_ever, ["run-shell", "-C", "#{@codex_look}"]])
