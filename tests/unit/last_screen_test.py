"""What a sleeping pane is drawn with: its last screen, or the last exchange of its conversation."""

import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from codex_tmux.codex.rollout import last_exchange
from codex_tmux.sleeping import last_screen
from codex_tmux.sleeping.last_exchange import laid_out
from codex_tmux.sleeping.last_screen import HINT, KEPT, draw, exchange_screen, packed, unpacked
from tests.unit.codex_store_test import said, written


@pytest.mark.parametrize(
    ("screen", "drawn"),
    [
        ("one line\n\n\nPane is dead (signal 9)\n", "\none line"),
        (
            "\none line\n\n\n\x1b[7m Codex was killed (signal 9) at 18:48 · C-b R brings it back \x1b[0m\n",
            "\none line",
        ),
        ("one\ntwo\n\n", "\none\ntwo"),
        ("\n\n", ""),
    ],
)
def test_the_line_that_tmux_draws_scrolls_nothing_off(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], screen: str, drawn: str
) -> None:
    """As often as it sleeps: nothing grows, and the only line stays on the screen."""
    monkeypatch.setattr(last_screen, "tmux", lambda *words: screen.encode())
    assert draw("codex-1") == 1, "the status lets tmux keep the pane"
    assert capfdbinary.readouterr().out == drawn.encode() + b"\x1b[0m"


CASES: list[tuple[list[tuple[str, str]], int, int, list[str]]] = [
    ([("you", "fix it"), ("Codex", "Done.")], 20, 9, ["› fix it", "", "• Done."]),
    # Not answered yet: in the order in which they came.
    ([("Codex", "Done."), ("you", "and now?")], 20, 9, ["• Done.", "", "› and now?"]),
    ([("you", "one two three four")], 10, 9, ["› one two", "  three", "  four"]),
    ([("Codex", "a\n\n  if x:\n\tgo")], 20, 9, ["• a", "", "    if x:", "      go"]),
    # Of the answer the end, of the words of the user at least a third.
    ([("you", "a b c"), ("Codex", "1\n2\n3\n4\n5\n6")], 10, 5, ["› a b c", "  3", "  4", "  5", "  6"]),
    ([("you", "a\nb\nc\nd"), ("Codex", "1\n2\n3\n4\n5\n6")], 10, 6, ["› a…", "", "  3", "  4", "  5", "  6"]),
    ([("you", "a\nb\nc\nd"), ("Codex", "1\n2")], 10, 6, ["› a", "  b", "  c…", "", "• 1", "  2"]),
    # A tiny pane: 10×3, of which tmux's own line takes one.
    ([("you", "please fix the parser"), ("Codex", "It is fixed")], 10, 2, ["› please…", "  fixed"]),
    ([("you", "please"), ("Codex", "It is fixed")], 10, 1, ["  fixed"]),
    ([("you", "please"), ("Codex", "ok")], 4, 2, ["›pl…", "•ok"]),
    ([("you", "please"), ("Codex", "ok")], 1, 2, ["…", "k"]),
    ([("you", "please"), ("Codex", "日本語")], 2, 2, ["›p", " …"]),
    ([("you", "x"), ("Codex", "y")], 0, 5, []),
    ([("you", "x"), ("Codex", "y")], 5, 0, []),
    # Two cells each: no half of one stands at an edge.
    ([("Codex", "日本語の構文解析器")], 9, 9, ["• 日本語", "  の構文", "  解析器"]),
    ([("Codex", "ab 日本語日本語")], 10, 9, ["• ab 日本", "  語日本語"]),
    ([("Codex", "✅ done 🎉")], 10, 9, ["• ✅ done", "  🎉"]),
    ([("Codex", "abcdefghijklmnopqrst")], 10, 9, ["• abcdefgh", "  ijklmnop", "  qrst"]),
    # What a terminal, tmux or a shell would obey.
    ([("you", "a\x1b[31mred\x1b[0m\x07\x9b2J")], 20, 9, ["› ared"]),
    (
        [("Codex", "#{pane_id} #(touch HIT) $HOME \\033[31m #[fg=red]")],
        60,
        9,
        ["• #{pane_id} #(touch HIT) $HOME \\033[31m #[fg=red]"],
    ),
    ([("", "the parser")], 20, 9, ["the parser"]),
    ([("you", " \n"), ("Codex", "\x1b[2J")], 20, 9, []),
]


@pytest.mark.parametrize(("messages", "width", "height", "rows"), CASES)
def test_the_last_exchange_in_a_pane(
    messages: list[tuple[str, str]], width: int, height: int, rows: list[str]
) -> None:
    assert laid_out(messages, width, height) == rows


TEXT = st.text(
    st.one_of(
        st.sampled_from("\x1b\x9b\x07\n\r\t[]m; ab日語✅🎉\u0301\u200d\ufe0f\ud800\u2028"), st.characters()
    )
)
MESSAGES = st.sampled_from([("you", "Codex"), ("Codex", "you"), ("you",), ("Codex",), ("",), ()]).flatmap(
    lambda who: st.tuples(*(st.tuples(st.just(w), TEXT) for w in who)).map(list)
)


@given(MESSAGES, st.integers(0, 40), st.integers(0, 12))
def test_nothing_is_wider_or_higher_than_its_pane_nor_obeyed(
    messages: list[tuple[str, str]], width: int, height: int
) -> None:
    rows = laid_out(messages, width, height)
    assert len(rows) <= height
    for row in rows:
        assert cell_len(row) <= width
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u202a-\u202e]", row)


@given(MESSAGES)
def test_a_buffer_brings_what_was_put_into_it(messages: list[tuple[str, str]]) -> None:
    found = unpacked(packed(messages))
    assert [who for who, _ in found] == [who for who, _ in messages]
    assert laid_out(found, 300, 300) == laid_out(
        [(who, text.encode("utf-8", "replace").decode().replace("\x1e", "")) for who, text in messages],
        300,
        300,
    )


def test_of_a_message_of_a_megabyte_the_pane_gets_what_it_can_show() -> None:
    words = "".join(string.ascii_lowercase[n % 26] for n in range(1_000_000))
    data = packed([("you", words), ("Codex", words)])
    assert len(data) < 2 * KEPT + 20
    rows = laid_out(unpacked(data), 10, 4)
    assert rows[0] == "› abcdefg…"
    assert len(rows) == 4
    assert words.endswith("".join(row.strip() for row in rows[1:]))


def test_tmux_and_its_line_find_room() -> None:
    """The line that tmux draws scrolls one off; a tmux that has no line of ours gets it drawn above that."""
    said = [("you", "one"), ("Codex", "1\n2\n3\n4\n5")]
    assert exchange_screen(said, 10, 5).count(b"\n") == 3
    old = exchange_screen([*said, (HINT, "asleep since the restart · wakes when shown")], 30, 5)
    assert old.count(b"\n") == 3
    assert "\x1b[7mthe restart · wakes when shown".encode() in old


def rollout(path: Path, *messages: tuple[str, str], between: int = 0) -> str:
    noise = {"type": "response_item", "payload": {"type": "function_call_output", "output": "x" * between}}
    return str(written(path, *(e for role, text in messages for e in (said(role, text), noise))))


@pytest.mark.parametrize(
    ("messages", "between", "last"),
    [
        (
            [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"), ("assistant", "e")],
            0,
            ["c", "e"],
        ),
        ([("user", "a"), ("assistant", "b"), ("user", "c")], 0, ["b", "c"]),
        ([("user", "a")], 0, ["a"]),
        ([("user", "<environment_context>x"), ("assistant", "hi")], 0, ["hi"]),
        # A turn that printed much, and one that printed more than is read.
        ([("user", "a"), ("assistant", "b")], 500_000, ["a", "b"]),
        ([("user", "a"), ("assistant", "b")], 1_500_000, ["b"]),
        ([], 0, []),
    ],
)
def test_the_last_exchange_of_a_rollout(
    tmp_path: Path, messages: list[tuple[str, str]], between: int, last: list[str]
) -> None:
    path = rollout(tmp_path / "r.jsonl", *messages, between=between)
    assert [text for _, text in last_exchange(path)] == last


def test_a_compressed_rollout_is_not_read_as_text(tmp_path: Path) -> None:
    assert last_exchange(rollout(tmp_path / "r.jsonl.zst", ("user", "a"), ("assistant", "b"))) == []
