"""`codex-tmux doctor`: what works here, what does not, and the command that fixes it."""

import os
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Callable

import click

from codex_tmux.errors import Problem
from codex_tmux.json_form import document
from codex_tmux.plain_text import plain_line
from codex_tmux.setup.check_codex import check_codex, check_title
from codex_tmux.setup.check_helper import check_conf, check_helper
from codex_tmux.setup.check_state import check_state
from codex_tmux.setup.check_tmux import check_bindings, check_conflicts, check_plugin, check_tmux
from codex_tmux.setup.doctor_facts import BROKEN, OK, WARNING, DoctorFacts, Finding
from codex_tmux.tmux.server import Server

MARK_WIDTH = 9
LEAST_ROOM = 30
COLOURS = {OK: "green", WARNING: "yellow", BROKEN: "red"}


CHECKS: dict[str, Callable[[DoctorFacts], Finding]] = {
    "tmux": check_tmux,
    "plugin": check_plugin,
    "bindings": check_bindings,
    "helper": check_helper,
    "conflicts": check_conflicts,
    "tmux.conf": check_conf,
    "codex": check_codex,
    "title": check_title,
    "state": check_state,
}
"""In the order they are reported."""
OF_A_SERVER = ("plugin", "bindings", "helper", "conflicts")
"""Those that need a tmux server to look at."""


@click.command(epilog="Example: codex-tmux doctor --json | jq '.checks[] | select(.status != \"ok\")'")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs and bug reports.")
def command(as_json: bool) -> int:
    """Check the installation and suggest fixes.

    Checks tmux, the plugin, tmux.conf, Codex, the state directory and other plugins that resume Codex. Changes
    nothing. Each problem comes with the command that fixes it. Exits 1 if something is broken; a warning means that
    something works less well than it could.
    """
    facts = DoctorFacts.of(Server())
    found = {
        name: finding_of(look, facts)
        for name, look in CHECKS.items()
        if facts.reachable or name not in OF_A_SERVER
    }
    if as_json:
        click.echo(
            document("checks", ({"name": name, **finding._asdict()} for name, finding in found.items()))
        )
    else:
        for line in report(found):
            click.echo(line)
    return 1 if any(finding.status == BROKEN for finding in found.values()) else 0


def finding_of(look: Callable[[DoctorFacts], Finding], facts: DoctorFacts) -> Finding:
    try:
        return look(facts)
    except (Problem, OSError, ValueError) as e:
        return Finding(WARNING, f"cannot be checked: {e}")


def report(found: dict[str, Finding]) -> list[str]:
    """The findings for a person: a line for what, wrapped where the terminal ends, and one to copy that fixes it."""
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    name_width = max(map(len, found))
    indent = " " * (MARK_WIDTH + name_width + 2)
    lines = []
    for name, finding in found.items():
        detail = textwrap.fill(
            short(finding.detail),
            max(columns, len(indent) + LEAST_ROOM),
            initial_indent=indent,
            subsequent_indent=indent,
            break_on_hyphens=False,
        )
        mark = click.style(f"{finding.status:{MARK_WIDTH}}", fg=COLOURS[finding.status])
        lines.append(f"{mark}{name:{name_width}}  {detail.lstrip()}")
        lines += [f"{indent}→ {plain_line(finding.fix)}"] if finding.fix else []
    counts = Counter(finding.status for finding in found.values())
    broken, warnings = counts[BROKEN], counts[WARNING]
    said = [f"{broken} {BROKEN}"] if broken else []
    said += [f"{warnings} {WARNING}{'s' if warnings > 1 else ''}"] if warnings else []
    return [*lines, ", ".join(said) or "everything is in order"]


def short(detail: str) -> str:
    """A detail as people write paths. A command to copy stays as it is: in quotes a shell takes `~` for a letter."""
    home = os.path.expanduser("~").rstrip("/")
    return plain_line(detail).replace(f"{home}/", "~/") if home else plain_line(detail)
