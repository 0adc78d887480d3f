"""What codex-tmux keeps in tmux options: their names, and how a launch is written into one."""

from __future__ import annotations

from codex_tmux.state.launch import Launch

PANE_OPTIONS = (
    "@codex_pane @codex_session @codex_evidence @codex_state @codex_launch @codex_guard "
    "@codex_process @codex_mode @codex_leaving @codex_claim @codex_unfocused"
).split()
"""Options of a pane that sync keeps true, and takes away where Codex has gone; `run` makes the claim.

`@codex_title_id` and `@codex_title_at` belong to the title hook. `@codex_title_by` is whose title a sync found it to
be; the hook takes it away when a new one comes.
"""

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


def helper_of(start_command: str) -> str:
    """The helper that a pane's stored command starts, as it is named there; "" where that is not codex-tmux itself.

    Where it is, any respawn comes back right. Only as the program that runs: a prompt may speak of it too.
    """
    words = shell_words(start_command)
    if len(words) == 1:
        # tmux quotes a command line that was given as one argument, for the shell, as a whole.
        words = shell_words(words[0])
    if words[:2] == ["/bin/sh", "-c"] and len(words) > 6 and words[5].rpartition("/")[2] == "hook.py":
        # As versions up to November 2026 stored it: a script, the helper, an interpreter and that version's hook.py.
        return words[3] if words[6] in ("run", "exec") else ""
    ends = [at for at, word in enumerate(words) if word in ("&&", ";")]
    words = words[ends[-1] + 1 :] if ends else words
    while words and (words[0] in ("exec", "env", "command") or "=" in words[0].partition("/")[0]):
        words = words[1:]
    if words and words[0].rpartition("/")[2].startswith("python"):
        words = [word for word in words[1:4] if not word.startswith("-")] + words[4:]
    if len(words) < 2 or words[1] not in ("run", "exec"):
        return ""
    name = words[0].rpartition("/")[2]
    return words[0] if name in ("codex-tmux", "hook.py") or words[0] == "codex_tmux" else ""


def has_moved(start_command: str, helper: str) -> bool:
    """Whether a stored command starts another helper than `helper`, the present one ("": none is known)."""
    named = helper_of(start_command)
    return named.startswith("/") and helper not in ("", named)


def shell_words(text: str) -> list[str]:
    """The words of a command line, without their quotes; half a quote ends with the line."""
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == "\\" and quote != "'" and at < len(text):
            word = word or []
            word.append(text[at])
            at += 1
        elif quote or char in "'\"":
            word = word or []
            if char == quote:
                quote = ""
            elif quote:
                word.append(char)
            else:
                quote = char
        elif char in " \t\n;":
            if word is not None:
                words.append("".join(word))
                word = None
            if char == ";":
                words.append(";")
        else:
            word = word or []
            word.append(char)
    return words if word is None else [*words, "".join(word)]
