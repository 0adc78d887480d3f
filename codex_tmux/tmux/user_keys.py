"""Whose the keys are: one that is bound to something else stays the user's, unless an option names it."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

RESPAWN_KEY = "R"
KEY_OPTIONS = ("@codex-respawn-key", "@codex_keys", "prefix")
"""What `shown_key` asks, in its order."""


def shown_key(option: str, ours: str, prefix: str) -> str:
    """The key that respawns as people write it, "" where there is none: a key of the user's own is not taken.

    `option` is `@codex-respawn-key`, `ours` the keys that the plugin has bound.

    >>> shown_key("", "R P", "C-a"), shown_key("", "P", "C-b"), shown_key("none", "P", "C-b")
    ('C-a R', '', '')
    """
    key = option or RESPAWN_KEY
    return f"{prefix} {key}" if key in ours.split() else ""


def prefixed(keys: Iterable[str]) -> str:
    """Keys as people write them."""
    return ", ".join(f"prefix {key}" for key in keys) or "none"


class Task(NamedTuple):
    """What a key is for, and the option that names it."""

    option: str
    key: str
    does: str


TASKS = (
    Task("@codex-respawn-key", RESPAWN_KEY, "resume"),
    Task("@codex-pick-key", "P", "find"),
    Task("@codex-next-key", "N", "next"),
    Task("@codex-fork-key", "F", "fork"),
    Task("@codex-undo-key", "U", "undo"),
    Task("@codex-approve-key", "A", "approve"),
)
SPARE = ("B", "G", "Y", "K", "V")
"""Keys to propose: no tmux binds them behind the prefix by itself."""


def bound(chosen: Mapping[str, str], ours: Collection[str]) -> list[Task]:
    """The tasks that have a key of ours, with that. `chosen`: the options; `ours`: what the plugin has bound."""
    named = [task._replace(key=chosen.get(task.option) or task.key) for task in TASKS]
    return [task for task in named if task.key in ours]


def left(chosen: Mapping[str, str], ours: Collection[str]) -> list[Task]:
    """The tasks whose default key was left to the user.

    >>> [task.key for task in left({"@codex-pick-key": "P"}, ("P", "F"))]
    ['R', 'N', 'U', 'A']
    """
    return [t for t in TASKS if not chosen.get(t.option) and t.key not in (*ours, "none")]


def advice(chosen: Mapping[str, str], ours: Collection[str], listed: str) -> str:
    """What to set for the first key that was left to the user; "" where none was. `listed`: what list-keys prints.

    >>> advice({}, ("P",), "bind-key -T prefix R source-file x\\nbind-key -T prefix P run-shell y")
    'set -g @codex-respawn-key B'
    """
    tasks = left(chosen, ours)
    free = next((key for key in SPARE if not binding_of(listed, key)), "")
    return f"set -g {tasks[0].option} {free or 'KEY'}" if tasks else ""


def binding_of(listed: str, key: str, table: str = "prefix") -> str:
    """The binding of a key in what list-keys prints, see tmux_versions.ONE_KEY; "" for none.

    >>> binding_of("bind-key -r -T prefix Up select-pane -U\\nbind-key -T root F7 new-window", "F7", "root")
    'bind-key -T root F7 new-window'
    """
    for line in listed.splitlines():
        words = line.split()
        at = words.index("-T") + 1 if "-T" in words else len(words)
        if words[at : at + 2] in ([table, key], [table, "\\" + key]):
            return line
    return ""
