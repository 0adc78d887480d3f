"""What the tests with a far end share."""

from collections.abc import Iterator

import pytest

from tests.support.far_end import FarEnd, far_end
from tests.support.world import Sandbox


@pytest.fixture
def far(world: Sandbox) -> Iterator[FarEnd]:
    with far_end(world) as found:
        yield found
