"""Where each event goes: one way for each, so that nothing is counted twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from exporter.demo.http_writer import HttpWriter
from exporter.demo.outbox import Tally
from exporter.demo.postgres_writer import PostgresWriter
from exporter.demo.redis_writer import RedisWriter
from exporter.demo.shapes import Event


class Outlets:
    """Redis and PostgreSQL, where there are such, for what a real gateway writes there; HTTP for all else.

    Calls of instrumented models are pushed by the application that makes them. Of the others the gateway's connection
    events tell alone.
    """

    def __init__(self, http: HttpWriter, redis: RedisWriter | None, postgres: PostgresWriter | None = None) -> None:
        self._http, self._redis, self._postgres = http, redis, postgres

    def start(self) -> None:
        """Begin to send."""
        for writer in self._writers():
            writer.start()

    def take(self, event: Event) -> None:
        """Leave an event with the writer of its kind."""
        if self._postgres and event["kind"] == "cache":
            self._postgres.record(event)
        elif self._redis and event["kind"] == "connection":
            self._redis.record(event)
        elif self._redis and event["kind"] == "gauge" and event["subject"] == "connection":
            for connection_type, connections in event["values"]["active"].items():
                self._redis.set_active(connection_type, connections)
        else:
            self._http.record(event)

    def tallies(self) -> Mapping[str, Tally]:
        """What became of the events, by outlet."""
        found = {"redis": self._redis, "postgres": self._postgres, "http": self._http}
        return {name: writer.tally for name, writer in found.items() if writer}

    def close(self, grace_s: float) -> None:
        """Send what waits, for `grace_s` seconds at most for each outlet, and end."""
        for writer in self._writers():
            writer.close(grace_s)

    def _writers(self) -> Iterator[HttpWriter | PostgresWriter | RedisWriter]:
        yield from (writer for writer in (self._redis, self._postgres, self._http) if writer)
