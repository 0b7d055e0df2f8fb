"""The weeks before a demo as PostgreSQL's boards see them: some requests, model calls, errors and alerts."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec
import psycopg
from msgspec import structs
from psycopg.types.json import Jsonb

from exporter import recordings
from exporter.auditor.observation import Observation
from exporter.auditor.payload import read_alerts
from exporter.auditor.postgres_copy import UPSERT, row_of
from exporter.database.kept_rows import Row, rows_of
from exporter.demo.conditions import NORMAL
from exporter.demo.incidents import INCIDENTS
from exporter.demo.levels import Alert, levels
from exporter.demo.lifecycle import live
from exporter.demo.lookups import SemanticCache
from exporter.demo.model_calls import MODELS
from exporter.demo.on_call import WHO
from exporter.demo.past import CALM, DAYS, Episode, condition, episodes
from exporter.demo.rhythm import DAY_S, busy
from exporter.demo.sessions import Sessions
from exporter.demo.shapes import Event
from exporter.events import DurationEvent
from exporter.fold.spool import Spooled, is_kept
from exporter.settings import DEMO

SIMULATED = {"simulated": True}
"""The metadata of every row that the demo writes."""

_INSTRUMENTED = {model.name for model in MODELS if model.instrumented}
_EVERY_S = 600
_EVERY_IN_AN_INCIDENT_S = 20
"""Seconds between two of the requests that are kept: those of an incident are looked at more closely, day and night."""
_STEP_S = 10

_FIRES_AFTER_S, _SEEN_AFTER_S, _OVER_AFTER_S = 110, 420, 180


def write_past_rows(connection: psycopg.Connection[Any], rng: Random, now: float) -> None:
    """Write requests, calls and errors of the weeks before `now` (Unix seconds), and observations of incidents."""
    statements: dict[str, list[Row]] = defaultdict(list)
    lines = (json.dumps(event).encode() for event in _events(rng, now))
    events = recordings.by_time(recordings.events_of(lines, lambda: now))
    for number, event in enumerate(filter(_is_kept, events)):
        for statement, row in rows_of(Spooled(number, event)):
            statements[statement].append(row)
    with connection.cursor() as cursor:
        for statement, rows in statements.items():
            cursor.executemany(statement.encode(), rows)
        for table in ("errors", "model_calls", "traces"):
            mark = f"update monitoring.{table} set metadata = %s where created_at = now()"  # noqa: S608
            cursor.execute(mark.encode(), (Jsonb(SIMULATED),))
        for observation in _observations(now):
            metadata = Jsonb({**observation.metadata, **SIMULATED})
            cursor.execute(UPSERT.encode(), {**row_of(observation), "metadata": metadata})


def _events(rng: Random, now: float) -> Iterator[Event]:
    """Traces, model calls, and what failed."""
    past, sessions, cache = episodes(now), Sessions(rng), SemanticCache(rng)
    for number, at in enumerate(moments(rng, past, now)):
        incident = condition(past, at)
        conditions = NORMAL if incident == CALM else INCIDENTS[incident](NORMAL)
        for event in live(number, sessions.next_call(at), cache, conditions, rng, at).events:
            if (
                event["kind"] in ("trace", "duration")
                or _is_call(event)
                or event.get("error")
                or event.get("error_type")
            ):
                yield event


def _is_call(event: Event) -> bool:
    return event["kind"] == "connection" and "model" in event["metadata"]


def _is_kept(event: object) -> bool:
    """Return whether an exporter would have kept the event.

    The application also sends the calls of instrumented models, so their descriptions do not count.
    """
    described = isinstance(event, DurationEvent) and event.derived and event.model in _INSTRUMENTED
    return is_kept(event) and not described


def moments(rng: Random, past: Sequence[Episode], now: float) -> Iterator[float]:
    """When the requests that are kept began, in Unix seconds.

    Each step asks anew whether there was one: a wait drawn at night could reach over a whole incident.
    """
    at = now - DAYS * DAY_S
    while at < now - _EVERY_S:
        calm = condition(past, at) == CALM
        if rng.random() < _STEP_S * (busy(at) / _EVERY_S if calm else 1 / _EVERY_IN_AN_INCIDENT_S):
            yield at
        at += _STEP_S


def _observations(now: float) -> Iterator[Observation]:
    for episode in episodes(now):
        for place, alert in enumerate(_heard(levels().alerts[episode.incident])):
            (observed,) = read_alerts(_payload(episode, alert, place), now)
            # What follows from something else is often left lying.
            said = _said(episode) if observed.category != "capacity" else {}
            known = {**structs.asdict(observed), "updated_at": observed.resolved_at, **said}
            yield msgspec.convert(known, Observation)


def _said(episode: Episode) -> dict[str, Any]:
    seen = episode.started + _SEEN_AFTER_S
    return {"acknowledged_at": seen, "acknowledged_by": WHO, "acknowledged_note": episode.story}


def _heard(alerts: Sequence[Alert]) -> list[Alert]:
    """Those that Alertmanager lets through: a critical alert silences the warning of its name."""
    critical = {_subject(alert) for alert in alerts if alert.labels["severity"] == "critical"}
    return [alert for alert in alerts if alert.labels["severity"] == "critical" or _subject(alert) not in critical]


def _subject(alert: Alert) -> tuple[str, ...]:
    return tuple(alert.labels[name] for name in ("alertname", "service", "provider", "model"))


def _payload(episode: Episode, alert: Alert, place: int) -> bytes:
    """What Alertmanager posts when it is over; no two began in the same moment."""
    started, ended = episode.started + _FIRES_AFTER_S + 10 * place, episode.ended + _OVER_AFTER_S
    told = {
        "status": "resolved",
        "labels": {**alert.labels, "environment": DEMO},
        "annotations": alert.annotations,
        "startsAt": _time(started),
        "endsAt": _time(ended),
    }
    return json.dumps({"version": "4", "alerts": [told]}).encode()


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
