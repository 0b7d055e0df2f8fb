"""Reads what Alertmanager's webhook posts (version 4): alerts that fire, and alerts that are over."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from exporter.auditor.observation import CATEGORIES, SEVERITIES, Observed, subject_of
from exporter.database.kept_rows import LONGEST_MESSAGE, LONGEST_NAME, kept_text
from exporter.decode.validate import DAY, refusal
from exporter.types import Refused

_NAME = "alertname"
_LINKS = ("dashboard", "runbook")
_USUAL_SEVERITY, _USUAL_CATEGORY = "warning", "reliability"
"""Of an alert whose rule says none of ours."""

_Moment = Annotated[datetime, Meta(tz=True)]


class _Alert(Struct, rename="camel"):
    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    starts_at: _Moment
    ends_at: _Moment
    annotations: dict[str, str] = {}


class _Payload(Struct):
    version: Literal["4"]
    alerts: list[_Alert]


_decoder = msgspec.json.Decoder(_Payload)


def read_alerts(body: bytes, now: float) -> list[Observed]:
    """What the body says, all of it usable; fields that we do not know are left out.

    Raises:
        Refused: names the field; nothing of the body is to be taken.
    """
    try:
        payload = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refusal(error) from None
    return [_observed(alert, f"alerts[{place}]", now) for place, alert in enumerate(payload.alerts)]


def _observed(alert: _Alert, field: str, now: float) -> Observed:
    started = alert.starts_at.timestamp()
    if started > now + DAY:
        raise Refused(f"{field}.startsAt", "out_of_range", f"{alert.starts_at.isoformat()} is past tomorrow")
    labels = {_clean(name): _clean(value) for name, value in alert.labels.items()}
    name = labels.get(_NAME, "")
    if not 0 < len(name) <= LONGEST_NAME:
        raise Refused(f"{field}.labels.{_NAME}", "missing_field", f"not 1 to {LONGEST_NAME} characters")
    told = {key: kept_text(text, LONGEST_MESSAGE) for key, text in alert.annotations.items()}
    title = told.get("summary") or name
    description = told.get("description") or title
    return Observed(
        subject=subject_of(labels),
        metric_name=name,
        started_at=started,
        resolved_at=max(started, alert.ends_at.timestamp()) if alert.status == "resolved" else None,
        severity=_one_of(SEVERITIES, labels.get("severity"), _USUAL_SEVERITY),
        category=_one_of(CATEGORIES, labels.get("category"), _USUAL_CATEGORY),
        title=title,
        description=description,
        recommendation=told.get("recommendation") or description,
        labels=labels,
        links={key: told[key] for key in _LINKS if key in told},
    )


def _one_of(known: tuple[str, ...], given: str | None, usual: str) -> str:
    return given if given in known else usual


def _clean(text: str) -> str:
    """Without what PostgreSQL cannot hold; not masked, because a silence must match it."""
    return text.replace("\0", "")
