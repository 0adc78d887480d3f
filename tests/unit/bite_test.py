"""`make bite` keeps its grip: each guard still stands where it is said to, and so do the tests that would miss it."""

from __future__ import annotations

import re

import pytest

from tests.bite import CHECKOUT, without
from tests.bite_guards import GUARDS, Guard


@pytest.mark.parametrize("guard", GUARDS, ids=lambda g: g.name.replace(" ", "-"))
def test_a_guard_is_where_it_is_said_to_be(guard: Guard) -> None:
    text = (CHECKOUT / guard.file).read_text()
    assert without(guard, text) != text
    assert guard.tests
    for test in guard.tests:
        file, _, name = test.partition("::")
        defined = re.findall(r"^def (test_\w+)", (CHECKOUT / file).read_text(), re.MULTILINE)
        assert name.partition("[")[0] in defined, test


def test_no_guard_stands_twice() -> None:
    assert len({g.name for g in GUARDS}) == len(GUARDS)
