"""What codex-tmux keeps in tmux options: their names, and how a launch is written into one."""

from __future__ import annotations

from codex_tmux.reconcile import Launch

PANE_OPTIONS = (
    "@codex_pane @codex_session @codex_evidence @codex_state @codex_launch @codex_guard @codex_process @codex_mode"
).split()
"""Options of a pane that sync keeps true. `@codex_title_id` and `@codex_title_at` belong to the title hook."""

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
    words = [launch.mode, launch.codex, launch.codex_home, launch.cwd, "shell" if launch.shell else "root"]
    words.append("\n".join(f"{name}={value}" for name, value in launch.env))
    return " ".join(encode(w) or "%" for w in [*words, *launch.flags])


def decode_launch(text: str) -> Launch | None:
    """The launch that an option holds; None where it holds none."""
    try:
        words = [decode(w) if w != "%" else "" for w in text.split(" ")]
        mode, codex, codex_home, cwd, root, env, *flags = words
    except ValueError:
        return None
    pairs = tuple((n, v) for n, _, v in (line.partition("=") for line in env.split("\n")) if n)
    return Launch(mode, codex, codex_home, cwd, tuple(flags), root == "shell", pairs)


def is_helper_command(start_command: str) -> bool:
    """Whether a pane's stored command is codex-tmux itself, so that any respawn of it comes back right."""
    words = start_command.replace('"', " ").replace("'", " ").split()
    for at, word in enumerate(words[:-1]):
        name = word.rpartition("/")[2]
        if (name in ("codex-tmux", "hook.py") or word == "codex_tmux") and words[at + 1] in ("run", "exec"):
            return True
    return False
