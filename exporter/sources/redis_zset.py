"""The sorted sets that a running gateway's ConnectionMonitor writes: it needs no change to be observed.

Members arrive late and out of order, and a live key is never trimmed. Where a key's size is what it was,
nothing is new; else only the ranges that hold another number of members than were seen are read.
"""

from __future__ import annotations

import time
from threading import Event as Flag
from typing import Any

from redis import Redis

from exporter import conventions as series
from exporter.sources.contents import SORTED_SETS, no_sorted_sets
from exporter.sources.zset_key import SOURCE, Decode, KeyReader, connection_type, first_memory
from exporter.sources.zset_memory import KeyMemory, memories, part, second_of
from exporter.sources.zset_ranges import pipelined
from exporter.sources.zset_stats import StatsReader
from exporter.types import Batch, Clock, Intake, Move, SourceHealth

_TYPES = ("websocket", "redis", "supabase", "kimi", "glm")
_SCANNED_A_POLL = 500
_RUN_ID = "run_id"


class RedisZset:
    """Tails `connection_monitor:<type>:events` of every type, known or new."""

    name = SOURCE

    def __init__(
        self,
        client: Redis,
        *,
        decode: Decode,
        clock: Clock,
        look_back_s: float,
        first_contact_s: float,
        poll_interval_s: float,
        monotonic: Clock = time.monotonic,
    ) -> None:
        self._client = client
        self._decode = decode
        self._clock = clock
        self._monotonic = monotonic
        self._look_back_s = look_back_s
        self._first_contact_s = first_contact_s
        self._poll_interval_s = poll_interval_s
        self._keys = {f"connection_monitor:{name}:events" for name in _TYPES}
        self._readers: dict[str, KeyReader] = {}
        self._stats = StatsReader(client, clock)
        self._run_id = b""
        self._cursor = 0
        # A first contact that an earlier process, or a failure, broke off ends with the next whole poll.
        self._first_contact = True

    def committed(self, position: Move) -> None:
        """Nothing is deleted from a gateway's keys."""

    def run(self, intake: Intake, health: SourceHealth, stop: Flag) -> None:
        """Polls until it is told to stop."""
        self.resume(intake)
        while not stop.is_set():
            health.read_to_end("" if self.poll(intake) else no_sorted_sets(self._client))
            stop.wait(self._poll_interval_s)

    def resume(self, intake: Intake) -> None:
        """Takes up the position, as it was left by this process or an earlier one."""
        position = intake.position(self.name)
        self._readers = {key: self._reader(key, memory) for key, memory in memories(position)}
        self._keys.update(self._readers)
        self._run_id = position.get(_RUN_ID, b"")
        for key in self._readers:
            self._start_counters(intake, key)

    def poll(self, intake: Intake) -> bool:
        """Hand over everything that is new since the last time; return whether any key holds an event."""
        self._discover()
        run_id = str(self._client.info("server")["run_id"]).encode()
        restarted = run_id != self._run_id
        keys = sorted(self._keys)
        cards = pipelined(self._client, (("ZCARD", key) for key in keys))
        for key, card in zip(keys, cards, strict=True):
            self._look_at(intake, key, card, restarted)
        if restarted or self._first_contact:
            # After a restart counts can match where contents differ: the new id is kept once all was compared.
            intake.submit(Batch(self.name, (), {_RUN_ID: run_id}, self._clock(), catching_up=False))
            self._run_id, self._first_contact = run_id, False
        self._stats.read(intake, keys)
        return any(cards)

    def _look_at(self, intake: Intake, key: str, card: int, restarted: bool) -> None:
        """Read the key if it has changed."""
        reader = self._readers.get(key)
        if reader is None and card:
            reader = self._meet(intake, key)
        if reader is None:
            return
        if restarted or card != reader.memory.last_card:
            reader.read(intake, card, restarted=restarted)
        else:
            reader.rest(intake)

    def _meet(self, intake: Intake, key: str) -> KeyReader:
        """Begins a first contact: what it brings forth stays hidden until it has ended."""
        start = second_of(self._clock() - self._first_contact_s)
        memory = first_memory(self._client, key, start, self._look_back_s)
        self._first_contact = True
        intake.submit(Batch(self.name, (), {part(key): memory.head_bytes()}, self._clock(), catching_up=True))
        self._start_counters(intake, key)
        self._readers[key] = self._reader(key, memory)
        return self._readers[key]

    def _start_counters(self, intake: Intake, key: str) -> None:
        """Show what is lost as 0 from the start: `increase` of Prometheus 2 does not see a counter's first value."""
        tallies = [(series.SOURCE_MISSING, (SOURCE, connection_type(key)), 0), (series.SOURCE_LATE, (SOURCE,), 0)]
        intake.submit(Batch(self.name, (), {}, self._clock(), tallies=tallies))

    def _reader(self, key: str, memory: KeyMemory) -> KeyReader:
        return KeyReader(
            self._client,
            key,
            memory,
            decode=self._decode,
            clock=self._clock,
            monotonic=self._monotonic,
            look_back_s=self._look_back_s,
        )

    def _discover(self) -> None:
        """One step of a scan for types that we do not know yet."""
        found: Any = self._client.scan(self._cursor, match=SORTED_SETS, count=_SCANNED_A_POLL, _type="zset")
        self._cursor, names = found
        self._keys.update(name.decode(errors="replace") for name in names)
