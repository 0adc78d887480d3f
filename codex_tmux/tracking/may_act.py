"""May codex-tmux act on this pane? Asked by everything that types, respawns, guards or restores.

Pure. The facts are read by `pane_facts.py`; `tests/unit/may_act_test.py` is the table of cases.
"""

from typing import NamedTuple


class Place:
    """Where the Codex of a pane runs, as seen from the pane's own terminal."""

    NONE = "none"
    ROOT = "root"
    """The pane's own command, or only wrappers stand above it (`env`, `npx`, a script of one command)."""
    FOREGROUND = "foreground"
    """The foreground job of a shell that people type into."""
    STOPPED = "stopped"
    BACKGROUND = "background"
    INSIDE = "inside"
    """In a terminal that another program made: vim's `:terminal`, `script`, toggleterm."""
    STEP = "step"
    """One step of a script."""
    FAR_SHELL = "far shell"
    """On another machine, or in a box, where a shell stands below or behind it: only a person can go on there."""


class Line:
    """What stands at a shell's prompt."""

    UNKNOWN = "unknown"
    EMPTY = "empty"
    BEGUN = "begun"


class Act:
    """What codex-tmux is about to do to a pane."""

    LIST = "know its conversation"
    KEEP = "set remain-on-exit"
    GUARD = "watch for a respawn"
    TAKE_OVER = "give a respawned pane its conversation back"
    RESPAWN = "end what runs, and resume"
    PROBE = "look whether its prompt is empty"
    TYPE = "type a command"
    FILL = "restore into it"


class PaneFacts(NamedTuple):
    """What tmux tells of a pane. `exec_pane`: `codex-tmux exec` runs its conversation."""

    dead: bool = False
    in_mode: bool = False
    synchronized: bool = False
    exec_pane: bool = False


class ProcessFacts(NamedTuple):
    """What the system tells of a pane's processes.

    `front`: the program in the foreground of the pane's terminal. `shell`: the pane's root is a shell that people type
    into; `waits`: and it reads a line now. `jobs`: what else lives on the terminal, running or stopped. `age`: seconds
    since the root process began. `isig`: Ctrl-C would interrupt.
    """

    codex: str = Place.NONE
    codex_exec: bool = False
    front: str = ""
    shell: bool = False
    waits: bool = False
    jobs: tuple[str, ...] = ()
    line: str = Line.UNKNOWN
    isig: bool = True
    age: float = 0.0


class Answer(NamedTuple):
    """Yes, or no and why; true where it is yes. `because` goes on after "pane %3"."""

    because: str = ""

    def __bool__(self) -> bool:
        return not self.because


YES = Answer()

NOT_OURS = {
    Place.NONE: "runs no Codex",
    Place.STOPPED: "has Codex stopped: fg brings it back",
    Place.BACKGROUND: "has Codex in the background: try fg",
    Place.INSIDE: "shows Codex inside another program",
    Place.STEP: "runs Codex as one step of a script",
    Place.FAR_SHELL: "may show a shell of another machine",
}
TAKE_OVER_WITHIN = 10.0
"""Seconds after a respawn within which a new shell is taken for what the respawn started, not for the user's."""


def may_act(pane: PaneFacts, processes: ProcessFacts, act: str) -> Answer:
    """Whether codex-tmux may do this to the pane; if not, why."""
    if pane.dead:
        return YES if act == Act.RESPAWN else Answer("is dead")
    if processes.codex == Place.FAR_SHELL:
        # What the user respawned has ended it already.
        ends_nothing = act in (Act.LIST, Act.KEEP, Act.GUARD, Act.TAKE_OVER)
        return YES if ends_nothing else Answer(NOT_OURS[Place.FAR_SHELL])
    if act == Act.LIST:
        return _listed(pane, processes)
    if act == Act.TAKE_OVER:
        return _taken_over(pane, processes)
    if act in (Act.KEEP, Act.GUARD, Act.RESPAWN):
        return _acted_on(pane, processes, act)
    return _typed(pane, processes, act)


def _listed(pane: PaneFacts, processes: ProcessFacts) -> Answer:
    if processes.codex in (Place.NONE, Place.INSIDE, Place.STEP):
        return Answer(NOT_OURS[processes.codex])
    if processes.codex_exec and not pane.exec_pane:
        return Answer("runs codex exec, which codex-tmux did not start")
    return YES


def _acted_on(pane: PaneFacts, processes: ProcessFacts, act: str) -> Answer:
    listed = _listed(pane, processes)
    if not listed:
        return listed
    if processes.codex == Place.ROOT:
        return YES
    if processes.codex != Place.FOREGROUND:
        behind = f" behind {processes.front}" if processes.front and not processes.waits else ""
        return Answer(NOT_OURS[processes.codex].replace(":", f"{behind}:", 1))
    if act == Act.KEEP:
        return Answer("is a shell's")
    if act == Act.RESPAWN and processes.jobs:
        return Answer(f"has other jobs below its shell ({_names(processes.jobs)})")
    return YES


def _taken_over(pane: PaneFacts, processes: ProcessFacts) -> Answer:
    if processes.codex in (Place.ROOT, Place.FOREGROUND):
        return _listed(pane, processes)
    if processes.age < TAKE_OVER_WITHIN:
        return YES
    return Answer(f"is in use ({_names(processes.jobs) or processes.front})")


def _typed(pane: PaneFacts, processes: ProcessFacts, act: str) -> Answer:
    if processes.codex != Place.NONE:
        return Answer(NOT_OURS.get(processes.codex, "runs Codex"))
    if pane.in_mode:
        return Answer("is in copy mode: leave it first, with q")
    if not processes.shell or not processes.waits:
        return Answer(f"is in use ({processes.front or 'no shell'})")
    if processes.jobs:
        return Answer(f"has jobs below its shell ({_names(processes.jobs)})")
    if act != Act.FILL and pane.synchronized:
        return Answer("has synchronize-panes on: others would get the keys")
    if act == Act.PROBE:
        return YES
    if processes.line != Line.EMPTY:
        begun = processes.line == Line.BEGUN
        return Answer("has a line begun at its prompt" if begun else "shows no prompt that is surely empty")
    if act == Act.TYPE and not processes.isig:
        return Answer("has a terminal in which Ctrl-C does nothing")
    return YES


def _names(jobs: tuple[str, ...]) -> str:
    """The first of them, for a message of one line."""
    return ", ".join(jobs[:3]) + (", …" if len(jobs) > 3 else "")
