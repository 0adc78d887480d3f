"""`make test-codex-matrix`: every real Codex that is installed, step by step, as a table in docs/codex-versions.md.

A version's folder is npm's: `VERSION/node_modules/.bin/codex`. Prints what each step saw; exit 1 where one failed.
"""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e import version_steps
from tests.support.world import Sandbox

DOC = Path(__file__).parents[1] / "docs/codex-versions.md"
TABLE = re.compile(r"(?<=<!-- matrix -->\n).*?(?=<!-- /matrix -->)", re.DOTALL)
STEPS = (
    "setup", "identify", "kill → respawn", "respawn -k", "quit", "resume by hand", "exec", "without setup",
    "updated below a pane",
)  # fmt: skip


def attempt(seen: dict[str, str], name: str, step: Callable[[], str | dict[str, str]]) -> None:
    """Take one step (or several at once) and note what it saw, or that it failed."""
    start = time.monotonic()
    try:
        found = step()
    except Exception as e:
        # The table has room for a line; the screens are for whoever ran this.
        print(e, file=sys.stderr)
        found = f"**{(str(e) or repr(e)).splitlines()[0][:120]}**"
    seen |= found if isinstance(found, dict) else {name: found}
    print(f"  {name}: {found} ({time.monotonic() - start:.0f} s)", flush=True)


def look_at(codex: Path, newest: Path) -> dict[str, str]:
    """What this Codex does, step by step."""
    seen: dict[str, str] = {}
    with Sandbox(codex, title=False) as world:
        world.start_server(load_plugin=True)
        world.attach()
        attempt(seen, "setup", lambda: version_steps.setup(world))
        attempt(seen, "identify", lambda: version_steps.identify_and_kill(world))
        attempt(seen, "exec", lambda: version_steps.exec_pane(world))
        model = ("-m", "mock-model-2")
        old = version_steps.version(world) < (0, 130, 0)
        flags = ("--full-auto", *model) if old else model
        attempt(seen, "updated below a pane", lambda: version_steps.update(world, str(newest), flags, model))
        attempt(seen, "doctor", lambda: version_steps.doctor(world))
    with Sandbox(codex, title=False) as world:
        world.start_server(load_plugin=True)
        world.attach()
        attempt(seen, "without setup", lambda: version_steps.without_setup(world))
        if version_steps.version(world) < (0, 117, 0):
            seen["without setup"] += ", once looked at"
    return seen


def main(folder: str) -> int:
    """Look at every version below `folder`; write the table."""
    found = {tuple(map(int, path.name.split("."))): path for path in Path(folder).iterdir()}
    codexes = {version: found[version] / "node_modules/.bin/codex" for version in sorted(found)}
    newest = codexes[max(codexes)]
    rows, said = [], []
    for version, codex in codexes.items():
        name = ".".join(map(str, version))
        print(name, flush=True)
        seen = look_at(codex, newest)
        rows.append([name, *(seen.get(step, "**not reached**") for step in STEPS)])
        said.append(f"- {name}: {seen['doctor']}")
    tmux = subprocess.run(["tmux", "-V"], capture_output=True, text=True, check=True).stdout.strip()
    lines = ["| Codex | " + " | ".join(STEPS) + " |", "|---" * (len(STEPS) + 1) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    lines += [
        "",
        f"Seen on {time.strftime('%Y-%m-%d')}, {sys.platform}, {tmux}. `doctor` says of the Codex itself:",
    ]
    table = "\n".join(["", *lines, "", *said, "", ""])
    print(table)
    DOC.write_text(TABLE.sub(lambda _: table, DOC.read_text()))
    return int("**" in table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
