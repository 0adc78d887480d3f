"""Command lines that reach a far end: what runs there, how it resumes, and how the far end is asked.

The command lines are in transports.txt.
"""

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_tmux.elsewhere.programs import PROGRAMS
from codex_tmux.elsewhere.remote_command import codex_of, with_script
from codex_tmux.elsewhere.run_again import NOTHING, RESUME, run_again
from codex_tmux.elsewhere.shell_text import commands
from codex_tmux.elsewhere.transport import Transport, of_argv

ID = "01a201da-7561-7551-a7df-a07aa6f38cdb"
QUIET = "-o BatchMode=yes -o ConnectTimeout=5 -o ClearAllForwardings=yes -o RemoteCommand=none"
QUIET += " -o PermitLocalCommand=no -T"
TEXT = Path(__file__).with_name("transports.txt").read_text()
ROWS = [line.split(" => ") for line in TEXT.splitlines() if line and line[0] != "#"]


def read(line: str) -> Transport:
    """The transport of a command line written as in a shell."""
    found = of_argv(shlex.split(line))
    assert found is not None
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_command_line(row: list[str]) -> None:
    line, leads_to, *further = row
    found = of_argv(shlex.split(line))
    if leads_to == "nowhere":
        assert found is None or not found.target
        assert run_again(shlex.split(line)).how == NOTHING or not further
        return
    assert found is not None
    assert leads_to == found.name
    if found.goes_back:
        assert list(found.argv) == shlex.split(line)
    if further:
        check_again(line, *further[0].split(" ", 1))
    if further[1:]:
        expected = further[1].replace("QUIET", QUIET)
        assert expected == (" ".join(found.asking) or "nobody")


def check_again(line: str, how: str, words: str) -> None:
    """What runs again: never a prompt, and asked again of its own words the same."""
    again = run_again(shlex.split(line), ID)
    assert (again.how, shlex.join(again.words)) == (how.rstrip("+"), words.replace("ID", ID))
    assert bool(again.codex) == (again.how == RESUME)
    assert again.ends == (how == RESUME)
    remembered = run_again(shlex.split(line))
    assert run_again(remembered.words, ID) == run_again(again.words, ID) == again
    assert "hello" not in shlex.join(remembered.words), "no prompt is in it"
    if again.how == RESUME:
        codex = codex_of(read(shlex.join(again.words)))
        assert codex
        assert (codex.command.session_id, codex.command.prompt) == (ID, False)


def test_every_program_has_a_line() -> None:
    named = {word.rpartition("/")[2] for row in ROWS if len(row) > 2 for word in row[0].split()}
    assert set(PROGRAMS) <= named


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (
            ["perl", "/usr/bin/mosh", "--ssh=ssh -p 2", "host", "--", "codex"],
            "/usr/bin/mosh '--ssh=ssh -p 2' host -- codex",
        ),
        (
            ["/bin/sh", "/usr/bin/distrobox", "enter", "box", "--", "codex"],
            "/usr/bin/distrobox enter box -- codex",
        ),
    ],
)
def test_what_a_script_looks_like_among_processes(argv: list[str], line: str) -> None:
    assert of_argv(argv) == of_argv(shlex.split(line))


def test_fresh_keeps_flags_and_leaves_the_prompt() -> None:
    assert run_again(["ssh", "-t", "host", "codex -m x 'do it'"]).words == ("ssh", "-t", "host", "codex -m x")


def test_words_that_mosh_has_joined_are_not_rebuilt() -> None:
    again = run_again(["mosh-client", "-# far -- codex --add-dir /tmp/a b hello |", "127.0.0.1", "60001"], ID)
    assert (again.how, again.words) == (NOTHING, ("mosh",))


SCRIPT = 'for f in "$d"/x; do echo "$f"; done'
ASKED = "sh -c " + shlex.quote(SCRIPT)


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("ssh -t host codex -m x", (ASKED,)),
        ("ssh -t host 'cd /x && exec codex hi; bash'", (f"cd /x && exec {ASKED}",)),
        ("ssh -t host 'CODEX_HOME=~/c codex'", (f"CODEX_HOME=~/c {ASKED}",)),
        ("ssh -t host \"A='x exec y' exec codex\"", (f"A='x exec y' exec {ASKED}",)),
        ("docker exec -it box env CODEX_HOME=/c codex", ("env", "CODEX_HOME=/c", "sh", "-c", SCRIPT)),
        ("docker exec -it box bash -lc 'CODEX_HOME=$X codex'", ("bash", "-lc", f"CODEX_HOME=$X {ASKED}")),
    ],
)
def test_the_question_is_asked_where_codex_would_start(line: str, asked: tuple[str, ...]) -> None:
    assert with_script(read(line), SCRIPT) == asked


@given(st.lists(st.text(max_size=8), min_size=1, max_size=5))
def test_words_that_a_shell_quoted_are_read_as_they_were(words: list[str]) -> None:
    (found,) = commands(shlex.join(words))
    assert found.texts == words
    assert not any("$" in word.unsettled for word in found.words)


@given(st.text(alphabet=" \t\n'\"\\$`&|;<>(){}#=-abc", max_size=30))
def test_no_text_is_an_error(text: str) -> None:
    commands(text)
    assert run_again(["ssh", "-t", "host", text], ID).how != NOTHING


@given(
    st.lists(st.sampled_from("ssh host -t -- codex sudo env A=b docker exec -it box mosh tmux -L".split()))
)
def test_no_command_line_is_an_error(argv: list[str]) -> None:
    found = of_argv(argv)
    if found is not None:
        assert list(found.argv) == argv
        again = run_again(argv)
        assert run_again(again.words) == again, "what is remembered says the same again"
