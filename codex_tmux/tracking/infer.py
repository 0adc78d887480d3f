"""Which open session fits which Codex, where nothing names it: the pure part of `inferred` evidence.

Codex's shared background server has the sessions of many Codexes open, and nothing says which Codex shows which. Each
shows exactly one of them, so what is left when all others are excluded is the answer, and only then.
`tests/unit/infer_test.py` attacks this with simulated days.
"""

from typing import NamedTuple

SLACK = 0.02
"""Seconds a session may seem older than the process that made it: processes start at ticks of 10 ms."""
START = 15.0
"""Seconds that Codex may take from its start to its first session: 1 on an idle machine."""


class RunningCodex(NamedTuple):
    """One Codex, in a pane or elsewhere, that shows one of the open sessions. `name` is a pane's id, or any other.

    `prior` is the session it was known to show by its command line or by an earlier inference, for the same process.
    `prompt` holds the words of its command line where those give a first message. `message` is the last message of
    the user that its screen shows; "" where the screen shows that there is none yet, None where it does not tell.
    `title` is the name of a session that its title shows, "" for none.
    """

    name: str
    cwd: str
    started: float
    prior: str = ""
    prompt: frozenset[str] = frozenset()
    message: str | None = None
    title: str = ""


class Candidate(NamedTuple):
    """An open session that nobody has for sure.

    `cwd` is "" where the store does not tell it yet. `first` and `last` are the user's messages, None where not
    known; both are "" in a session without any. `created` is in seconds since the epoch.
    """

    id: str
    created: float
    cwd: str = ""
    first: str | None = None
    last: str | None = None
    title: str = ""


def infer(codexes: tuple[RunningCodex, ...], candidates: tuple[Candidate, ...]) -> dict[str, str]:
    """The sessions, by the codex's name, of the codexes for which only one is left. Three ways lead there:

    - *shown*: what the codex's screen and title show excludes all open sessions but one, that one's last message is
      on its screen, and on nobody else's;
    - *left*: of the sessions that it does not exclude so, others have all but this one, which it may have made;
    - *fits*: the same, where every codex has a session that it made as it started, by directory, time and prompt, or
      that it was known to have; and this codex shows neither a session that is left over, nor one of a codex that may
      do so itself.

    The last one is wrong for two Codexes that have swapped their sessions by `/resume`, with an answer on each screen
    so long that no message of the user is left there, and nobody having looked in between.

    Screens are read before sessions, and a Codex draws a message about when its session gets it: who was told to say
    the same, and does not show it yet, keeps a session from all others that were not known to show it.
    """
    possible = {s.name: possible_for(s, candidates) for s in codexes}
    found = _shown(codexes, possible)
    found |= _left(codexes, possible, found)
    found |= _fit(codexes, possible, found)
    by_name = {s.name: s for s in codexes}
    said = {c.id: c.last.strip() for c in candidates if c.last}
    return {n: s for n, s in found.items() if not _is_early(by_name[n], s, codexes, said)}


def _is_early(
    codex: RunningCodex, session: str, codexes: tuple[RunningCodex, ...], said: dict[str, str]
) -> bool:
    """Whether somebody may not show yet what its session has: then this one's session may be another's.

    `said` has the last message of each session.
    """
    if session == codex.prior:
        return False
    if any(s is not codex and not s.message and said.get(session) in s.prompt for s in codexes):
        return True
    others = (message for other, message in said.items() if other != session)
    return not codex.message and not codex.prior and any(message in codex.prompt for message in others)


def same_text(shown: str, message: str) -> bool:
    """Whether a screen that shows `shown` may show `message`: white space is lost there, and a long end is cut."""
    one, other = "".join(shown.split()), "".join(message.split())
    return bool(one) and other.startswith(one)


def possible_for(codex: RunningCodex, candidates: tuple[Candidate, ...]) -> list[Candidate]:
    """The sessions that what the codex shows does not exclude."""
    # A title may show anything; it counts where it shows the name of some session.
    titled = bool(codex.title) and any(same_title(codex.title, c.title) for c in candidates)
    return [
        c
        for c in candidates
        if not (titled and not same_title(codex.title, c.title)) and _may_show(codex.message, c)
    ]


def same_title(shown: str, title: str) -> bool:
    """Whether a terminal title that shows `shown` may be that of the session named `title`."""
    cut = shown.removesuffix("…").removesuffix("...")
    return bool(title) and (shown == title or (cut != shown and bool(cut) and title.startswith(cut)))


def _may_show(message: str | None, candidate: Candidate) -> bool:
    if message is None or candidate.last is None:
        return True
    if message == "" or candidate.last == "":
        return message == candidate.last
    return same_text(message, candidate.last)


def _shown(codexes: tuple[RunningCodex, ...], possible: dict[str, list[Candidate]]) -> dict[str, str]:
    """The codexes whose screen shows the last message of the only session that they can have."""
    found: dict[str, str] = {}
    for codex in codexes:
        left = possible[codex.name]
        if codex.message and len(left) == 1 and left[0].last:
            found[codex.name] = left[0].id
    shared = {i for i in found.values() if list(found.values()).count(i) > 1}
    return {name: session for name, session in found.items() if session not in shared}


def _left(
    codexes: tuple[RunningCodex, ...], possible: dict[str, list[Candidate]], shown: dict[str, str]
) -> dict[str, str]:
    """The codexes for which all others leave only one session, each with it."""
    found = _only_one(
        {c.name: {shown[c.name]} if c.name in shown else _ids(possible[c.name]) for c in codexes}
    )
    own = {c.name: {p.id for p in possible[c.name] if may_have_made(c, p)} for c in codexes}
    return {name: session for name, session in (found or {}).items() if session in own[name]}


def _fit(
    codexes: tuple[RunningCodex, ...], possible: dict[str, list[Candidate]], settled: dict[str, str]
) -> dict[str, str]:
    """The codexes for which only one session fits, each with it."""
    known = {c.name: c.prior for c in codexes if c.prior in _ids(possible[c.name])} | settled
    fits = {name: {session} for name, session in known.items()}
    waiting = {c.name: _started_with(c, possible[c.name]) for c in codexes if c.name not in known}
    found = _only_one(fits | waiting)
    if found is None:
        # Somebody shows what is not seen yet, or what he did not start with. What was known may still hold.
        waiting, found = {}, _only_one(fits)
    return _stayed(found, fits | waiting, possible) if found is not None else {}


def _stayed(
    found: dict[str, str], fits: dict[str, set[str]], possible: dict[str, list[Candidate]]
) -> dict[str, str]:
    """Of `found` who can show nothing else: neither what is left over, nor what belongs to one who may show that."""
    over = set().union(*map(_ids, possible.values())) - set(found.values())
    # As many as those who have none yet: they have them all.
    free = over if len(over) > len(fits) - len(found) else set()
    while moved := {name for name in found if _ids(possible[name]) & free - {found[name]}}:
        free |= set().union(*(fits[name] for name in moved))
        found = {name: session for name, session in found.items() if name not in moved}
    return found


def _only_one(fits: dict[str, set[str]]) -> dict[str, str] | None:
    """Who has one session alone, once what others have alone is taken from everybody else, each with it.

    None where there are not enough for all.

    >>> _only_one({"%1": {"s", "t"}, "%2": {"s"}})
    {'%2': 's', '%1': 't'}
    """
    found: dict[str, str] = {}
    while more := {name: min(left) for name, left in fits.items() if name not in found and len(left) == 1}:
        found |= more
        fits = {name: left - ({*found.values()} - {found.get(name)}) for name, left in fits.items()}
    enough = len(set().union(*fits.values())) >= len(fits) and len({*found.values()}) == len(found)
    return found if enough and all(fits.values()) else None


def _ids(candidates: list[Candidate]) -> set[str]:
    return {c.id for c in candidates}


def may_have_made(codex: RunningCodex, candidate: Candidate) -> bool:
    """Whether a session may be one that the codex made, at its start or later by `/new`."""
    return candidate.cwd in ("", codex.cwd) and candidate.created >= codex.started - SLACK


def _started_with(codex: RunningCodex, possible: list[Candidate]) -> set[str]:
    """The sessions that may be the one the codex made as it started."""
    found = [c for c in possible if may_have_made(codex, c) and c.created <= codex.started + START]
    prompted = [c for c in found if c.first and c.first.strip() in codex.prompt]
    return _ids(prompted or found)
