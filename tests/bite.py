"""Take out each guard in turn and see that a test fails: `make bite`.

Each guard of `tests/bite_guards.py` is taken out of a copy of the source, and its tests run there. A guard whose
removal nobody notices is worth nothing: it may go at the next change.
"""

from __future__ import annotations

import argparse
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bite_guards import GUARDS, Guard

CHECKOUT = Path(__file__).resolve().parents[1]
WORKERS = 2
PATIENCE = 60
"""Seconds after which a test counts as hung, which is one way to notice."""
PASSED, FAILED = 0, 1
"""Exit codes of pytest; any other means that the tests did not run."""


def copy_of_the_source(place: Path) -> Path:
    """A copy of the checkout without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=CHECKOUT, capture_output=True, check=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (CHECKOUT / name).exists():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, place / name)
    return place


def without(guard: Guard, text: str) -> str:
    """`text` with the guard taken out. Raises ValueError where it no longer stands there exactly once."""
    found = text.count(guard.old)
    if found != 1:
        raise ValueError(
            f"{guard.name}: its text stands {found} times in {guard.file}, not once: {guard.old!r}"
        )
    return text.replace(guard.old, guard.new)


def run_tests(place: Path, tests: list[str], *options: str) -> tuple[int, list[str]]:
    """Pytest's exit code there, and the tests that failed."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-o",
            f"timeout={PATIENCE}",
            *options,
            *tests,
        ],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    failed = [
        line.split(" ")[1].rpartition("::")[2] for line in lines if line.startswith(("FAILED ", "ERROR "))
    ]
    # A hung test ends all of pytest, with a word on stderr.
    hung = "Timeout" in done.stderr and done.returncode not in (PASSED, FAILED)
    return (FAILED if hung else done.returncode), failed or (["hung"] if hung else lines[-3:])


def main() -> int:
    """Print guard and failing test for each; 1 where the removal of one went unnoticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bite", description=__doc__)
    parser.add_argument("words", nargs="*", help="only guards of whose name or tests one of these is part")
    parser.add_argument(
        "--at-once", action="store_true", help="without a run of these tests with every guard in its place"
    )
    args = parser.parse_args()
    guards = [
        g for g in GUARDS if not args.words or any(w in t for w in args.words for t in (g.name, *g.tests))
    ]
    if not guards:
        parser.error("no such guard")
    wide = max(len(g.name) for g in guards)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bite-") as directory:
        places: queue.Queue[Path] = queue.Queue()
        for number in range(WORKERS):
            places.put(copy_of_the_source(Path(directory, str(number))))
        tests = sorted({test for guard in guards for test in guard.tests})
        code, failed = PASSED, [""]
        if not args.at_once:
            code, failed = run_tests(Path(directory, "0"), tests, "-n", str(WORKERS))
        if code != PASSED:
            print(f"with every guard in its place these must pass, and do not: {failed}", file=sys.stderr)
            return 1

        def bite(guard: Guard) -> bool:
            place = places.get()
            path = place / guard.file
            whole = path.read_text()
            try:
                path.write_text(without(guard, whole))
                code, failed = run_tests(place, list(guard.tests), "-x")
            finally:
                path.write_text(whole)
                places.put(place)
            noticed = code == FAILED
            print(
                f"{guard.name:{wide}}  {failed[0] if noticed else f'NOBODY NOTICES ({failed})'}", flush=True
            )
            return noticed

        with ThreadPoolExecutor(WORKERS) as pool:
            noticed = list(pool.map(bite, guards))
    print(
        f"{sum(noticed)} of {len(noticed)} guards are missed when they are gone ({time.monotonic() - began:.0f} s)"
    )
    return 0 if all(noticed) else 1


if __name__ == "__main__":
    sys.exit(main())
