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
DEFAULT_ITEMS = ["activity", "project-name"]
"""What Codex shows where `terminal_title` is not set."""
BOM = "\ufeff"

Config = dict[str, Any]


def item_for(version: Version | None) -> str:
    """The title item by which this Codex shows the session id; the newest's where the version is unknown."""
    if version is None or version >= (0, 137, 0):
        return THREAD_ID
    if version >= (0, 130, 0):
        return SESSION_ID
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


def shows_id(items: list[str] | None, item: str) -> bool:
    """Whether a title with these items shows the session id, in a Codex that knows `item`."""
    return items is not None and (item in items or SESSION_ID in items)


def title_has_id(text: str, item: str = THREAD_ID) -> bool:
    """Whether this config makes a Codex that knows `item` put the session id into the title.

    >>> title_has_id('[tui]\\nterminal_title = ["activity", "thread-id"]')
    True
    >>> title_has_id('model = "gpt-5"')
    False
    """
    return shows_id(split_config(text)[1], item)
