"""Inference: what it answers, and that it is never wrong on simulated days, of which the truth is known."""

import random
from dataclasses import dataclass, field
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from codex_tmux.tracking.infer import START, Candidate, RunningCodex, infer, same_text
from tests.conftest import FUZZ

A, B = "/a", "/b"


def codex(name: str, **changes: Any) -> RunningCodex:
    return RunningCodex(name, A, 100.0)._replace(**changes)


def session(id: str, **changes: Any) -> Candidate:
    return Candidate(id, 101.0, A, first=f"first of {id}", last=f"last of {id}")._replace(**changes)


def test_one_codex_and_one_session_fit() -> None:
    assert infer((codex("%1"),), (session("s"),)) == {"%1": "s"}


def test_two_of_one_directory_started_together_stay_unknown() -> None:
    assert infer((codex("%1"), codex("%2")), (session("s"), session("t"))) == {}


def test_the_later_start_tells_two_of_one_directory_apart() -> None:
    found = infer((codex("%1"), codex("%2", started=160.0)), (session("s"), session("t", created=161.0)))
    assert found == {"%1": "s", "%2": "t"}


def test_directories_and_prompts_tell_apart() -> None:
    assert infer((codex("%1"), codex("%2", cwd=B)), (session("t", cwd=B), session("s"))) == {
        "%1": "s",
        "%2": "t",
    }
    prompted = (codex("%1", prompt=frozenset(("codex", "do s"))), codex("%2", prompt=frozenset(("do t",))))
    assert infer(prompted, (session("t", first="do t"), session("s", first="do s"))) == {
        "%1": "s",
        "%2": "t",
    }


def test_a_codex_outside_of_all_panes_may_be_the_owner() -> None:
    assert infer((codex("%1"), codex("outside 7")), (session("s"),)) == {}


def test_what_is_left_over_could_be_a_new_session_of_the_pane() -> None:
    assert infer((codex("%1", prior="s"),), (session("s"), session("t", created=500.0))) == {}
    # Once the old one is closed, only the new one can be shown.
    assert infer((codex("%1", prior="s"),), (session("t", created=500.0),)) == {"%1": "t"}


def test_the_screen_decides_at_once_after_new() -> None:
    both = (session("s"), session("t", created=500.0, first="", last=""))
    assert infer((codex("%1", prior="s", message=""),), both) == {"%1": "t"}
    assert infer((codex("%1", prior="s", message="last of s"),), both) == {"%1": "s"}


def test_the_screen_decides_where_nothing_else_does() -> None:
    codexes = (codex("%1", message="last of t"), codex("%2", message="last of s"))
    assert infer(codexes, (session("s"), session("t"))) == {"%1": "t", "%2": "s"}


def test_two_that_show_one_message_stay_unknown() -> None:
    codexes = (codex("%1", message="hi"), codex("%2", message="hi"))
    assert infer(codexes, (session("s", last="hi"), session("t"))) == {}
    assert infer(codexes, (session("s", last="hi"), session("t", last="hi"))) == {}


def test_who_may_be_about_to_show_the_same_keeps_another_from_it() -> None:
    # Screen and file of the one are seen before those of the other: the message may be either's.
    said = session("s", last="do it", first="do it")
    codexes = (
        codex("%1", message="do it", prompt=frozenset(("do it",))),
        codex("%2", message="", prompt=frozenset(("do it",))),
    )
    not_yet = session("t", first="", last="", cwd="")
    for sessions in ((said,), (said, not_yet)):
        assert infer(codexes, sessions) == {}
        assert infer((codexes[0], codexes[1]._replace(message=None)), sessions) == {}
    # What was known stays known, and another prompt is no reason to doubt.
    assert infer((codexes[0]._replace(prior="s"), codexes[1]), (said,)) == {"%1": "s"}
    assert infer((codexes[0], codexes[1]._replace(prompt=frozenset(("do that",)))), (said,)) == {"%1": "s"}


def test_a_title_that_names_a_session_decides() -> None:
    codexes = (codex("%1", title="Fix the…"), codex("%2", title="Other"))
    sessions = (session("s", title="Other"), session("t", title="Fix the parser"))
    assert infer(codexes, sessions) == {"%1": "t", "%2": "s"}


def test_a_title_that_names_no_session_says_nothing() -> None:
    # `terminal_title` may be set to show a branch.
    assert infer((codex("%1", title="main"),), (session("s", title="Fix"),)) == {"%1": "s"}


def test_a_session_older_than_the_process_was_resumed_by_it_or_is_another_ones() -> None:
    old = (session("s", created=50.0),)
    assert infer((codex("%1"),), old) == {}
    # Unless it shows its last message, and no other is open.
    assert infer((codex("%1", message="last of s"),), (session("s", created=50.0),)) == {"%1": "s"}


def test_an_earlier_inference_outlives_a_codex_that_has_just_started() -> None:
    codexes = (codex("%1", prior="s"), codex("%2", started=900.0))
    assert infer(codexes, (session("s"),)) == {"%1": "s"}
    seats_then = (session("s"), session("t", created=901.0))
    assert infer(codexes, seats_then) == {"%1": "s", "%2": "t"}


def test_an_earlier_inference_ends_with_its_session() -> None:
    assert infer((codex("%1", prior="gone"),), ()) == {}


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
