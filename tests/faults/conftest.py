"""What tests of faults share."""

from collections.abc import Iterator
from io import StringIO

import pytest

from tests.canaries import logged


@pytest.fixture
def log() -> Iterator[StringIO]:
    """Return everything that is logged."""
    with logged() as written:
        yield written
