"""The tables of the observations in the embedded store, and their statements."""

from __future__ import annotations

import msgspec

from exporter.auditor.asked import Filters
from exporter.auditor.observation import Observation, Observed

SCHEMA = """
CREATE TABLE IF NOT EXISTS observation (
    id TEXT PRIMARY KEY, subject TEXT NOT NULL, metric_name TEXT NOT NULL, started_at REAL NOT NULL, resolved_at REAL,
    severity TEXT NOT NULL, category TEXT NOT NULL, title TEXT NOT NULL, description TEXT NOT NULL,
    recommendation TEXT NOT NULL, labels TEXT NOT NULL, links TEXT NOT NULL, updated_at REAL NOT NULL,
    acknowledged_at REAL, acknowledged_by TEXT, acknowledged_note TEXT, silence_id TEXT, silenced_until REAL,
    revision INTEGER NOT NULL DEFAULT 1, copied INTEGER NOT NULL DEFAULT 0,
    UNIQUE (subject, metric_name, started_at));
CREATE UNIQUE INDEX IF NOT EXISTS one_open_observation ON observation (subject, metric_name)
    WHERE resolved_at IS NULL;
CREATE INDEX IF NOT EXISTS observation_start ON observation (started_at);
CREATE INDEX IF NOT EXISTS observation_over ON observation (updated_at) WHERE resolved_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS observation_to_copy ON observation (started_at) WHERE copied < revision;
"""
"""`revision` grows with each change; `copied` is the one that PostgreSQL has."""

COLUMNS = Observation.__struct_fields__
SELECT = f"SELECT {', '.join(COLUMNS)} FROM observation"  # noqa: S608 - our own words

_JSON = ("labels", "links")
_OBSERVED = Observed.__struct_fields__
_CHANGING = [name for name in _OBSERVED if name not in ("subject", "metric_name", "started_at")]
_WRITTEN = ("id", *_OBSERVED, "updated_at")

END = "SELECT resolved_at FROM observation WHERE subject = ? AND metric_name = ? AND started_at = ?"
NEXT_START = "SELECT min(started_at) FROM observation WHERE subject = ? AND metric_name = ? AND started_at > ?"
END_EARLIER = """
UPDATE observation SET resolved_at = :start, updated_at = :now, revision = revision + 1
WHERE subject = :subject AND metric_name = :metric_name AND started_at < :start AND resolved_at IS NULL
"""
UPSERT = f"""
INSERT INTO observation ({", ".join(_WRITTEN)}) VALUES ({", ".join("?" * len(_WRITTEN))})
ON CONFLICT (subject, metric_name, started_at) DO UPDATE
SET {", ".join(f"{name} = excluded.{name}" for name in (*_CHANGING, "updated_at"))}, revision = revision + 1
WHERE {" OR ".join(f"observation.{name} IS NOT excluded.{name}" for name in _CHANGING)}
"""  # noqa: S608 - our own words
"""Changes nothing of one that is as it was."""

ACKNOWLEDGE = """
UPDATE observation SET acknowledged_at = ?, acknowledged_by = ?, acknowledged_note = ?,
    silence_id = coalesce(?, silence_id), silenced_until = coalesce(?, silenced_until), revision = revision + 1
WHERE id = ?
"""
FORGET = "DELETE FROM observation WHERE resolved_at IS NOT NULL AND updated_at < ?"

_EQUAL = ("severity", "category", "subject", "metric_name")
_STATES = {
    ("acknowledged", True): "acknowledged_at IS NOT NULL",
    ("acknowledged", False): "acknowledged_at IS NULL",
    ("open", True): "resolved_at IS NULL",
    ("open", False): "resolved_at IS NOT NULL",
}


def where_of(asked: Filters) -> tuple[str, list[str]]:
    """The condition of a query, empty where all are asked for, and its values."""
    given = {name: value for name, value in msgspec.structs.asdict(asked).items() if value is not None}
    equal = [name for name in _EQUAL if name in given]
    states = [condition for state, condition in _STATES.items() if state in given.items()]
    clauses = [*(f"{name} = ?" for name in equal), *states]
    return (f"WHERE {' AND '.join(clauses)}" if clauses else ""), [given[name] for name in equal]


def row_of(observed: Observed, resolved_at: float | None, now: float) -> list[object]:
    """The values of UPSERT."""
    values = {**msgspec.structs.asdict(observed), "resolved_at": resolved_at, "id": observed.id, "updated_at": now}
    texts = {name: msgspec.json.encode(values[name], order="sorted").decode() for name in _JSON}
    return [{**values, **texts}[name] for name in _WRITTEN]


def observation_of(row: tuple[object, ...]) -> Observation:
    """What a row of SELECT holds."""
    values = dict(zip(COLUMNS, row, strict=True))
    mappings = {name: msgspec.json.decode(str(values[name])) for name in _JSON}
    return msgspec.convert({**values, **mappings}, Observation)
