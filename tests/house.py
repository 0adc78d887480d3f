"""How large the code is, beside how large it is to be: `make house` prints it, and `make check` lets nothing grow."""

import ast
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from radon.complexity import cc_visit

ROOT = Path(__file__).parents[1]
CEILINGS = {
    "lines of codex_tmux/": 16_555,
    "lines of tests/": 22_675,
    "lines of hooks.tmux": 198,
}
"""What may not be exceeded where a figure is not yet what it is to be. Lower one whenever you can."""


@dataclass(frozen=True)
class Figure:
    """One measure: what it is now, the most it may be, and the places that make it so."""

    name: str
    now: int
    most: int
    where: tuple[str, ...] = ()

    @property
    def ceiling(self) -> int:
        """The most it may be today."""
        return max(self.most, CEILINGS.get(self.name, 0))


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def lines_of(paths: Iterable[Path]) -> int:
    return sum(len(path.read_text().splitlines()) for path in paths)


def largest(paths: Iterable[Path]) -> list[tuple[int, str]]:
    """Lines and name of each file, largest first."""
    return sorted(((lines_of([path]), str(path.relative_to(ROOT))) for path in paths), reverse=True)


def files_per_folder(paths: Iterable[Path]) -> list[tuple[int, str]]:
    """How many modules stand in each folder, most first; an `__init__.py` is none."""
    folders: dict[str, int] = {}
    for path in paths:
        if path.name != "__init__.py":
            name = str(path.parent.relative_to(ROOT))
            folders[name] = folders.get(name, 0) + 1
    return sorted(((number, name) for name, number in folders.items()), reverse=True)


def complexities(paths: Iterable[Path]) -> list[tuple[int, str]]:
    """Cyclomatic complexity and name of each function and method, highest first."""
    found = []
    for path in paths:
        for block in cc_visit(path.read_text()):
            if block.letter in "FM":
                found.append((block.complexity, f"{path.relative_to(ROOT)}:{block.lineno} {block.name}"))
    return sorted(found, reverse=True)


def inner_imports(path: Path) -> list[str]:
    """Where a file imports inside a function."""
    found = []
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    return sorted(set(found))


def option_names() -> set[str]:
    """The tmux options of our own that the package and the plugin name."""
    places = [*sources("codex_tmux"), *(ROOT / "plugin").iterdir(), ROOT / "codex.tmux"]
    return {name for path in places for name in re.findall(r"@codex_[a-z_]+", path.read_text())}


def circles(paths: Iterable[Path]) -> list[str]:
    """Pairs of folders of the package that import each other; the command line stands above all of them."""
    arrows = set()
    for path in paths:
        own = path.relative_to(ROOT).parts[1:-1]
        if path.name in ("cli.py", "__main__.py"):
            own = ("cli",)
        for name in re.findall(r"^\s*from codex_tmux\.([\w.]+) import", path.read_text(), re.MULTILINE):
            other = ("cli",) if name == "cli" else tuple(name.split(".")[:-1])
            if other != own:
                arrows.add(("/".join(own) or ".", "/".join(other) or "."))
    return sorted(f"{one} <-> {other}" for one, other in arrows if one < other and (other, one) in arrows)


def figures() -> list[Figure]:
    package, tests = sources("codex_tmux"), sources("tests")
    hooks = (ROOT / "plugin" / "hooks.tmux").read_text().splitlines()
    sizes, folders, branches = largest(package), files_per_folder(package), complexities(package)
    imports = [place for path in package for place in inner_imports(path)]
    many = tuple(f"{number} {name}" for number, name in branches if number > 10)
    both_ways = tuple(circles(package))
    return [
        Figure("lines of codex_tmux/", lines_of(package), 10_000),
        Figure("lines of tests/", lines_of(tests), 14_000),
        Figure("lines of the largest file", sizes[0][0], 400, tuple(f"{n} {f}" for n, f in sizes if n > 400)),
        Figure(
            "modules in the fullest folder",
            folders[0][0],
            16,
            tuple(f"{n} {f}" for n, f in folders if n > 16),
        ),
        Figure("folders that import each other", len(both_ways), 0, both_ways),
        Figure("functions of more than 10 branches", len(many), 24, many),
        Figure("branches of the largest function", branches[0][0], 20),
        Figure("imports inside functions", len(imports), 25),
        Figure("@codex_ options", len(option_names()), 45),
        Figure("lines of hooks.tmux", len(hooks), 110),
        Figure("characters of its longest line", max(map(len, hooks)), 200),
    ]


def main(args: list[str]) -> int:
    """Print every figure; with `--check` only those above what they may be today, and fail where there are any."""
    found = figures()
    if "--check" in args:
        grown = [figure for figure in found if figure.now > figure.ceiling]
        sys.stdout.writelines(f"{f.name}: {f.now:,}, and {f.ceiling:,} is the limit\n" for f in grown)
        return int(bool(grown))
    for figure in found:
        mark = "  " if figure.now <= figure.most else "> "
        sys.stdout.write(f"{mark}{figure.now:7,}  of {figure.most:6,}  {figure.name}\n")
        if "--where" in args and figure.now > figure.most:
            sys.stdout.writelines(f"{'':20}{place}\n" for place in figure.where[:40])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
