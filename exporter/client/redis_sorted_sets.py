"""The sorted sets and hashes in which the gateway keeps its connection events in Redis: written and read."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from exporter.client.forks import begin_in_every_process
from exporter.client.patience import Breaker
from exporter.client.receiver import Sent

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

_PATIENCE_S = 5.0
_TOO_MANY_FAILURES, _PAUSE_S = 5, 30.0


class Member(NamedTuple):
    """One event of a sorted set, and its type's totals with it."""

    connection_type: str
    score: float
    text: str
    stats: Mapping[str, Any]


class SortedSets:
    """Writes members, from one thread, and reads them from any.

    A member is in its set once, however often it is written: what may or may not have arrived before a failure is
    written again. `breaker` spares readers a Redis that is away; the writer goes on asking, at its own pace.
    """

    def __init__(self, url: str, expires_s: int = 24 * 3600) -> None:
        # What it needs is loaded here: an interpreter that is ending loads no more, nor does a process that was forked
        # amid an import.
        for needed in ("concurrent.futures.thread", "email.parser", "encodings.idna"):
            import_module(needed)
        _load_metadata()
        self.breaker = Breaker(_TOO_MANY_FAILURES, _PAUSE_S)
        self._url, self._expires_s = url, expires_s
        self._client: Redis | None = None
        begin_in_every_process(self)
        self._client = _connect(url)

    def begin(self) -> None:
        """A fork shares its parent's connections, and must not speak on them."""
        self._client = None

    def deliver(self, batch: Sequence[Member], key: str) -> Sent | None:  # noqa: ARG002 - members name themselves
        """Writes the members; those whose key holds something else are refused. None: try again."""
        try:
            refused = self._write(batch)
        except Exception as failure:
            self._failed(failure)
            return None
        self.breaker.succeeded()
        return Sent(taken=len(batch) - refused, refused=refused)

    def read(self, connection_types: Iterable[str], since: float) -> list[dict[str, Any]]:
        """The events of these types that are not older, oldest first; none while Redis is away."""
        if not self.breaker.allows():
            return []
        try:
            found = [self._events(connection_type, since) for connection_type in connection_types]
        except Exception as failure:
            self._failed(failure)
            return []
        self.breaker.succeeded()
        return sorted((event for events in found for event in events), key=lambda event: float(event["timestamp"]))

    def hang_up(self) -> None:
        """Closes the connections."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client.connection_pool.disconnect()

    def _write(self, batch: Sequence[Member]) -> int:
        by_type = defaultdict[str, list[Member]](list)
        for member in batch:
            by_type[member.connection_type].append(member)
        with self._connected().pipeline(transaction=False) as pipeline:
            for connection_type, members in by_type.items():
                events, stats = _key(connection_type, "events"), _key(connection_type, "stats")
                pipeline.zadd(events, {member.text: member.score for member in members})
                pipeline.expire(events, self._expires_s)
                pipeline.hset(stats, mapping=cast(Any, members[-1].stats))
                pipeline.expire(stats, self._expires_s)
            answers = pipeline.execute(raise_on_error=False)
        return sum(
            len(members) for members, answer in zip(by_type.values(), answers[::4], strict=True) if _refused(answer)
        )

    def _events(self, connection_type: str, since: float) -> list[dict[str, Any]]:
        members: Any = self._connected().zrangebyscore(_key(connection_type, "events"), since, "+inf")
        return [event for member in members for event in _read(member)]

    def _connected(self) -> Redis:
        if self._client is None:
            self._client = _connect(self._url)
        return self._client

    def _failed(self, failure: Exception) -> None:
        if self.breaker.state == "closed":
            log.warning("Redis does not take connection events: %s", type(failure).__name__)
        self.breaker.failed()


def _load_metadata() -> None:
    """Load what Python 3.13 needs to tell the version of redis, which each new connection asks for."""
    from importlib import metadata

    with suppress(metadata.PackageNotFoundError):
        metadata.version("redis")


def _connect(url: str) -> Redis:
    from redis import ConnectionPool, Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    pool = ConnectionPool.from_url(
        url, socket_timeout=_PATIENCE_S, socket_connect_timeout=_PATIENCE_S, retry=Retry(NoBackoff(), 0)
    )
    # A client that owns its pool closes it with itself, and in a fork would wait for a lock that nobody holds any more.
    return Redis(connection_pool=pool)


def _key(connection_type: str, what: str) -> str:
    return f"connection_monitor:{connection_type}:{what}"


def _refused(answer: Any) -> bool:
    """Whether the key holds something else; any other error is worth another try, and raised."""
    if not isinstance(answer, Exception):
        return False
    if str(answer).startswith("WRONGTYPE"):
        return True
    raise answer


def _read(member: bytes) -> Iterable[dict[str, Any]]:
    with suppress(ValueError, RecursionError, TypeError, KeyError):
        event = json.loads(member)
        float(event["timestamp"])
        yield event
