"""Follows the newest events of an exporter, through its restarts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Raw

from exporter.tailing.recent import Away, Recent

POLL_S = 0.5
"""Seconds between two requests while nothing new is there."""

_AT_ONCE = 1000

Fetch = Callable[[int, str, int], Recent]
"""Takes a sequence number, the process that it is of, and a limit; raises Away."""


class Follower:
    """Yields each event once, in the order of arrival, and tells the user about gaps.

    `last` is how many of the events that are already there come first.
    """

    def __init__(
        self, fetch: Fetch, tell: Callable[[str], None], pause: Callable[[float], None], *, last: int = 0
    ) -> None:
        self.missed = 0
        self._fetch = fetch
        self._tell = tell
        self._pause = pause
        first = fetch(0, "", 0)
        self._boot = first.boot
        self._after = max(first.newest - last, first.missed)
        self._away = False

    def __iter__(self) -> Iterator[list[Raw]]:
        """Yield events as they come, without end; an empty list is yielded at least every `POLL_S`."""
        while True:
            found = self._next()
            yield found.events if found else []
            if found is None or self._after >= found.newest:
                self._pause(POLL_S)

    def _next(self) -> Recent | None:
        try:
            found = self._fetch(self._after, self._boot, _AT_ONCE)
        except Away as error:
            if not self._away:
                self._tell(f"{error}; waiting for it")
            self._away = True
            return None
        if self._away:
            self._tell("the exporter answers again")
        if found.boot != self._boot:
            self._tell("the exporter was restarted: the last events before that may be missing")
        if found.missed:
            self._tell(f"{found.missed:,} events were missed: they came faster than they could be read")
        self.missed += found.missed
        self._away, self._boot, self._after = False, found.boot, found.next
        return found
