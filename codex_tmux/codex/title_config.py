"""What Codex's `config.toml` puts into the terminal's title, and by which item the session id gets there."""

import sys
from typing import Any

from codex_tmux.codex.version import Version
from codex_tmux.errors import Problem

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

THREAD_ID = "thread-id"
"""Since Codex 0.137."""
SESSION_ID = "session-id"
"""Since Codex 0.130; the same id, and later versions still know it."""
THREAD_TITLE = "thread-title"
"""The conversation's name; where it has none yet, its id or its first message."""
DEFAULT_ITEMS = ["activity", "project-name"]
"""What Codex shows where `terminal_title` is not set."""
BOM = "\ufeff"

Config = dict[str, Any]


def items_for(version: Version | None) -> tuple[str, ...]:
    """The title items that tell this Codex's session: its id, then its name, in versions that were seen to have it.

    The newest's where the version is unknown.
    """
    if version is None or version >= (0, 144, 0):
        return THREAD_ID, THREAD_TITLE
    if version >= (0, 137, 0):
        return (THREAD_ID,)
    if version >= (0, 130, 0):
        return (SESSION_ID,)
    raise Problem(
        f"Codex {'.'.join(map(str, version))} cannot show the session id in the title: "
        "exact tracking by title is not available in that version; upgrade Codex to 0.137 or later"
    )


def split_config(text: str) -> tuple[Config, list[str] | None]:
    """A config without its title, and the title's items (None: not set). Floats are text, so that nan equals nan.

    Raises Problem where Codex could not read it either.
    """
    try:
        config: Config = tomllib.loads(text.removeprefix(BOM), parse_float=str)
    except ValueError as e:
        raise Problem(f"not valid TOML: {e}; fix that first") from e
    tui = config.pop("tui", {})
    if not isinstance(tui, dict):
        raise Problem("`tui` is not a table; fix that first")
    items = tui.pop("terminal_title", None)
    if items is not None and not (isinstance(items, list) and all(isinstance(i, str) for i in items)):
        raise Problem(
            "`tui.terminal_title` is not a list of item names, so Codex does not start; fix that first"
        )
    return {**config, "tui": tui}, items


def missing_items(has: list[str] | None, items: tuple[str, ...]) -> list[str]:
    """Which of `items` a title lacks; `session-id` is as good as `thread-id`."""
    has = has or []
    return [i for i in items if i not in has and not (i == THREAD_ID and SESSION_ID in has)]


def title_has_id(text: str, item: str = THREAD_ID) -> bool:
    """Whether this config makes a Codex that knows `item` put the session id into the title.

    >>> title_has_id('[tui]\\nterminal_title = ["activity", "thread-id"]')
    True
    >>> title_has_id('model = "gpt-5"')
    False
    """
    return not missing_items(split_config(text)[1], (item,))
