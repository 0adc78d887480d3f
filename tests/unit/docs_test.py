"""The documentation says what the program says."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import click
import pytest

from codex_tmux import __version__
from codex_tmux.cli import COMMANDS, cli
from codex_tmux.tmux.server import SERVER_CHOSEN

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # click keeps the help option of a command's first use: a test that ran one by itself left it without its -h.
    context = click.Context(cli)
    for name in COMMANDS:
        vars(cli.get_command(context, name))["_help_option"] = None
    return module


def option_table() -> dict[str, str]:
    """The options in the README and their defaults; "" for none. A row may hold several of each."""
    text = (ROOT / "README.md").read_text()
    found: dict[str, str] = {}
    for names, defaults in re.findall(r"^\| (`@codex-[^|]*) \| ([^|]*) \|", text, re.MULTILINE):
        words = re.findall(r"`([^`]*)`", defaults) or [""]
        found |= dict(zip(re.findall(r"`(@[^`]*)`", names), words, strict=True))
    return found


def option_defaults() -> dict[str, str]:
    """The options of plugin/options.sh and their defaults."""
    found = re.findall(r"^(codex_\w+)=(.*)$", (ROOT / "plugin" / "options.sh").read_text(), re.MULTILINE)
    return {"@" + name.replace("_", "-"): value for name, value in found}


def test_the_command_list_is_the_program_s(generate: ModuleType) -> None:
    text = generate.PAGE.read_text()
    assert generate.HELP.search(text), "the place of the command list is marked"
    assert generate.page(text) == text, "run `make man`"


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_the_manual_page_is_the_program_s(generate: ModuleType) -> None:
    assert generate.MANUAL.read_text() == generate.manual(), "run `make man`"


@pytest.mark.skipif(shutil.which("man") is None, reason="no man here")
def test_man_reads_the_manual_page_without_a_warning(generate: ModuleType) -> None:
    done = subprocess.run(
        ["man", "--warnings", "-l", str(generate.MANUAL)],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "MANPAGER": "cat", "LANG": "C.UTF-8", "MANWIDTH": "80"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "codex-tmux list" in done.stdout


def test_the_option_table_has_every_option_and_its_default() -> None:
    assert option_table() == option_defaults()


def test_the_helper_reads_no_option_that_is_not_documented() -> None:
    read = {name for name in SERVER_CHOSEN if name.startswith("@codex-")}
    assert read <= set(option_defaults())


def test_the_changelog_begins_with_this_version() -> None:
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first is not None
    assert first[1] == __version__


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if "://" in target:
            continue
        name, _, heading = target.partition("#")
        place = page.parent / name if name else page
        assert place.exists(), target
        assert not heading or heading in headings(place), target


def headings(page: Path) -> set[str]:
    """The headings of a page, as links name them."""
    lines = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).strip().replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_text_exist(page: Path) -> None:
    known = {*COMMANDS, "sync", "run"}
    for word in re.findall(r"`codex-tmux ([a-z]+)", page.read_text()):
        assert word in known, f"codex-tmux {word}"
