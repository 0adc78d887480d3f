import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from codex_tmux.plain_text import age, plain, plain_line, shortened, tilde

HOSTILE = st.text(
    st.one_of(
        st.sampled_from("\x1b\x07\x9b\x9d\x90\x9c\\[]();?m0123aP^_X\r\n\t\u202e\u2066\u200b\ud800"),
        st.characters(),
    )
)


@given(HOSTILE)
@example("\x1b]0;title")
@example("\x1b[")
@example("\x1b\x1b]52;c;aGk=\x07\x07")
def test_nothing_is_left_that_a_terminal_obeys(text: str) -> None:
    left = plain(text)
    for char in left:
        category = unicodedata.category(char)
        assert char in "\n\t" or char in "\u200c\u200d" or category not in ("Cc", "Cf", "Cs", "Zl", "Zp")
    assert plain(left) == left, "twice is once"
    left.encode()
    assert len(plain_line(text).splitlines()) <= 1


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a\x1b[31mred\x1b[0m b", "ared b"),
        ("\x1b]0;you have mail\x07x", "x"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("\x1bPq#0;2\x1b\\after", "after"),
        ("\x1b(0lqk", "lqk"),
        ("\x1bc clean", " clean"),
        ("10%\r20%\r\ndone", "10%\n20%\ndone"),
        ("abc\u202edcba", "abcdcba"),
        ("tab\tnew\nline", "tab\tnew\nline"),
        ("żółć 日本 👩\u200d💻", "żółć 日本 👩\u200d💻"),
        ("half \ud83d", "half \ufffd"),
        ("one\u2028two", "one\ntwo"),
    ],
)
def test_plain(text: str, wanted: str) -> None:
    assert plain(text) == wanted


@given(st.text(), st.integers(1, 50))
def test_shortened_is_short(text: str, width: int) -> None:
    short = shortened(text, width)
    assert len(short) <= width
    assert short == text or short.endswith("…")


def test_home_is_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/user/")
    paths = ("/home/user", "/home/user/a", "/home/users", "/")
    assert [tilde(path) for path in paths] == ["~", "~/a", "/home/users", "/"]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(-5, "0s"), (59, "59s"), (60, "1m"), (7300, "2h"), (9e5, "10d"), (4e7, "1y")]
)
def test_ages(seconds: float, shown: str) -> None:
    assert age(seconds) == shown
