"""From which moment to which each alert fired."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from exporter.alerts.replaying.engine import Labels


@dataclass(frozen=True, slots=True)
class Fired:
    """An alert that fired, in seconds since the start; `until_s` is None if it did not end."""

    labels: Mapping[str, str]
    since_s: int
    until_s: int | None

    @property
    def name(self) -> str:
        """The alert's name."""
        return self.labels["alertname"]


def intervals(seen: Iterable[tuple[int, Iterable[Labels]]], every_s: int, last_s: int) -> list[Fired]:
    """What was seen at each step as one entry for each time that an alert fired, in the order in which they began."""
    moments: dict[Labels, list[int]] = {}
    for second, alerts in seen:
        for labels in alerts:
            moments.setdefault(labels, []).append(second)
    found = [Fired(dict(labels), *span) for labels, times in moments.items() for span in _spans(times, every_s, last_s)]
    return sorted(found, key=lambda fired: (fired.since_s, fired.name))


def _spans(times: list[int], every_s: int, last_s: int) -> Iterator[tuple[int, int | None]]:
    """Runs of neighbouring moments; each ends when it is not seen any more."""
    since = times[0]
    for here, after in zip(times, [*times[1:], None], strict=True):
        if after != here + every_s:
            yield since, None if here == last_s else here + every_s
            since = after or 0
