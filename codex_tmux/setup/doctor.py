"""`codex-tmux doctor`: what works here, what does not, and the command that fixes it."""

import os
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import click

from codex_tmux.errors import Problem
from codex_tmux.json_form import document
from codex_tmux.plain_text import plain_line
from codex_tmux.setup.check_bindings import check_bindings
from codex_tmux.setup.check_codex import check_codex, check_daemon, check_title
from codex_tmux.setup.check_conf import check_conf
from codex_tmux.setup.check_helper import check_helper
from codex_tmux.setup.check_state import check_state
from codex_tmux.setup.check_tmux import check_conflicts, check_plugin, check_tmux
from codex_tmux.setup.doctor_facts import BROKEN, OK, WARNING, DoctorFacts, Finding
from codex_tmux.tmux.server import Server

MARK_WIDTH = 9
LEAST_ROOM = 30
COLOURS = {OK: "green", WARNING: "yellow", BROKEN: "red"}


class Check(NamedTuple):
    name: str
    look: Callable[[DoctorFacts], Finding]
    of_a_server: bool = False
    """Whether there must be a tmux server to look at."""


CHECKS = (
    Check("tmux", check_tmux),
    Check("plugin", check_plugin, of_a_server=True),
    Check("bindings", check_bindings, of_a_server=True),
    Check("helper", check_helper, of_a_server=True),
    Check("conflicts", check_conflicts, of_a_server=True),
    Check("tmux.conf", check_conf),
    Check("codex", check_codex),
    Check("title", check_title),
    Check("state", check_state),
    Check("daemon", check_daemon),
)
"""In the order they are reported."""


@click.command(epilog="Example: codex-tmux doctor --json | jq '.checks[] | select(.status != \"ok\")'")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs and bug reports.")
def command(as_json: bool) -> int:
    """Check the installation and suggest fixes.

    Checks tmux, the plugin, tmux.conf, Codex, the state directory and other plugins that resume Codex. Changes
    nothing. Each problem comes with the command that fixes it. Exits 1 if something is broken; a warning means that
    something works less well than it could.
    """
    facts = DoctorFacts.of(Server())
    found = {c.name: finding_of(c, facts) for c in CHECKS if facts.reachable or not c.of_a_server}
    if as_json:
        click.echo(
            document("checks", ({"name": name, **finding._asdict()} for name, finding in found.items()))
        )
    else:
        for line in report(found):
            click.echo(line)
    return 1 if any(finding.status == BROKEN for finding in found.values()) else 0


def finding_of(check: Check, facts: DoctorFacts) -> Finding:
    try:
        return check.look(facts)
    except (Problem, OSError, ValueError) as e:
        return Finding(WARNING, f"cannot be checked: {e}")


def report(found: dict[str, Finding]) -> list[str]:
    """The findings for a person: a line for what, wrapped where the terminal ends, and one to copy that fixes it."""
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    name_width = max(map(len, found))
    indent = " " * (MARK_WIDTH + name_width + 2)
    lines = []
    for name, finding in found.items():
        detail = textwrap.wrap(
            short(finding.detail), max(LEAST_ROOM, columns - len(indent)), break_on_hyphens=False
        )
        mark = click.style(f"{finding.status:{MARK_WIDTH}}", fg=COLOURS[finding.status])
        lines.append(f"{mark}{name:{name_width}}  {''.join(detail[:1])}")
        lines += [indent + more for more in detail[1:]]
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
