"""Screens and titles of the real Codex 0.169, as tmux captured them."""

import re

import pytest

from codex_tmux.codex.screen import SPINNER, last_message, title_name, without_activity
from tests.support.world import plugin_file

NEW = """\

  >_ OpenAI Codex (v0.169.0)
     /home/u/work



                                                       ⣀⣤⣤⣤⣀⣀
                                                    ⣠⣶⣿⣿⣿⣿⣿⣿⣿⣿⣦⣤⣤⣤⣤⣤⣤⡀

› Ask Codex to do anything

  mock-model default · /home/u/work
  ← for agents · ? for shortcuts
"""
TALK = """\

  >_ OpenAI Codex (v0.169.0)
     /home/u/work

› first of all

• turn 1 | first: first of all

  Worked for <1s • 08:34

› a long message of mine word and more words, quite a lot of them word and more words, quite a lot of them word and
  more words, quite a lot of them

• Working (0s • esc to interrupt)

› Ask Codex to do anything

  mock-model default · /home/u/work · A conversation
"""
STATUS = """\
  Worked for 1s • 08:30

/status

  >_ OpenAI Codex (v0.169.0)

  Server:              Local background server

  Model:               mock-model (reasoning none)

› Ask Codex to do anything

  mock-model default · /home/u/work · A conversation
"""
PICKER = """\
 Resume a previous session

 Filter:  Cwd  All    Status:  Active  Archived    Sort:  Updated  Created

 Type to search

  › now         A conversation
    2s ago      A conversation

 enter resume   ^a archive   esc exit   ^c exit   tab focus sort/filter   ←/→ change option
"""


def test_the_last_message_is_the_one_above_the_input_line() -> None:
    message = last_message(TALK)
    assert message is not None
    assert message.startswith("a long message of mine")
    assert message.endswith("quite a lot of them")


def test_a_message_that_was_scrolled_off_stays_in_the_first_line() -> None:
    screen = "› a long message of mine and so on and s…\n  the answer goes on\n  and on\n\n› Ask Codex\n"
    assert last_message(screen) == "a long message of mine and so on and s"
    assert last_message(screen.replace(" and so on and s…", "")) == "a long message of mine"


def test_a_new_session_has_none_yet() -> None:
    assert last_message(NEW) == ""


def test_typing_does_not_change_what_was_said() -> None:
    assert last_message(NEW.replace("Ask Codex to do anything", "not sent yet")) == ""


@pytest.mark.parametrize(
    "screen",
    [
        "",
        STATUS,
        STATUS.partition("/status\n\n")[2],
        PICKER,
        "• an answer that fills the screen\n\n› Ask Codex to do anything\n",
        "user@host:~$ ls\n",
        TALK.replace("› a long message of mine", "› [Pasted Content 1234 chars] of mine"),
    ],
)
def test_other_screens_do_not_tell(screen: str) -> None:
    assert last_message(screen) is None


def test_a_spinner_or_a_wait_changes_a_title_and_not_its_name() -> None:
    for activity in ("", "⠋ ", "⠏ ", "[ ! ] Action Required | ", "[ . ] Action Required | "):
        assert without_activity(activity + "Fix it | project") == "Fix it | project"
        assert title_name(activity + "Fix a | b | project") == "Fix a | b"
        assert title_name(activity + "project") == ""
    assert title_name("") == ""
    assert title_name("⠋⠋ project") == ""


def test_tmux_knows_the_same_spinner() -> None:
    hooks = (plugin_file().parent / "plugin" / "hooks.tmux").read_text()
    assert re.findall(r'^%hidden CODEX_SPINNER="(.*)"$', hooks, re.MULTILINE) == [f"[{SPINNER}]"]
