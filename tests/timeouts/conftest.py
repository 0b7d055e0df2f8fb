"""The stub of the provider's token counter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.timeouts.moonshot import Moonshot, moonshot


@pytest.fixture
def provider() -> Iterator[Moonshot]:
    """A counter that answers 1,500 tokens."""
    with moonshot() as stub:
        yield stub
