"""The facts by which `may_act` decides, from a row of tmux's and the system's processes."""

from codex_tmux.codex.processes.find import CodexProcess
from codex_tmux.codex.processes.table import Processes
from codex_tmux.codex.processes.terminal import interrupts, jobs_of, shell_is_idle
from codex_tmux.codex.shells import is_typed_into
from codex_tmux.state.records import EXEC
from codex_tmux.tracking.may_act import PaneFacts, Place, ProcessFacts


def pane_facts(row: dict[str, str]) -> PaneFacts:
    """What tmux's row says of the pane."""
    return PaneFacts(
        dead=row["pane_dead"] == "1",
        in_mode=row["pane_in_mode"] not in ("", "0"),
        synchronized=row.get("pane_synchronized") == "1",
        exec_pane=row.get("@codex_mode") == EXEC,
    )


def place_of(codex: CodexProcess | None) -> str:
    if codex is None:
        return Place.NONE
    if codex.inside:
        return Place.INSIDE
    if codex.step:
        return Place.STEP
    if codex.root:
        return Place.ROOT
    if codex.foreground:
        return Place.FOREGROUND
    return Place.STOPPED if codex.stopped else Place.BACKGROUND


def codex_facts(codex: CodexProcess) -> ProcessFacts:
    """What is known of a pane when its Codex is."""
    return ProcessFacts(codex=place_of(codex), codex_exec=codex.command.mode == "exec")


def process_facts(
    row: dict[str, str], processes: Processes, codex: str = Place.NONE, of_codex: int = 0
) -> ProcessFacts:
    """All but what stands at the prompt; `of_codex` is the process of the Codex, whose own ones are no other jobs."""
    root, tty = int(row["pane_pid"] or 0), row["pane_tty"]
    return ProcessFacts(
        codex=codex,
        front=row["pane_current_command"],
        shell=is_typed_into(processes.argv(root), processes.cwd(root)),
        waits=shell_is_idle(processes, root, tty),
        jobs=jobs_of(processes, root, of_codex),
        isig=interrupts(tty),
        age=age_of(processes, root),
    )


def age_of(processes: Processes, pid: int) -> float:
    """Seconds since the process began; 0 where there is none."""
    process = processes.get(pid)
    return processes.age(process.start) if process is not None else 0.0
