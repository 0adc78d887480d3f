"""A session's id: a UUID in lower case, or the first 29 characters of one, which is what Codex's title shows."""

import re
from collections.abc import Callable

CUT = 29
"""Characters of an id that a title shows."""
WHOLE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NEW = re.compile(
    r"(?<![0-9a-f])[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-(?:[0-9a-f]{12}|[0-9a-f]{5})"
)
"""As Codex makes them: of version 7. A directory that is named by another kind, and stands in the title, is none."""


def is_session_id(text: str) -> bool:
    return WHOLE.fullmatch(text if len(text) > CUT else text + "0" * (36 - CUT)) is not None


def is_whole(text: str) -> bool:
    """Whether `text` is an id that `codex resume` takes, which it does in upper case too."""
    return WHOLE.fullmatch(text.lower()) is not None


def same_session(one: str, other: str) -> bool:
    """Whether two ids name one session; either may be cut."""
    return len(one) >= CUT and len(other) >= CUT and (one.startswith(other) or other.startswith(one))


ITEM = re.compile(rf"(?:[\u2800-\u28ff] )?({NEW.pattern})(\.\.\.)?")
"""An id as an item of its own in Codex's title, behind nothing but the frame of a spinner; how Codex cuts it."""


def find_id(title: str, named: Callable[[str], bool] = lambda _: False) -> str:
    """The session id that a pane's title shows, whole or cut; "" where there is none, or more than one.

    Codex cuts its own item; the names of conversations may be ids too. `named` tells whether another conversation is
    named so; it is asked where no id in the title is cut.
    """
    items = [item for item in map(ITEM.fullmatch, title.split(" | ")) if item]
    cut = {item[1] for item in items if item[2]}
    found = cut or {item[1] for item in items}
    if len(found) != 1 or (not cut and named(*found)):
        return ""
    return found.pop()
