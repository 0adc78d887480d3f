"""What tmux prints is read back exactly, or not at all; launches survive their way through an option."""

import os
import re
from collections.abc import Callable

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from codex_tmux.codex.session_id import find_id
from codex_tmux.errors import TmuxError
from codex_tmux.restore.build import session_target
from codex_tmux.state.launch import Launch
from codex_tmux.state.pane_options import decode, decode_launch, encode, encode_launch
from codex_tmux.state.start_command import has_moved, helper_of
from codex_tmux.tmux.rows import parse_rows
from codex_tmux.tracking.ended_pane import find_resume_hint
from codex_tmux.tracking.identify import guard_of

HERE, THERE = "/here/bin/codex-tmux", "/there/bin/codex-tmux"


def former_stored(helper: str, command: str) -> str:
    """A sleeping pane's stored command as tmux tells it, which codex-tmux wrote before it stored the helper alone."""
    script = 'p=$1 h=$2; shift 2; [ -x "$p" ] && [ -f "$h" ] && exec "$p" -I -S "$h" "$@"; exec "$0" "$@"'
    words = ["/bin/sh", "-c", script, helper, "/gone/python", "/gone/codex_tmux/hook.py", *command.split()]
    return " ".join('"' + w.replace("\\", "\\\\").replace('"', '\\"') + '"' for w in words)


NAMES = ("pane_id", "pane_dead", "title", "path", "command")

WORD = st.text("%0123456789abc", max_size=6).map(str.encode)
PIECES = b"|a|,|:|\n|\t|=|=n|\\|\\037|\\a|\\$x|$HOME|\x1f|\xff".split(b"|")
ANY = st.one_of(st.binary(max_size=20), st.lists(st.sampled_from(PIECES), max_size=8).map(b"".join)).filter(
    lambda value: b"\0" not in value
)
ROWS = st.lists(st.tuples(WORD, WORD, ANY, ANY, ANY), max_size=4)


def as_they_are(line: bytes) -> bytes:
    """What most versions of tmux do with a line before they print it."""
    return line


def escape_controls(line: bytes) -> bytes:
    """As tmux 3.5a: what is no text as octal or in C's way, a tab as it is; a backslash is not escaped itself."""
    in_c = {"\a": "\\a", "\b": "\\b", "\t": "\t", "\v": "\\v", "\f": "\\f", "\r": "\\r"}

    def shown(c: str) -> str:
        no_text = c < " " or c == "\x7f" or "\udc80" <= c <= "\udcff"
        return in_c.get(c) or (f"\\{os.fsencode(c)[0]:03o}" if no_text else c)

    return "".join(map(shown, line.decode("utf-8", "surrogateescape"))).encode()


def escape_dollars_too(line: bytes) -> bytes:
    """As tmux 3.4."""
    return re.sub(rb"\$(?=[A-Za-z_{])", rb"\\$", escape_controls(line))


PRINTS = [as_they_are, escape_controls, escape_dollars_too]


def written(value: bytes) -> bytes:
    """As the format has tmux write it."""
    return value.replace(b"=", b"=e").replace(b"\\", b"=b").replace(b"\t", b"=t").replace(b"\n", b"=n")


def printed(rows: list[tuple[bytes, ...]], escape: Callable[[bytes], bytes] = as_they_are) -> bytes:
    """As tmux prints these rows."""
    return b"".join(escape(b"\t".join([*row[:2], *map(written, row[2:])])) + b"\n" for row in rows)


def read(data: bytes) -> list[tuple[bytes, ...]]:
    return [
        tuple(v.encode("utf-8", "surrogateescape") for v in row.values()) for row in parse_rows(data, NAMES)
    ]


@pytest.mark.parametrize("escape", PRINTS)
@given(rows=ROWS)
@example(rows=[(b"%1", b"0", b"$HOME", b"\\$x,", b"a$")])
@example(rows=[(b"%1", b"0", b"main", b"codex 'Read:\n" + b"- $file, 12: \\x\n" * 1000 + b"'", b"end")])
def test_any_values_come_back(escape: Callable[[bytes], bytes], rows: list[tuple[bytes, ...]]) -> None:
    assert read(printed(rows, escape)) == rows


@given(ROWS.filter(bool), st.data())
def test_half_an_answer_is_refused(rows: list[tuple[bytes, ...]], data: st.DataObject) -> None:
    whole = printed(rows)
    cut = data.draw(st.integers(1, len(whole) - 1))
    try:
        found = read(whole[:cut])
    except TmuxError:
        return
    assert found == rows[: len(found)], "cut between two rows"


@pytest.mark.parametrize(
    "data", [b"x", b"\n", b"a\tb\n", b"1\t2\t3\t4\t5\t6\n", b"1\t2\t=x\t4\t5\n", b"1\t2\t\\\t4\t5\n"]
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(TmuxError):
        read(data)


TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.binary(max_size=20).map(lambda b: b.decode("utf-8", "surrogateescape")),
).filter(lambda t: "\0" not in t)
LAUNCHES = st.builds(
    Launch,
    mode=st.sampled_from(["tui", "exec"]),
    codex=TEXTS,
    codex_home=TEXTS,
    cwd=TEXTS,
    flags=st.lists(TEXTS, max_size=4).map(tuple),
    shell=st.booleans(),
    env=st.lists(st.tuples(st.from_regex(r"\A[A-Z_]{1,8}\Z"), TEXTS), max_size=3).map(tuple),
    transport=st.lists(TEXTS.filter(bool), max_size=3).map(tuple),
    wrapper=st.lists(TEXTS, max_size=3).map(tuple),
)


@given(TEXTS)
def test_encoded_words(text: str) -> None:
    encoded = encode(text)
    assert decode(encoded) == text
    assert encoded.isascii()
    assert encoded.isprintable()
    assert not set(encoded) & set(" #{}$`\\;'\"\n~*?")


@given(LAUNCHES)
def test_a_launch_survives_its_option(launch: Launch) -> None:
    assert decode_launch(encode_launch(launch)) == launch


@pytest.mark.parametrize("text", ["", "x", "%zz", "tui", "a b c d e", "%", "\udcff", "tui %f /h /c root"])
def test_no_launch(text: str) -> None:
    assert decode_launch(text) is None


@given(st.text(max_size=60))
def test_any_text_in_the_launch_option(text: str) -> None:
    decode_launch(text)
    guard_of(text)
    helper_of(text)


WHOLE = "01a201da-7561-7551-a7df-a07aa6f38cdb"
CUT = WHOLE[:29]
OTHER_CUT = CUT.replace("a07aa", "bbbbb")
SHOWN = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-([0-9a-f]{5}|[0-9a-f]{12})")


@pytest.mark.parametrize(
    ("title", "found"),
    [
        (f"⠋ work | {CUT}...", CUT),
        (f"work | {WHOLE}", WHOLE),
        (f"$(touch pwned) | {CUT}...", CUT),
        # The name of a conversation behind its id, with the id of another one in it.
        (f"work | {CUT}... | see {WHOLE.replace('a07aa', 'bbbbb')} again", CUT),
        (f"⠋ {CUT}... | {WHOLE.replace('a07aa', 'bbbbb')}", CUT),
        (f"work | {CUT}... | {CUT.replace('a07aa', 'bbbbb')}... too", CUT),
        (f"work | {WHOLE} | {WHOLE.replace('a07aa', 'bbbbb')}", ""),
        (f"work | {CUT}... | {WHOLE}", CUT),
        (f"f{WHOLE}", ""),
        (WHOLE.upper(), ""),
        (CUT[:28], ""),
        ("-" * 20_000, ""),
        ("", ""),
        # What stands in the name of a conversation, or of a directory, is no item of its own.
        (f"\u202e{CUT}", ""),
        (f"see {WHOLE} | work", ""),
        (f"⠋ see {CUT}... | work", ""),
        # A directory named by another kind of UUID is no session.
        (f"⠋ {CUT}... | 6f9619ff-8b86-4011-b42d-00c04fc964ff", CUT),
    ],
)
def test_ids_in_titles(title: str, found: str) -> None:
    assert find_id(title) == found


@pytest.mark.parametrize(
    ("title", "names", "found"),
    [
        (WHOLE, set(), WHOLE),
        # A conversation is named by the id of another one, and the title has its name alone, or first.
        (WHOLE, {WHOLE}, ""),
        (f"{CUT}... | {OTHER_CUT}...", {CUT}, ""),
        # No doubt, so nobody is asked.
        (f"{CUT}... | {OTHER_CUT}", {CUT}, CUT),
    ],
)
def test_an_id_that_is_another_conversation_s_name(title: str, names: set[str], found: str) -> None:
    assert find_id(title, names.__contains__) == found


@given(st.text("0123456789abcdef-ABC. ", max_size=120))
def test_what_is_found_is_an_id(text: str) -> None:
    found = find_id(text)
    assert found == "" or (found in text and SHOWN.fullmatch(found))


@given(st.text(max_size=40), st.text(max_size=40))
def test_an_id_between_other_items_is_found(before: str, after: str) -> None:
    assert find_id(f"{before} | {CUT}... | {after}") == CUT


@pytest.mark.parametrize(
    ("screen", "found"),
    [
        (f"To continue this session, run:\n  codex resume {WHOLE}\n$ ", WHOLE),
        (f"run codex resume {WHOLE[:10]}\n{WHOLE[10:]}", WHOLE),
        (f"codex resume {WHOLE.replace('a', 'b')}\nlater: codex resume {WHOLE}", WHOLE),
        (f"codex resume {CUT}...", ""),
        ("codex resume", ""),
        (f"codex resume --last {WHOLE}", ""),
        (f"$(codex resume {WHOLE}", WHOLE),
        ("", ""),
    ],
)
def test_resume_hints(screen: str, found: str) -> None:
    assert find_resume_hint(screen) == found


@pytest.mark.parametrize(
    ("command", "ours"),
    [
        ("codex-tmux run", True),
        ("/opt/x/codex-tmux run --shell", True),
        ('"/opt/a b/codex-tmux" "run"', True),
        ("'/opt/a b/codex-tmux' exec", True),
        ("python3 -m codex_tmux run", True),
        ('"codex-tmux run -- -m x"', True),
        ("\"exec '/opt/a b/codex-tmux' run\"", True),
        ('"cd /src && FOO=1 codex-tmux run"', True),
        ("/usr/bin/python3 -I /x/hook.py run", True),
        ("\"codex 'tell me about codex-tmux run'\"", False),
        ('codex "; codex-tmux run"', False),
        ("\"codex 'x ; codex-tmux run'\"", False),
        ("codex 'codex-tmux'", False),
        ("codex-tmux list", False),
        ("codex-tmux", False),
        ("codex", False),
        ("", False),
        ("vim codex-tmux runner.py", False),
        (former_stored(HERE, "run --shell"), True),
        (former_stored(HERE, "exec"), True),
        (former_stored(HERE, "sync"), False),
        ("/bin/sh -c 'codex hook.py run'", False),
        ("codex 'tell me about codex-tmux run'", False),
        ("codex -m x 'codex-tmux run'", False),
    ],
)
def test_helper_commands(command: str, ours: bool) -> None:
    assert bool(helper_of(command)) is ours


@pytest.mark.parametrize(
    ("command", "helper", "moved"),
    [
        (f"{HERE} run", HERE, False),
        (f"{THERE} run", HERE, True),
        (f"{THERE} run --shell", HERE, True),
        (f"{THERE} exec", HERE, True),
        (former_stored(HERE, "run"), HERE, False),
        (former_stored(THERE, "run"), HERE, True),
        (f"{THERE} run", "", False),  # no helper is known: nothing to lay it for
        ("codex-tmux run", HERE, False),  # by PATH
        ("codex 'use /there/bin/codex-tmux run'", HERE, False),
        ("bash", HERE, False),
    ],
)
def test_a_stored_command_of_a_helper_that_has_moved(command: str, helper: str, moved: bool) -> None:
    assert has_moved(command, helper) is moved


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("a b", "=a b"),
        ("$x*", r"[$]x\*"),
        ("a:b.c", "a?b.c"),
        ("$x:[y]", r"[$]x?\[y\]"),
        ("=a:b", "[=]a?b"),
        (":", "?"),
    ],
)
def test_the_target_that_means_a_tmux_session_of_exactly_this_name(name: str, target: str) -> None:
    """That tmux takes it so, `escaping_test.py` sees; only 3.7 and later allow a colon."""
    assert session_target(name) == target
