"""Our named tuples are as `typing.NamedTuple` makes them."""

from __future__ import annotations

import copy
import pickle
import typing
from typing import Any

import pytest

from codex_tmux.named_tuple import NamedTuple


class Ours(NamedTuple):
    """Its own."""

    a: int
    b: str = "x"
    c: tuple[int, ...] = ()

    @property
    def both(self) -> str:
        return f"{self.a}{self.b}"


class Theirs(typing.NamedTuple):
    a: int
    b: str = "x"
    c: tuple[int, ...] = ()

    @property
    def both(self) -> str:
        return f"{self.a}{self.b}"


@pytest.mark.parametrize("args", [(1,), (1, "y"), (1, "y", (2,))])
@pytest.mark.parametrize("kwargs", [{}, {"c": (3,)}])
def test_made_changed_and_shown_alike(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if len(args) == 3 and kwargs:
        for kind in (Ours, Theirs):
            with pytest.raises(TypeError):
                kind(*args, **kwargs)
        return
    ours, theirs = Ours(*args, **kwargs), Theirs(*args, **kwargs)
    assert tuple(ours) == tuple(theirs) == (ours.a, ours.b, ours.c)
    assert hash(ours) == hash(theirs)
    assert tuple(ours._replace(b="z")) == tuple(theirs._replace(b="z"))
    assert type(ours._replace(b="z")) is Ours
    assert (ours._asdict(), ours.both) == (theirs._asdict(), theirs.both)
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert pickle.loads(pickle.dumps(ours)) == copy.copy(ours) == copy.deepcopy(ours) == ours
    match ours:
        case Ours(a, b):
            assert (a, b) == (ours.a, ours.b)
    with pytest.raises(AttributeError):
        ours.a = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        ours.new = 2  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {}), ((), {"b": "y"}), ((1, "y", (), 4), {}), ((1,), {"d": 1}), ((1,), {"a": 1})],
)
def test_refused_alike(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    for kind in (Ours, Theirs):
        with pytest.raises(TypeError):
            kind(*args, **kwargs)


def test_a_change_of_no_field_is_refused_alike() -> None:
    for made in (Ours(1), Theirs(1)):
        with pytest.raises((ValueError, TypeError)):
            made._replace(d=1)  # type: ignore[call-arg]


def test_facts_of_the_class() -> None:
    assert Ours._fields == Theirs._fields
    assert Ours._field_defaults == Theirs._field_defaults
    assert Ours.__doc__ == "Its own."
    assert issubclass(Ours, tuple)
