"""What Codex's screen and title tell of the session it shows. Read from 0.169's; an unknown form tells nothing."""

import itertools

MARK = "› "
"""Begins, in the first column, a message of the user, the line one types into, and the chosen line of a menu."""
BANNER = ">_ OpenAI Codex"
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
WAITING = ("[ ! ] Action Required", "[ . ] Action Required")
"""What stands before a title while Codex asks for an approval; the two alternate every second."""
PLACEHOLDERS = ("[Pasted Content", "[Image")
"""What stands on the screen for something long: the store has the whole of it."""


def last_message(screen: str) -> str | None:
    """The user's last message on the screen or its beginning, with white space as it was broken into lines.

    "" where a new session's screen shows that there is none yet; None where that cannot be told: a long answer has
    pushed it off, a menu covers it.
    """
    lines = screen.splitlines()
    marked = [at for at, line in enumerate(lines) if line.startswith(MARK)]
    if not marked:
        return None
    if len(marked) == 1:
        return "" if _is_new(lines[: marked[0]]) else None
    if marked[-2] == 0:
        # Scrolled off, it stays in the first line, cut: what follows is the answer.
        return lines[0][len(MARK) :].strip().removesuffix("…") or None
    return _message_in(lines[marked[-2] : marked[-1]])


def _message_in(lines: list[str]) -> str | None:
    more = itertools.takewhile(lambda line: line.startswith("  "), lines[1:])
    text = "\n".join([lines[0][len(MARK) :].strip(), *(line[len(MARK) :].strip() for line in more)])
    return None if any(p in text for p in PLACEHOLDERS) else text or None


def _is_new(above: list[str]) -> bool:
    """Whether the screen above the line one types into holds nothing but Codex's banner."""
    filled = [line for line in above if line.strip()]
    # /status draws a banner too, with "Server:" and the like below it; whatever was said begins with a bullet.
    return (
        bool(filled)
        and BANNER in filled[0]
        and not any(line.lstrip().startswith(("•", "Server:", "/")) for line in filled[2:])
        and not any("Server:" in line for line in filled[1:2])
    )


def title_name(title: str) -> str:
    """The session's name in a title as Codex sets it by default (`⠋ Fix the parser | project`); "" for none."""
    name, bar, _ = without_activity(title).rpartition(" | ")
    return name if bar else ""


def without_activity(title: str) -> str:
    """A title without what changes in it while Codex works or waits."""
    if title[:1] in SPINNER and title[1:2] == " ":
        return title[2:]
    for waiting in WAITING:
        if title.startswith(waiting):
            return title[len(waiting) :].removeprefix(" | ")
    return title
