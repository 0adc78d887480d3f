"""Which version a Codex is, told by the files around it, and what follows from that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codex_tmux.codex.version import LIMITS, ask_version, limits_of, version_beside, version_in
from codex_tmux.errors import Problem


def npm(folder: Path, version: str, name: str = "@openai/codex") -> Path:
    """npm's layout: a link in `.bin`, the script in the package; the link."""
    script = folder / "node_modules/@openai/codex/bin/codex.js"
    script.parent.mkdir(parents=True)
    script.touch(mode=0o755)
    (script.parents[1] / "package.json").write_text(json.dumps({"name": name, "version": version}))
    link = folder / "node_modules/.bin/codex"
    link.parent.mkdir()
    link.symlink_to(script)
    return link


def binary(path: Path) -> Path:
    """A native binary that must not be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


def test_npm(tmp_path: Path) -> None:
    assert version_beside(str(npm(tmp_path, "0.144.6"))) == (0, 144, 6)


def test_the_native_binary_of_npm(tmp_path: Path) -> None:
    package = tmp_path / "node_modules/@openai/codex-linux-x64"
    found = binary(package / "vendor/x86_64-unknown-linux-musl/bin/codex")
    (package / "package.json").write_text(
        '{"name": "@openai/codex-linux-x64", "version": "0.169.0-linux-x64"}'
    )
    assert version_beside(str(found)) == (0, 169, 0)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("opt/homebrew/Caskroom/codex/0.154.0/codex-aarch64-apple-darwin", (0, 154, 0)),
        ("opt/homebrew/Cellar/codex/0.130.0/bin/codex", (0, 130, 0)),
        ("mise/installs/codex/0.117.0/codex", (0, 117, 0)),
        ("mise/installs/npm-openai-codex/0.117.0/bin/codex", (0, 117, 0)),
        ("nvm/versions/node/v20.1.0/bin/codex", None),
        ("usr/local/bin/codex", None),
    ],
)
def test_a_folder_named_for_the_version(
    tmp_path: Path, place: str, expected: tuple[int, int, int] | None
) -> None:
    found = binary(tmp_path / place)
    link = tmp_path / "bin/codex"
    link.parent.mkdir()
    link.symlink_to(found)
    assert version_beside(str(found)) == version_beside(str(link)) == expected


def test_somebody_elses_package_says_nothing(tmp_path: Path) -> None:
    assert version_beside(str(npm(tmp_path, "1.2.3", "codex-of-mine"))) is None
    (tmp_path / "package.json").write_text("no json")
    assert version_beside(str(binary(tmp_path / "bin/codex"))) is None
    assert version_beside(str(tmp_path / "not/there")) is None


def test_a_codex_that_only_says_it_itself(tmp_path: Path) -> None:
    program = tmp_path / "codex"
    program.write_text("#!/bin/sh\necho codex-cli 0.117.0\n")
    program.chmod(0o755)
    assert ask_version([str(program)]) == (0, 117, 0)
    program.write_text("#!/bin/sh\necho codex-cli 0.117.0; exit 1\n")
    assert ask_version([str(program)]) is None
    with pytest.raises(Problem, match="gave no answer"):
        ask_version([str(tmp_path / "gone")])
    assert version_in("codex-cli 0.0.0") is None, "built from source"


def test_limits() -> None:
    assert limits_of((0, 98, 0)) == [text for _, text in LIMITS]
    assert len(limits_of((0, 117, 0))) == 2
    assert len(limits_of((0, 144, 6))) == 1
    assert limits_of((0, 154, 0)) == []
