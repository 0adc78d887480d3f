"""In which directory a session goes on."""

import json
from pathlib import Path

import pytest

from codex_tmux.codex.rollout import last_directory
from codex_tmux.codex.session_directory import in_directory


@pytest.mark.parametrize(
    ("flags", "session", "pane", "words"),
    [
        ([], "/src", "/src", []),
        ([], "/src/", "/src", []),
        ([], "", "/src", []),
        (["-C", "/a"], "", "/src", ["-C", "/a"]),
        ([], "/tree", "/src", ["-C", "/tree"]),
        (["-m", "x"], "/tree", "/src", ["-m", "x", "-C", "/tree"]),
        (["-C", "/tree"], "/tree", "/src", ["-C", "/tree"]),
        (["-C", "tree"], "/src/tree", "/src", ["-C", "tree"]),
        (["-C", "../src"], "/src", "/src", ["-C", "../src"]),
        # `/cd` since: what was asked for at the start is over.
        (["-C", "/a", "-m", "x"], "/b", "/src", ["-m", "x", "-C", "/b"]),
        (["--cd=/a"], "/src", "/src", ["-C", "/src"]),
    ],
)
def test_the_words(flags: list[str], session: str, pane: str, words: list[str]) -> None:
    assert in_directory(flags, session, pane) == words


def test_a_link_is_no_other_directory(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "link").symlink_to("tree")
    assert in_directory(["-C", "link"], str(tmp_path / "tree"), str(tmp_path)) == ["-C", "link"]


def line(kind: str, **payload: object) -> bytes:
    return json.dumps({"type": kind, "payload": payload}).encode()


TURN = line("turn_context", cwd="/turn", model="m")
SETTINGS = line("event_msg", type="thread_settings_applied", thread_settings={"cwd": "/settings"})
SAID = line("event_msg", type="user_message", message='"turn_context" {"cwd": "/said"}', cwd="/said")
META = line("session_meta", cwd="/meta")


@pytest.mark.parametrize(
    ("lines", "directory"),
    [
        ([META], ""),
        ([META, TURN], "/turn"),
        ([META, TURN, SAID], "/turn"),
        ([META, TURN, SETTINGS], "/settings"),
        ([META, SETTINGS, TURN], "/turn"),
        ([TURN, b'{"type":"turn_context","payload":{"cwd":"/cut'], "/turn"),
        ([TURN, line("turn_context", cwd=None)], "/turn"),
        ([TURN, line("turn_context", model="m")], "/turn"),
        ([TURN, line("event_msg", type="thread_settings_applied", thread_settings=None)], "/turn"),
        ([b'"turn_context"', b"\xff\x00", b""], ""),
    ],
)
def test_what_a_rollout_names_last(lines: list[bytes], directory: str) -> None:
    assert last_directory(b"\n".join(lines)) == directory
