"""`make test-tmux-matrix`: the tests of tests/tmux on every tmux that was built, as a table in docs/tmux-versions.md.

A version's folder is `VERSION/bin/tmux`. What pytest prints of each is kept beside it, as `VERSION/tests.txt`; exit 1
where a test failed.
"""

import ast
import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from codex_tmux.tmux.versions import limits_of, version_of

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests/tmux"
DOC = ROOT / "docs/tmux-versions.md"
PAGE = """# tmux, version by version

What the tests with a real tmux show on each version from the oldest that codex-tmux supports to tmux's own master.
`make tmux-builds` builds the versions from a clone of tmux; `make test-tmux-matrix` runs the tests with each and writes
this table. A cell is the number of tests that passed. Tests that a machine cannot run, for want of a program, are
skipped on every version alike.
"""
OUTCOME = re.compile(r"%\] (PASSED|FAILED|ERROR|SKIPPED) tests/tmux/(\w+)\.py::")
SKIP = re.compile(r"^SKIPPED \[\d+\] tests/tmux/\w+\.py:\d+: (.*this tmux.*)$", re.MULTILINE)
"""A skip for the version's sake, not for what this machine lacks."""


def run(tmux: Path) -> str:
    """What pytest prints of the tests with this tmux, and then selftest."""
    env = {**os.environ, "PATH": f"{tmux.parent}{os.pathsep}{os.environ['PATH']}"}
    pytest = [sys.executable, "-m", "pytest", "-v", "-rs", "-n", "3", "--dist", "loadgroup", str(TESTS)]
    printed = ""
    for command in (pytest, [sys.executable, "-m", "codex_tmux", "selftest"]):
        done = subprocess.run(
            command, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        printed += f"{done.stdout}\n{command[-1]}: exit {done.returncode}\n"
    (tmux.parents[1] / "tests.txt").write_text(printed)
    return printed


def cell(outcomes: Counter[str]) -> str:
    """How the tests of one file went.

    >>> cell(Counter(PASSED=3)), cell(Counter(PASSED=3, SKIPPED=1)), cell(Counter(PASSED=3, FAILED=1))
    ('3', '3, 1 skipped', '**1 of 4 failed**')
    """
    passed, skipped = outcomes["PASSED"], outcomes["SKIPPED"]
    if failed := outcomes["FAILED"] + outcomes["ERROR"]:
        return f"**{failed} of {outcomes.total()} failed**"
    return f"{passed}, {skipped} skipped" if skipped else str(passed)


def first_sentence(file: Path) -> str:
    """What the tests of a file show, as its docstring begins."""
    text = ast.get_docstring(ast.parse(file.read_text())) or file.stem
    return text.splitlines()[0].rstrip(".")


def table_of(printed: dict[str, str]) -> str:
    """The table, a row for each file of tests, a column for each version (→ what pytest printed)."""
    columns = {}
    for version, text in printed.items():
        counts: dict[str, Counter[str]] = {}
        for outcome, file in OUTCOME.findall(text):
            counts.setdefault(file, Counter())[outcome] += 1
        columns[version] = counts
    lines = [f"| what the tests show | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for file in sorted(TESTS.glob("*_test.py")):
        cells = [cell(counts.get(file.stem, Counter())) for counts in columns.values()]
        lines.append(f"| {first_sentence(file)} | {' | '.join(cells)} |")
    totals = [cell(sum(counts.values(), Counter())) for counts in columns.values()]
    lines.append(f"| **all of tests/tmux** | {' | '.join(totals)} |")
    works = ["yes" if "selftest: exit 0" in text else "**no**" for text in printed.values()]
    lines += [f"| `codex-tmux selftest` | {' | '.join(works)} |", ""]
    for version, text in printed.items():
        lines += [f"- {version}: {limit}." for limit in limits_of(version_of(version))]
        lines += [f"- {version}: a test is skipped: {why}." for why in dict.fromkeys(SKIP.findall(text))]
    return "\n".join(["", *lines, "", f"Seen on {time.strftime('%Y-%m-%d')}, {sys.platform}.", "", ""])


def main(folder: str) -> int:
    """Test with every tmux below `folder`; write the table."""
    versions = {}
    for tmux in Path(folder).resolve().glob("*/bin/tmux"):
        name = subprocess.run([tmux, "-V"], capture_output=True, text=True, check=True).stdout.split()[-1]
        versions[version_of(name), name] = tmux
    if not versions:
        raise SystemExit(f"{folder} has no VERSION/bin/tmux: see make tmux-builds")
    printed = {}
    for key in sorted(versions):
        print(f"tmux {key[1]}", flush=True)
        printed[key[1]] = run(versions[key])
    table = table_of(printed)
    print(table)
    DOC.write_text(PAGE + table.rstrip() + "\n")
    return int("**" in table.replace("**all of tests/tmux**", ""))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
