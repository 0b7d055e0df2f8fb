"""The open connections of each type, from the stats hashes that the gateway keeps beside its events."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from redis import Redis

from exporter.events import Reading
from exporter.gauge_values import ConnectionValues
from exporter.sources.zset_key import SOURCE, connection_type
from exporter.sources.zset_ranges import pipelined
from exporter.types import Batch, Clock, Intake

_MOST = 2**53


class StatsReader:
    """Tells `active_connections` whenever a hash has changed; one that does not change any more is silent."""

    def __init__(self, client: Redis, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._told: dict[str, tuple[int, float]] = {}

    def read(self, intake: Intake, keys: Iterable[str]) -> None:
        """Hands over what the hashes beside these keys of events say."""
        now, keys = self._clock(), list(keys)
        names = (f"{key.removesuffix(':events')}:stats" for key in keys)
        wanted = (("HMGET", name, "active_connections", "last_event_timestamp") for name in names)
        for key, (active, newest) in zip(keys, pipelined(self._client, wanted), strict=True):
            found = _numbers(active, newest)
            if found is not None and self._told.get(key) != found:
                self._told[key] = found
                # A hash that is dated in the future must not keep later ones from being shown.
                when = min(found[1], now)
                reading = Reading(SOURCE, when, ConnectionValues({connection_type(key): found[0]}))
                intake.submit(Batch(SOURCE, (reading,), received=now))


def _numbers(active: bytes | None, newest: bytes | None) -> tuple[int, float] | None:
    try:
        found = int(active or b""), float(newest or b"")
    except ValueError:
        return None
    return (max(0, found[0]), found[1]) if found[0] <= _MOST and isfinite(found[1]) else None
