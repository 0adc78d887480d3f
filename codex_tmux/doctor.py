"""`codex-tmux doctor`: what works here, what does not, and the command that fixes it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable

import click

from codex_tmux.doctor_checks import (
    BROKEN,
    OK,
    WARNING,
    Finding,
    check_aliases,
    check_codex,
    check_conflicts,
    check_daemon,
    check_helper,
    check_hooks,
    check_keys,
    check_locks,
    check_pending,
    check_plugin,
    check_reaping,
    check_state,
    check_title,
    check_tmux,
)
from codex_tmux.doctor_conf import check_conf
from codex_tmux.doctor_patient import Patient
from codex_tmux.errors import Problem
from codex_tmux.plain_text import plain_line
from codex_tmux.tmux import Server

JSON_VERSION = 1
OF_THE_SERVER = (
    check_plugin,
    check_hooks,
    check_aliases,
    check_keys,
    check_helper,
    check_conflicts,
    check_pending,
    check_reaping,
)
OF_THE_MACHINE = (check_conf, check_codex, check_title, check_state, check_locks, check_daemon)
MARK_WIDTH = 9
LEAST_ROOM = 30
MARKS = {OK: ("ok", "green"), WARNING: ("warning", "yellow"), BROKEN: ("broken", "red")}


@click.command(epilog="Example: codex-tmux doctor --json | jq '.checks[] | select(.status != \"ok\")'")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs and bug reports.")
def command(as_json: bool) -> int:
    """Check the installation and suggest fixes.

    Checks tmux, the plugin, tmux.conf, Codex, the state directory and other plugins that resume Codex. Changes
    nothing. Each problem comes with the command that fixes it. Exits 1 if something is broken; a warning means that
    something works less well than it could.
    """
    findings = examine(Patient.of(Server()))
    if as_json:
        checks = [f._asdict() for f in findings]
        click.echo(json.dumps({"version": JSON_VERSION, "checks": checks}, indent=2))
    else:
        for line in report(findings):
            click.echo(line)
    return 1 if any(f.status == BROKEN for f in findings) else 0


def examine(patient: Patient) -> list[Finding]:
    """Every check, in the order they are reported."""
    findings = [checked(check_tmux, patient)]
    checks = (*(OF_THE_SERVER if patient.reachable else ()), *OF_THE_MACHINE)
    return [*findings, *(checked(check, patient) for check in checks)]


def checked(check: Callable[[Patient], Finding], patient: Patient) -> Finding:
    """The finding of one check; one that fails must not hide the others."""
    try:
        return check(patient)
    except (Problem, OSError, ValueError) as e:
        name = check.__name__.removeprefix("check_").replace("_", " ")
        return Finding(name, WARNING, f"cannot be checked: {e}", None)


def report(findings: list[Finding]) -> list[str]:
    """The findings for a person: a line for what, wrapped where the terminal ends, and one to copy that fixes it."""
    terminal = sys.stdout.isatty()
    coloured = terminal and not os.environ.get("NO_COLOR")
    columns = shutil.get_terminal_size().columns if terminal else sys.maxsize
    name_width = max(len(f.name) for f in findings)
    indent = " " * (MARK_WIDTH + name_width + 2)
    lines = []
    for finding in findings:
        word, colour = MARKS[finding.status]
        mark = f"{word:{MARK_WIDTH}}"
        mark = click.style(mark, fg=colour) if coloured else mark
        room = max(LEAST_ROOM, columns - len(indent))
        detail = textwrap.wrap(short(finding.detail), room, break_on_hyphens=False) or [""]
        lines.append(f"{mark}{finding.name:{name_width}}  {detail[0]}")
        lines += [indent + more for more in detail[1:]]
        if finding.fix:
            lines.append(f"{indent}→ {plain_line(finding.fix)}")
    counts = [(sum(f.status == s for f in findings), s) for s in (BROKEN, WARNING)]
    said = ", ".join(f"{n} {'warnings' if s == WARNING and n > 1 else s}" for n, s in counts if n)
    return [*lines, said or "everything is in order"]


def short(detail: str) -> str:
    """A detail as people write paths. A command to copy stays as it is: in quotes a shell takes `~` for a letter."""
    home = os.path.expanduser("~").rstrip("/")
    return plain_line(detail).replace(f"{home}/", "~/") if home else plain_line(detail)
