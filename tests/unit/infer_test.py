"""Inference: what it answers, and that it is never wrong on simulated days, of which the truth is known."""

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from codex_tmux.tracking.infer import START, Candidate, RunningCodex, infer, same_text
from tests.conftest import FUZZ

A, B = "/a", "/b"


def codex(name: str, **changes: Any) -> RunningCodex:
    return RunningCodex(name, A, 100.0)._replace(**changes)


def session(id: str, **changes: Any) -> Candidate:
    return Candidate(id, 101.0, A, first=f"first of {id}", last=f"last of {id}")._replace(**changes)


TO_DO_IT, TO_DO_S, TO_DO_T = (frozenset((f"do {what}",)) for what in ("it", "s", "t"))
SAID = session("s", first="do it", last="do it")
NOT_SAID_YET = session("t", first="", last="", cwd="")
ASKED, ASKED_TOO = codex("%1", message="do it", prompt=TO_DO_IT), codex("%2", message="", prompt=TO_DO_IT)
LATER = session("t", created=500.0)
EMPTY = session("t", created=500.0, first="", last="")

CASES: list[tuple[str, list[RunningCodex], list[Candidate], dict[str, str]]] = [
    ("one and one", [codex("%1")], [session("s")], {"%1": "s"}),
    ("started together", [codex("%1"), codex("%2")], [session("s"), session("t")], {}),
    (
        "the later start tells two of one directory apart",
        [codex("%1"), codex("%2", started=160.0)],
        [session("s"), session("t", created=161.0)],
        {"%1": "s", "%2": "t"},
    ),
    (
        "directories",
        [codex("%1"), codex("%2", cwd=B)],
        [session("t", cwd=B), session("s")],
        {"%1": "s", "%2": "t"},
    ),
    (
        "prompts",
        [codex("%1", prompt=TO_DO_S), codex("%2", prompt=TO_DO_T)],
        [session("t", first="do t"), session("s", first="do s")],
        {"%1": "s", "%2": "t"},
    ),
    ("one in no pane may be the owner", [codex("%1"), codex("outside 7")], [session("s")], {}),
    ("what is left over may be the pane's new one", [codex("%1", prior="s")], [session("s"), LATER], {}),
    ("once the old one is closed it is", [codex("%1", prior="s")], [LATER], {"%1": "t"}),
    ("an empty screen after /new", [codex("%1", prior="s", message="")], [session("s"), EMPTY], {"%1": "t"}),
    ("its old words", [codex("%1", prior="s", message="last of s")], [session("s"), EMPTY], {"%1": "s"}),
    (
        "screens decide where nothing else does",
        [codex("%1", message="last of t"), codex("%2", message="last of s")],
        [session("s"), session("t")],
        {"%1": "t", "%2": "s"},
    ),
    (
        "two show one message",
        [codex("%1", message="hi"), codex("%2", message="hi")],
        [session("s", last="hi"), session("t")],
        {},
    ),
    (
        "two show one message, and two have it",
        [codex("%1", message="hi"), codex("%2", message="hi")],
        [session("s", last="hi"), session("t", last="hi")],
        {},
    ),
    # Screen and file of the one are seen before those of the other: the message may be either's.
    ("another was told to say the same", [ASKED, ASKED_TOO], [SAID], {}),
    ("and has begun", [ASKED, ASKED_TOO], [SAID, NOT_SAID_YET], {}),
    ("and shows nothing", [ASKED, ASKED_TOO._replace(message=None)], [SAID], {}),
    ("what was known stays known", [ASKED._replace(prior="s"), ASKED_TOO], [SAID], {"%1": "s"}),
    ("another prompt is no doubt", [ASKED, ASKED_TOO._replace(prompt=TO_DO_T)], [SAID], {"%1": "s"}),
    (
        "titles",
        [codex("%1", title="Fix the…"), codex("%2", title="Other")],
        [session("s", title="Other"), session("t", title="Fix the parser")],
        {"%1": "t", "%2": "s"},
    ),
    ("a title may show a branch", [codex("%1", title="main")], [session("s", title="Fix")], {"%1": "s"}),
    ("older than the process", [codex("%1")], [session("s", created=50.0)], {}),
    (
        "older, and its last words are shown",
        [codex("%1", message="last of s")],
        [session("s", created=50.0)],
        {"%1": "s"},
    ),
    (
        "known, and another has just started",
        [codex("%1", prior="s"), codex("%2", started=900.0)],
        [session("s")],
        {"%1": "s"},
    ),
    (
        "and has its session",
        [codex("%1", prior="s"), codex("%2", started=900.0)],
        [session("s"), session("t", created=901.0)],
        {"%1": "s", "%2": "t"},
    ),
    ("known, and closed", [codex("%1", prior="gone")], [], {}),
]


@pytest.mark.parametrize(("what", "codexes", "sessions", "found"), CASES, ids=[case[0] for case in CASES])
def test_what_is_left(
    what: str, codexes: list[RunningCodex], sessions: list[Candidate], found: dict[str, str]
) -> None:
    assert infer(tuple(codexes), tuple(sessions)) == found


def test_a_shown_text_is_the_beginning_of_the_message() -> None:
    assert same_text("a long mes sage", "a long message\nof two lines")
    assert not same_text("a longer", "a long message")
    assert not same_text("", "a")


# Whatever is given

names = st.sampled_from(["%1", "%2", "%3", "%4"])
texts = st.sampled_from(["", "x", "y"])
seats_of = st.lists(
    st.builds(
        RunningCodex,
        name=names,
        cwd=st.sampled_from([A, B]),
        started=st.integers(0, 3).map(float),
        prior=st.sampled_from(["", "", "s1", "s2"]),
        prompt=st.sampled_from([frozenset(), frozenset(("x",)), frozenset(("y",))]),
        message=st.none() | texts,
        title=st.sampled_from(["", "", "T1", "T2"]),
    ),
    max_size=4,
    unique_by=lambda s: s.name,
).map(tuple)
candidates_of = st.lists(
    st.builds(
        Candidate,
        id=st.sampled_from(["s1", "s2", "s3", "s4", "s5"]),
        created=st.integers(0, 4).map(float),
        cwd=st.sampled_from(["", A, B]),
        first=st.none() | texts,
        last=st.none() | texts,
        title=st.sampled_from(["", "T1", "T2"]),
    ),
    max_size=5,
    unique_by=lambda c: c.id,
).map(tuple)


@given(seats_of, candidates_of, st.integers())
def test_the_order_of_the_input_does_not_matter(
    codexes: tuple[RunningCodex, ...], candidates: tuple[Candidate, ...], seed: int
) -> None:
    other_seats, other_candidates = list(codexes), list(candidates)
    random.Random(seed).shuffle(other_seats)
    random.Random(seed).shuffle(other_candidates)
    assert infer(tuple(other_seats), tuple(other_candidates)) == infer(codexes, candidates)


@given(seats_of, candidates_of)
def test_no_session_goes_to_two(codexes: tuple[RunningCodex, ...], candidates: tuple[Candidate, ...]) -> None:
    given_out = list(infer(codexes, candidates).values())
    assert len(given_out) == len(set(given_out))


# Against simulated days

LINGER = 60.0
"""Seconds that Codex's background server keeps a session open after the last Codex left it."""


@dataclass
class Held:
    """A session of the simulated store."""

    id: str
    created: float
    cwd: str
    maker: str = ""
    messages: list[str] = field(default_factory=list)
    left: float | None = None
    """When the last Codex left it; None while one shows it."""


@dataclass
class Running:
    """A Codex of the simulated day."""

    name: str
    cwd: str
    started: float
    shows: Held
    prompt: str
    outside: bool
    scrolled: bool = False
    """Its screen shows no message: an answer fills it."""


class Day:
    """What happens, and what can be seen of it. The bounds are those that the documentation names."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.held: list[Held] = []
        self.running: list[Running] = []
        self.priors: dict[str, str] = {}
        self.number = 0

    def session(self, cwd: str, maker: str = "") -> Held:
        self.number += 1
        self.now += 0.5
        made = Held(f"s{self.number}", self.now, cwd, maker)
        self.held.append(made)
        return made

    def start(self, cwd: str, prompt: str, outside: bool) -> None:
        started = self.now
        made = self.session(cwd)
        if prompt:
            made.messages.append(prompt)
        made.maker = f"{'out' if outside else '%'}{self.number}"
        self.running.append(Running(made.maker, cwd, started, made, prompt, outside))

    def leave(self, codex: Running) -> None:
        codex.shows.left = self.now

    def new(self, codex: Running) -> None:
        self.leave(codex)
        codex.shows, codex.scrolled = self.session(codex.cwd, codex.name), False

    def resume(self, codex: Running, held: Held) -> None:
        was, codex.shows = codex.shows, held
        if self.swapped():
            codex.shows = was
            return
        codex.shows = was
        self.leave(codex)
        held.left = None
        codex.shows, codex.scrolled = held, False

    def swapped(self) -> bool:
        """Whether some of those that run show each other's sessions in a circle: the known limit."""
        shows = {c.name: c.shows.maker for c in self.running}
        for start in shows:
            at, steps = shows[start], 0
            while at != start and at in shows and shows[at] != at and steps < len(shows):
                at, steps = shows[at], steps + 1
            if at == start and shows[start] != start:
                return True
        return False

    def open(self) -> list[Held]:
        return [h for h in self.held if h.left is None or self.now - h.left < LINGER]

    def look(self) -> None:
        """Infer, remember what was inferred as the next time's prior, and compare with the truth."""
        codexes = []
        for c in self.running:
            message = None
            if not c.outside and not c.scrolled:
                message = c.shows.messages[-1] if c.shows.messages else ""
            words = frozenset(("codex", c.prompt)) if c.prompt else frozenset()
            codexes.append(
                RunningCodex(c.name, c.cwd, c.started, self.priors.get(c.name, ""), words, message)
            )
        candidates = tuple(
            Candidate(
                h.id,
                h.created,
                h.cwd if h.messages else "",
                h.messages[0] if h.messages else "",
                h.messages[-1] if h.messages else "",
            )
            for h in self.open()
        )
        found = infer(tuple(codexes), candidates)
        truth = {c.name: c.shows.id for c in self.running}
        wrong = {n: (s, truth[n]) for n, s in found.items() if truth[n] != s}
        assert not wrong, (wrong, codexes, candidates)
        self.priors = {n: s for n, s in found.items() if n.startswith("%")}


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["start", "start", "say", "say", "new", "quit", "resume", "scroll", "wait", "minute"]
        ),
        st.integers(0, 7),
        st.sampled_from([A, B]),
        st.sampled_from(["", "x", "y", "z"]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=25,
)


def step(
    what: str, which: int = 0, text: str = "", outside: bool = False
) -> tuple[str, int, str, str, bool, bool]:
    return what, which, A, text, outside, False


# Two days on which one was wrong once.
ONE_DAY = [
    *(step("start"), step("start", text="x", outside=True), step("start"), step("start"), step("start")),
    *(step("say", text="x"), step("new", 1), step("resume")),
]
ANOTHER_DAY = [
    *(step("start"), step("start", outside=True), step("start", text="x")),
    *(step("say"), step("say", 1, "x"), step("new", 1), step("start"), step("start"), step("say")),
    step("resume", 7),
]


@settings(max_examples=FUZZ or 500)
@given(steps)
@example(ONE_DAY)
@example(ANOTHER_DAY)
def test_it_is_never_wrong_whatever_the_day_brings(
    steps: list[tuple[str, int, str, str, bool, bool]],
) -> None:
    day = Day()
    for what, which, cwd, text, outside, looks in steps:
        someone = day.running[which % len(day.running)] if day.running else None
        if what == "start":
            day.start(cwd, text, outside)
        elif what == "wait":
            day.now += 5.0
        elif what == "minute":
            day.now += LINGER
        elif someone is None:
            continue
        elif what == "say":
            someone.shows.messages.append(text or "w")
            someone.scrolled = False
        elif what == "scroll":
            someone.scrolled = bool(someone.shows.messages)
        elif what == "new":
            day.now += START + 1
            day.new(someone)
        elif what == "quit":
            day.leave(someone)
            day.running.remove(someone)
        elif what == "resume":
            # Of those that nobody shows: one in two Codexes at once has no pane of its own anyway.
            free = [h for h in day.held if h.left is not None and h.messages]
            if free:
                day.resume(someone, free[which % len(free)])
        # Several may start in one second; people do not press /new in the very seconds in which others start.
        day.now += 0.1 if what in ("start", "say") else START + 1
        if looks:
            day.look()
    day.look()
