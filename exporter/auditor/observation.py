"""What is known of one thing that somebody should look at."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from msgspec import Struct

SEVERITIES = ("info", "warning", "critical")
CATEGORIES = ("performance", "reliability", "capacity", "anomaly")

EVERYWHERE = "all"
"""The value of a label that spans its subjects: it tells an alert from no neighbour."""

_LONGEST_SUBJECT = 1000
"""Characters that PostgreSQL's index takes, whatever they are."""


class Observed(Struct, frozen=True, kw_only=True):
    """What Alertmanager says of an alert; times are Unix seconds, and `resolved_at` is None while it fires."""

    subject: str
    metric_name: str
    started_at: float
    resolved_at: float | None
    severity: str
    category: str
    title: str
    description: str
    recommendation: str
    labels: dict[str, str]
    links: dict[str, str]

    @property
    def id(self) -> str:
        """The same for the same subject, metric and start, whoever works it out."""
        key = repr((self.subject, self.metric_name, self.started_at)).encode()
        return str(UUID(bytes=hashlib.blake2b(key, digest_size=16).digest()))


class Observation(Observed, frozen=True, kw_only=True):
    """An observation as it is kept, with what people said to it."""

    updated_at: float
    acknowledged_at: float | None = None
    acknowledged_by: str | None = None
    acknowledged_note: str | None = None
    silence_id: str | None = None
    silenced_until: float | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """What has no column of its own in PostgreSQL."""
        silence = {"id": self.silence_id, "until": self.silenced_until} if self.silence_id else None
        return {"labels": self.labels, **self.links, "silence": silence}


def subject_of(labels: dict[str, str]) -> str:
    """The labels that tell an alert from others of its name, as a selector."""
    telling = {name: value for name, value in labels.items() if name != "alertname" and value not in ("", EVERYWHERE)}
    subject = ", ".join(f'{name}="{_escaped(value)}"' for name, value in sorted(telling.items()))
    if len(subject) > _LONGEST_SUBJECT:
        digest = hashlib.blake2b(subject.encode(), digest_size=8).hexdigest()
        return f"{subject[: _LONGEST_SUBJECT // 2]}… {digest}"
    return subject or EVERYWHERE


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
