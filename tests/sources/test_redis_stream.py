"""A Redis Stream is counted exactly once, whatever happens to the exporter, the group or Redis."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from redis import Redis

from exporter import conventions as series
from exporter.decode.canonical import decode
from exporter.sources import redis_stream
from exporter.sources.redis_stream import RedisStream
from tests import servers
from tests.sources.gateway import NOW, Clock, Crash, Ledger
from tests.sources.test_redis_faults import restart

STREAM, GROUP = "events", "exai-exporter"


@dataclass
class Reader:
    """The source under test on a ledger; `on_disk` is the position of its last checkpoint."""

    client: Redis
    ledger: Ledger = field(default_factory=Ledger)
    on_disk: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begins a new process with what the ledger holds."""
        self.source = RedisStream(
            self.client, stream=STREAM, group=GROUP, decode=partial(decode, most=10_000), clock=Clock()
        )
        self.source.resume(self.ledger)

    def kill(self) -> None:
        """Loses everything since the last checkpoint, and begins a new process."""
        self.ledger = Ledger(dict(self.on_disk))
        self.start()

    def checkpoint(self) -> None:
        self.on_disk = dict(self.ledger.position_)
        self.source.committed(self.on_disk)

    def poll(self) -> Ledger:
        self.source.poll(self.ledger)
        return self.ledger

    @property
    def unacknowledged(self) -> int:
        return int(self.client.xpending(STREAM, GROUP)["pending"])


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_stream, "_BLOCK_MS", 1)


@pytest.fixture
def reader(client: Redis) -> Reader:
    return Reader(client)


def add(client: Redis, count: int, **fields: object) -> None:
    event = {"connection_type": "kimi", "direction": "send", "timestamp": NOW, **fields}
    with client.pipeline(transaction=False) as pipeline:
        for _ in range(count):
            pipeline.xadd(STREAM, {"event": json.dumps(event)})
        pipeline.execute()


def test_entries_count_in_pages(reader: Reader) -> None:
    add(reader.client, 1234)
    for _ in range(3):
        reader.poll()
    assert reader.ledger.counted == 1234


def test_what_was_there_before_the_exporter_counts(client: Redis) -> None:
    add(client, 20)
    assert Reader(client).poll().counted == 20


def test_an_entry_may_bring_several_events_and_any_kind(reader: Reader) -> None:
    call = {"kind": "duration", "model": "kimi-k2", "duration_ms": 5, "timestamp": NOW}
    event = {"connection_type": "kimi", "direction": "send", "timestamp": NOW}
    reader.client.xadd(STREAM, {"event": json.dumps([call, event, {**event, "timestamp": "soon"}])})
    ledger = reader.poll()
    assert ledger.total(series.INGESTED, kind="duration") == 1
    assert (ledger.counted, ledger.rejected) == (1, {"wrong_type": 1})


def test_a_kill_loses_and_repeats_nothing(reader: Reader) -> None:
    add(reader.client, 700)
    reader.poll()
    reader.checkpoint()
    saved = reader.ledger.counted
    reader.poll()
    add(reader.client, 5)
    reader.kill()
    while reader.poll().counted < 205:
        pass
    reader.poll()
    assert (saved, reader.ledger.counted, reader.ledger.missing) == (500, 205, 0)


def test_a_kill_before_the_first_checkpoint_begins_at_the_beginning(reader: Reader) -> None:
    add(reader.client, 30)
    reader.poll()
    reader.kill()
    assert (reader.poll().counted, reader.ledger.missing) == (30, 0)


def test_entries_are_acknowledged_after_the_commit_and_not_before(reader: Reader) -> None:
    add(reader.client, 700)
    reader.poll()
    reader.poll()
    assert reader.unacknowledged == 700
    reader.checkpoint()
    reader.poll()
    assert reader.unacknowledged == 0


def test_a_failure_acknowledges_nothing_that_is_not_on_disk(reader: Reader) -> None:
    add(reader.client, 10)
    reader.poll()
    reader.checkpoint()
    add(reader.client, 10)
    reader.poll()
    reader.source.resume(reader.ledger)
    reader.poll()
    assert (reader.unacknowledged, reader.ledger.counted) == (10, 20)


def test_what_a_killed_exporter_left_unacknowledged_is_acknowledged_by_the_next(reader: Reader) -> None:
    add(reader.client, 10)
    reader.poll()
    reader.checkpoint()
    reader.kill()
    assert reader.poll().counted == 0
    assert reader.unacknowledged == 0


def test_a_batch_that_the_fold_never_took_comes_again(reader: Reader) -> None:
    add(reader.client, 10)
    reader.ledger.crash_after = 0
    with pytest.raises(Crash):
        reader.poll()
    reader.ledger.crash_after = None
    reader.source.resume(reader.ledger)
    assert reader.poll().counted == 10


def test_a_lost_group_is_made_anew_where_it_was(reader: Reader) -> None:
    add(reader.client, 10)
    reader.poll()
    reader.client.xgroup_destroy(STREAM, GROUP)
    add(reader.client, 3)
    reader.source.resume(reader.ledger)
    assert (reader.poll().counted, reader.ledger.missing) == (13, 0)


def test_entries_that_were_trimmed_unread_are_counted_as_missing(reader: Reader) -> None:
    add(reader.client, 10)
    reader.poll()
    reader.checkpoint()
    add(reader.client, 50)
    reader.client.xtrim(STREAM, maxlen=20, approximate=False)
    reader.kill()
    reader.poll()
    assert (reader.poll().counted, reader.ledger.missing) == (20, 30)
    reader.checkpoint()
    reader.kill()
    assert reader.poll().missing == 0


def test_entries_that_are_trimmed_while_the_exporter_runs_are_counted_too(reader: Reader) -> None:
    add(reader.client, 10)
    reader.poll()
    add(reader.client, 50)
    reader.client.xtrim(STREAM, maxlen=20, approximate=False)
    assert (reader.poll().counted, reader.ledger.missing) == (30, 30)


def test_what_was_trimmed_before_the_first_contact_is_nobodys_loss(client: Redis) -> None:
    add(client, 50)
    client.xtrim(STREAM, maxlen=20, approximate=False)
    assert (Reader(client).poll().counted, Reader(client).poll().missing) == (20, 0)


def test_entries_that_were_read_may_be_trimmed(reader: Reader) -> None:
    add(reader.client, 50)
    reader.poll()
    reader.checkpoint()
    reader.client.xtrim(STREAM, maxlen=0, approximate=False)
    add(reader.client, 5)
    reader.kill()
    assert (reader.poll().counted, reader.ledger.missing) == (5, 0)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"event": "not json"}, "malformed"),
        ({"other": "x"}, "malformed"),
        ({"event": '{"connection_type": "kimi"}'}, "missing_field"),
        ({"event": '{"kind": "riddle", "timestamp": 1800000000}'}, "unknown_kind"),
        ({"event": b'{"connection_type": "\xff", "direction": "send", "timestamp": 1800000000}'}, "encoding"),
        ({"event": "[" * 10_000}, "malformed"),
    ],
)
def test_a_malformed_entry_is_rejected_with_its_reason_and_its_neighbours_count(
    reader: Reader, fields: dict, reason: str
) -> None:
    add(reader.client, 1)
    reader.client.xadd(STREAM, fields)
    add(reader.client, 1)
    assert (reader.poll().counted, reader.ledger.rejected) == (2, {reason: 1})


def test_a_repeated_event_id_counts_once(reader: Reader) -> None:
    add(reader.client, 3, event_id="a")
    assert reader.poll().counted == 1


def test_a_restart_with_data_kept_goes_on(redis_server: servers.Redis, own_client: Redis) -> None:
    reader = Reader(own_client)
    add(own_client, 10)
    reader.poll()
    restart(redis_server)
    add(own_client, 5)
    reader.source.resume(reader.ledger)
    assert (reader.poll().counted, reader.ledger.missing) == (15, 0)


def test_a_restart_with_data_lost_goes_on_with_what_is_new(
    redis_server: servers.Redis, own_client: Redis, tmp_path: Path
) -> None:
    reader = Reader(own_client)
    add(own_client, 10)
    reader.poll()
    restart(redis_server, tmp_path / "redis")
    reader.source.resume(reader.ledger)
    add(own_client, 5)
    reader.poll()
    add(own_client, 20)
    assert (reader.poll().counted, reader.ledger.missing) == (35, 0)


def test_a_full_redis_is_read_on(redis_server: servers.Redis, own_client: Redis) -> None:
    reader = Reader(own_client)
    add(own_client, 10)
    own_client.config_set("maxmemory", "1")
    reader.poll()
    reader.checkpoint()
    reader.poll()
    assert (reader.ledger.counted, reader.unacknowledged) == (10, 0)
