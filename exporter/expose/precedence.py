"""A scrape goes before pushes: both want the one interpreter lock, and a scrape is short, rare and waited for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

LONGEST_WAIT_S = 0.05
"""A push waits no longer, however many scrape: twice what a scrape of 100,000 series takes."""


class Precedence:
    """Knows whether a scrape is being made, and lets others wait for its end."""

    def __init__(self) -> None:
        self._under_way = 0
        self._ended = Condition()

    @contextmanager
    def of_a_scrape(self) -> Iterator[None]:
        """Around the making of one scrape's answer."""
        with self._ended:
            self._under_way += 1
        try:
            yield
        finally:
            with self._ended:
                self._under_way -= 1
                self._ended.notify_all()

    def stand_back(self) -> None:
        """Returns when no scrape is being made, or after `LONGEST_WAIT_S`."""
        if self._under_way:
            with self._ended:
                self._ended.wait_for(lambda: not self._under_way, LONGEST_WAIT_S)
