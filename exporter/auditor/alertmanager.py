"""What is asked of Alertmanager (API v2): a silence for an alert, and which alerts fire."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import msgspec
from msgspec import Struct

from exporter.auditor.observation import Observation, subject_of
from exporter.auditor.store import Silence

_ANSWERS_WITHIN_S = 10.0
_MOST_TOLD = 300


Shape = TypeVar("Shape")


class _Silenced(Struct):
    id: str = msgspec.field(name="silenceID")


class _Alert(Struct):
    labels: dict[str, str]


class _Status(Struct):
    uptime: datetime


class AlertmanagerAway(Exception):
    """Alertmanager cannot be asked, or refuses; the text says where and why."""


class Alertmanager:
    """One Alertmanager, by its base URL; no proxy is used."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._opener = build_opener(ProxyHandler({}))

    def silence(self, observation: Observation, who: str, note: str, starts: float, until: float) -> Silence:
        """Silences the alert until then (Unix seconds).

        Raises:
            AlertmanagerAway: there is no silence.
        """
        body = {
            "matchers": [_matcher(name, value) for name, value in observation.labels.items() if value],
            "startsAt": _text(starts),
            "endsAt": _text(until),
            "createdBy": who,
            "comment": note or "Acknowledged.",
        }
        answer = self._ask("/api/v2/silences", msgspec.json.encode(body))
        return Silence(_checked(answer, _Silenced).id, until)

    def firing(self) -> set[tuple[str, str]]:
        """Subject and name of each alert that fires, also of those that are silenced or inhibited.

        Raises:
            AlertmanagerAway: that is not known.
        """
        return {_key(alert.labels) for alert in _checked(self._ask("/api/v2/alerts"), list[_Alert])}

    def started_at(self) -> float:
        """Since when (Unix seconds) it runs.

        Raises:
            AlertmanagerAway: that is not known.
        """
        return _checked(self._ask("/api/v2/status"), _Status).uptime.timestamp()

    def _ask(self, path: str, body: bytes | None = None) -> bytes:
        request = Request(self._url + path, body, {"Content-Type": "application/json"})  # noqa: S310
        try:
            with self._opener.open(request, timeout=_ANSWERS_WITHIN_S) as reply:
                return bytes(reply.read())
        except HTTPError as error:
            told = error.read(_MOST_TOLD).decode(errors="replace")
            raise AlertmanagerAway(f"Alertmanager answers {error.code}: {told}") from None
        except (OSError, HTTPException, ValueError) as error:
            raise AlertmanagerAway(f"Alertmanager cannot be asked: {error}") from None


def _checked(answer: bytes, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(answer, type=shape)
    except msgspec.DecodeError as error:
        raise AlertmanagerAway(f"Alertmanager's answer makes no sense: {error}") from None


def _key(labels: Mapping[str, str]) -> tuple[str, str]:
    return subject_of(dict(labels)), labels.get("alertname", "")


def _matcher(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value, "isRegex": False, "isEqual": True}


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
