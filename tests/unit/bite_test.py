"""`make bite` keeps its grip: each guard still stands where it is said to, and so do the tests that would miss it."""

import pytest

from tests.bite import CHECKOUT, GUARDS, Guard, without


@pytest.mark.parametrize("guard", GUARDS, ids=lambda g: g.name.replace(" ", "-"))
def test_a_guard_is_where_it_is_said_to_be(guard: Guard) -> None:
    text = (CHECKOUT / guard.file).read_text()
    assert without(guard, text) != text
    file, _, name = guard.test.partition("::")
    assert f"\ndef {name.partition('[')[0]}(" in (CHECKOUT / file).read_text()
