"""The demo pushes each event once, and keeps trying while the exporter is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exporter.demo.http_writer import HttpWriter
from exporter.demo.shapes import Event
from tests.demo.conftest import Intake
from tests.demo.story import story
from tests.servers import LOOPBACK, free_port, wait_until

STORY = story(5)


@contextmanager
def pushing(url: str, token_file: Path | None = None) -> Iterator[HttpWriter]:
    """A writer that has pushed everything when the block ends."""
    writer = HttpWriter(url, token_file)
    writer.start()
    try:
        yield writer
    finally:
        writer.close(grace_s=10)


def without_id(events: list[dict]) -> list[Event]:
    return [{name: value for name, value in event.items() if name != "event_id"} for event in events]


def test_every_event_arrives_once_and_in_order(intake: Intake) -> None:
    with pushing(intake.url) as writer:
        for event in STORY:
            writer.record(event)
    assert without_id(intake.events()) == STORY
    assert writer.tally.sent == len(STORY)
    assert {path for path, _, _ in intake.posts} == {"/api/v1/events"}


def test_every_event_has_an_id_of_its_own_in_each_run(intake: Intake) -> None:
    for _ in range(2):
        with pushing(intake.url) as writer:
            writer.record(STORY[0])
            writer.record(STORY[0])
    assert len({event["event_id"] for event in intake.events()}) == 4


def test_a_batch_holds_five_hundred_events(intake: Intake) -> None:
    writer = HttpWriter(intake.url, None)
    for _ in range(501):
        writer.record(STORY[0])
    writer.start()
    writer.close(grace_s=10)
    assert len(intake.posts) == 2
    assert len({headers["Idempotency-Key"] for _, headers, _ in intake.posts}) == 2


def test_a_repeated_batch_has_the_same_key_and_body(intake: Intake) -> None:
    intake.statuses = [503, 429]
    with pushing(intake.url) as writer:
        writer.record(STORY[0])
        wait_until(lambda: writer.tally.sent == 1, what="the batch to be taken")
    assert len(intake.posts) == 3
    assert len({(headers["Idempotency-Key"], body) for _, headers, body in intake.posts}) == 1
    assert writer.tally.trouble == ""


def test_the_token_is_read_again_when_it_was_wrong(intake: Intake, tmp_path: Path) -> None:
    intake.statuses = [401] * 100
    token = tmp_path / "push-token"
    with pushing(intake.url, token) as writer:
        writer.record(STORY[0])
        wait_until(lambda: "push-token" in writer.tally.trouble, what="the missing file to be noticed")
        token.write_text("first\n")
        wait_until(lambda: "401" in writer.tally.trouble, what="the refusal to be noticed")
        token.write_text("second\n")
        wait_until(lambda: intake.posts[-1][1]["Authorization"] == "Bearer second", what="the new token to be read")
        intake.statuses.clear()
        wait_until(lambda: writer.tally.sent == 1, what="the batch to be taken")
    assert intake.posts[-1][1]["Authorization"] == "Bearer second"


def test_a_batch_that_cannot_be_taken_does_not_stop_the_next(intake: Intake) -> None:
    intake.statuses = [413]
    with pushing(intake.url) as writer:
        writer.record(STORY[0])
        wait_until(lambda: writer.tally.refused == 1, what="the refusal")
        assert "413" in writer.tally.trouble
        writer.record(STORY[0])
    assert writer.tally.sent == 1


def test_events_that_the_exporter_rejects_count_as_refused(intake: Intake) -> None:
    intake.rejected = 1
    with pushing(intake.url) as writer:
        writer.record(STORY[0])
        writer.record(STORY[1])
        wait_until(lambda: writer.tally.sent, what="the batch to be taken")
    assert (writer.tally.sent, writer.tally.refused) == (1, 1)


def test_an_exporter_that_is_away_costs_only_what_does_not_fit() -> None:
    writer = HttpWriter(f"http://{LOOPBACK}:{free_port()}", None)
    for _ in range(20_003):
        writer.record(STORY[0])
    assert writer.tally.dropped == 3
    writer.start()
    wait_until(lambda: writer.tally.trouble, what="a first try")
    writer.close(grace_s=0)
    assert writer.tally.dropped == 20_003
