"""What codex-tmux keeps in options of a pane: their names, the commands that set them, a launch as the text of one."""

from collections.abc import Mapping

from codex_tmux.state.launch import Launch


class Option:
    """The options by name. TITLE_ID, TITLE_AT, TURNING, UNREAD and UNREAD_AT belong to the hooks. Behind the time
    in TITLE_AT a sync notes whose title it found that to be."""

    MARK = "@codex_pane"
    SESSION = "@codex_session"
    EVIDENCE = "@codex_evidence"
    STATE = "@codex_state"
    LAUNCH = "@codex_launch"
    GUARD = "@codex_guard"
    PROCESS = "@codex_process"
    MODE = "@codex_mode"
    UNFOCUSED = "@codex_unfocused"
    ASLEEP = "@codex_asleep"
    WAITING = "@codex_waiting"
    FRESH = "@codex_fresh"
    KEEP = "@codex_keep"
    HINT = "@codex_hint"
    CLEARED = "@codex_cleared"
    TITLE_ID = "@codex_title_id"
    TITLE_AT = "@codex_title_at"
    TURNING = "@codex_turning"
    NAME = "@codex_name"
    UNREAD = "@codex_unread"
    UNREAD_AT = "@codex_unread_at"


KEPT_TRUE = (
    *(
        Option.MARK,
        Option.SESSION,
        Option.EVIDENCE,
        Option.STATE,
        Option.LAUNCH,
        Option.GUARD,
        Option.PROCESS,
    ),
    *(Option.MODE, Option.UNFOCUSED, Option.TURNING),
    *(Option.UNREAD, Option.NAME),
)
"""Those that sync keeps true, and takes away where Codex has gone."""


def pane_option(pane: str, name: str, value: str) -> list[str]:
    """The tmux command that sets, or for "" unsets, an option of a pane, the current one of the call for ""."""
    target = ["-t", pane] if pane else []
    return ["set-option", "-p", *target, name, value] if value else ["set-option", "-pu", *target, name]


def pane_options(pane: str, values: Mapping[str, str]) -> list[list[str]]:
    """The tmux commands that set, or for "" unset, options of a pane."""
    return [pane_option(pane, name, value) for name, value in values.items()]


SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,+@")


def encode(word: str) -> str:
    """`word` without anything that tmux, a shell or a terminal reads as more than a letter."""
    return "".join(
        c if c in SAFE else "".join(f"%{b:02x}" for b in c.encode("utf-8", "surrogateescape")) for c in word
    )


def decode(text: str) -> str:
    """What `encode` encoded. Raises ValueError."""
    first, *rest = text.split("%")
    data = first.encode() + b"".join(bytes([int(part[:2], 16)]) + part[2:].encode() for part in rest)
    return data.decode("utf-8", "surrogateescape")


def encode_launch(launch: Launch) -> str:
    """A launch as one line of plain words; `decode_launch` reads it."""
    where = "\0".join(["shell" if launch.shell else "root", *launch.transport])
    words = [launch.mode, launch.codex, launch.codex_home, launch.cwd, where]
    pairs = [f"{name}={value}" for name, value in launch.env]
    if launch.wrapper:  # as the value of a variable without a name
        pairs.append("=" + " ".join(encode(word) or "%" for word in launch.wrapper))
    words.append("\0".join(pairs))
    return " ".join(encode(w) or "%" for w in [*words, *launch.flags])


def decode_launch(text: str) -> Launch | None:
    """The launch that an option holds; None where it holds none."""
    try:
        words = [decode(w) if w != "%" else "" for w in text.split(" ")]
        mode, codex, codex_home, cwd, where, env, *flags = words
        named = [line.partition("=") for line in env.split("\0")]
        wrapper = tuple(
            decode(w) if w != "%" else "" for n, given, v in named if given and not n for w in v.split(" ")
        )
    except ValueError:
        return None
    pairs = tuple((n, v) for n, _, v in named if n)
    root, *transport = where.split("\0")
    return Launch(
        mode, codex, codex_home, cwd, tuple(flags), root == "shell", pairs, tuple(transport), wrapper
    )
