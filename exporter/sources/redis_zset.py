"""The sorted sets that a running gateway's ConnectionMonitor writes: it needs no change to be observed.

Members arrive late and out of order, and a live key is never trimmed. Where a key's size is what it was,
nothing is new; else only the ranges that hold another number of members than were seen are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from threading import Event as Flag
from typing import Any, NamedTuple

import msgspec
from redis import Redis

from exporter import conventions as series
from exporter.events import Reading
from exporter.gauge_values import ConnectionValues
from exporter.sources.zset_memory import Head, KeyMemory, digest, second_of
from exporter.sources.zset_ranges import changed, members, pipelined
from exporter.types import Batch, Clock, Intake, Member, Move, Position, Refused, SourceHealth, Tally

_TYPES = ("websocket", "redis", "supabase", "kimi", "glm")
_KEY = re.compile(r"connection_monitor:(.+):events")
_SCANNED_A_POLL = 500
_RUN_ID = "run_id"


class _Fresh(NamedTuple):
    second: int
    mark: bytes
    score: float
    member: bytes


class RedisZset:
    """Tails `connection_monitor:<type>:events` of every type, known or new."""

    name = "redis_zset"

    def __init__(
        self,
        client: Redis,
        *,
        decode: Callable[[bytes, float], Member],
        clock: Clock,
        look_back_s: float,
        first_contact_s: float,
        poll_interval_s: float,
    ) -> None:
        self._client = client
        self._decode = decode
        self._clock = clock
        self._look_back_s = look_back_s
        self._first_contact_s = first_contact_s
        self._poll_interval_s = poll_interval_s
        self._keys = {f"connection_monitor:{name}:events" for name in _TYPES}
        self._memories: dict[str, KeyMemory] = {}
        self._active: dict[str, tuple[int, float]] = {}
        self._run_id = b""
        self._cursor = 0

    def committed(self, position: Move) -> None:
        """Nothing is deleted from a gateway's keys."""

    def run(self, intake: Intake, health: SourceHealth, stop: Flag) -> None:
        """Polls until it is told to stop."""
        position = intake.position(self.name)
        self._memories = dict(_memories(position))
        self._run_id = position.get(_RUN_ID, b"")
        while not stop.is_set():
            self.poll(intake)
            health.read_to_end()
            stop.wait(self._poll_interval_s)

    def poll(self, intake: Intake) -> None:
        """Hands over everything that is new since the last time."""
        self._discover()
        run_id = str(self._client.info("server")["run_id"]).encode()
        restarted = run_id != self._run_id
        keys = sorted(self._keys)
        met = False
        cards = pipelined(self._client, (("ZCARD", key) for key in keys))
        for key, card in zip(keys, cards, strict=True):
            met |= self._look_at(intake, key, card, restarted)
        if restarted or met:
            # After a restart counts can match where contents differ: the new id is kept once all was compared.
            intake.submit(Batch(self.name, (), {_RUN_ID: run_id}, self._clock(), catching_up=False))
            self._run_id = run_id
        self._read_active(intake, keys)

    def _look_at(self, intake: Intake, key: str, card: int, restarted: bool) -> bool:
        """Reads the key if it has changed; says whether this was the first contact with it."""
        memory = self._memories.get(key)
        if memory is None and card:
            memory = self._meet(intake, key)
            self._catch_up(intake, key, memory, card, restarted)
            return True
        if memory is not None and (restarted or card != memory.last_card):
            self._catch_up(intake, key, memory, card, restarted)
        return False

    def _meet(self, intake: Intake, key: str) -> KeyMemory:
        """Begins a first contact: what it brings forth stays hidden until it has ended."""
        start = second_of(self._clock() - self._first_contact_s)
        memory = KeyMemory(Head(start + self._look_back_s, self._count_before(key, start)), {})
        head = {_part(key): msgspec.json.encode(memory.head)}
        intake.submit(Batch(self.name, (), head, self._clock(), catching_up=True))
        self._memories[key] = memory
        return memory

    def _catch_up(self, intake: Intake, key: str, memory: KeyMemory, card: int, restarted: bool) -> None:
        now = self._clock()
        start = second_of(memory.head.watermark - self._look_back_s)
        older = self._count_before(key, start)
        # A key that shrank began anew: what is old in it has no history that it could be late to.
        began_anew = restarted or (memory.last_card is not None and card < memory.last_card)
        late = 0 if began_anew else max(0, older - memory.head.older)
        memory.head.older = older
        newest = memory.head.watermark
        for wanted in changed(self._client, key, memory, start, second_of(now), compare=restarted):
            for page in members(self._client, key, wanted):
                newest = max(newest, page[-1][1])
                self._hand_over(intake, key, memory, page)
            intake.submit(self._moved_on(key, memory, min(float(wanted.low), now)))
        intake.submit(self._moved_on(key, memory, min(newest, now), late))
        memory.last_card = card

    def _count_before(self, key: str, start: int) -> int:
        return int(pipelined(self._client, [("ZCOUNT", key, "-inf", f"({start}")])[0])

    def _hand_over(self, intake: Intake, key: str, memory: KeyMemory, page: list[tuple[bytes, float]]) -> None:
        known: dict[int, set[bytes]] = {}
        fresh: list[_Fresh] = []
        for member, score in page:
            second, mark = second_of(score), digest(member)
            seen = known.get(second)
            if seen is None:
                seen = known[second] = memory.digests(second)
            if mark not in seen:
                seen.add(mark)
                fresh.append(_Fresh(second, mark, score, member))
        if fresh:
            intake.submit(self._batch(key, memory, fresh))

    def _batch(self, key: str, memory: KeyMemory, fresh: list[_Fresh]) -> Batch:
        now = self._clock()
        events: list[Any] = []
        rejected: dict[str, int] = {}
        for new in fresh:
            try:
                found = self._decode(new.member, now)
            except Refused as error:
                rejected[error.reason] = rejected.get(error.reason, 0) + 1
                found = Member((), 0)
            events += found.events
            memory.remember(new.second, new.mark, new.score, found.total)
        events.sort(key=type_name)
        move = {_part(key, second): bytes(memory.slices[second]) for second in {new.second for new in fresh}}
        return Batch(self.name, events, move, now, rejected)

    def _moved_on(self, key: str, memory: KeyMemory, watermark: float, late: int = 0) -> Batch:
        """The batch that moves the watermark on, with what has been left behind for good."""
        head = memory.head
        head.watermark = max(head.watermark, watermark)
        missing_before = head.totals.missing
        behind = memory.leave_behind(second_of(head.watermark - self._look_back_s))
        move: dict[str, bytes | None] = {_part(key, second): None for second in behind}
        move[_part(key)] = msgspec.json.encode(head)
        missing = head.totals.missing - missing_before
        tallies: list[Tally] = [
            (series.SOURCE_MISSING, (self.name, _type_of(key)), missing),
            (series.SOURCE_LATE, (self.name,), late),
        ]
        return Batch(self.name, (), move, self._clock(), tallies=[tally for tally in tallies if tally[2]])

    def _read_active(self, intake: Intake, keys: list[str]) -> None:
        """Takes the open connections from the stats hashes; one that does not change any more is silent."""
        names = [f"{key.removesuffix(':events')}:stats" for key in keys]
        wanted = (("HMGET", name, "active_connections", "last_event_timestamp") for name in names)
        for key, (active, newest) in zip(keys, pipelined(self._client, wanted), strict=True):
            try:
                found = (max(0, int(active)), float(newest))
            except (TypeError, ValueError):
                continue
            if self._active.get(key) != found:
                self._active[key] = found
                reading = Reading(self.name, found[1], ConnectionValues({_type_of(key): found[0]}))
                intake.submit(Batch(self.name, (reading,), received=self._clock()))

    def _discover(self) -> None:
        """One step of a scan for types that we do not know yet."""
        pattern = "connection_monitor:*:events"
        found: Any = self._client.scan(self._cursor, match=pattern, count=_SCANNED_A_POLL)
        self._cursor, names = found
        self._keys.update(name.decode(errors="replace") for name in names)


def type_name(event: object) -> str:
    """Sorts events by kind, so that the fold takes them in few runs."""
    return type(event).__name__


def _type_of(key: str) -> str:
    found = _KEY.fullmatch(key)
    return found.group(1) if found else series.UNKNOWN


def _part(key: str, second: int | None = None) -> str:
    return f"{key} {'head' if second is None else second}"


def _memories(position: Position) -> Iterator[tuple[str, KeyMemory]]:
    slices: dict[str, dict[int, bytearray]] = {}
    heads: dict[str, Head] = {}
    for part, value in position.items():
        key, _, place = part.rpartition(" ")
        if place == "head":
            heads[key] = msgspec.json.decode(value, type=Head)
        elif place.lstrip("-").isdigit():
            slices.setdefault(key, {})[int(place)] = bytearray(value)
    for key, head in heads.items():
        yield key, KeyMemory(head, slices.get(key, {}))
