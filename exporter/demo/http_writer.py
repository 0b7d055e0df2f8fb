"""Pushes canonical events to the exporter."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from exporter.demo.outbox import AwayError, Outbox, RefusedError
from exporter.demo.shapes import Event

_PATH = "/api/v1/events"
_PATIENCE_S = 10
_TRY_AGAIN = {401, 403, 408, 429}
"""Among them what a token that is not written yet, or was changed, answers."""


class HttpWriter(Outbox[dict[str, Any]]):
    """Up to 500 events at a time, or what there is twice a second; 20,000 wait at most."""

    most, every_s, capacity = 500, 0.5, 20_000

    def __init__(self, exporter_url: str, token_file: Path | None) -> None:
        super().__init__()
        parts = urlsplit(exporter_url)
        secure = parts.scheme == "https"
        connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = connect(parts.hostname or "127.0.0.1", parts.port, timeout=_PATIENCE_S)
        self._path = parts.path.rstrip("/") + _PATH
        self._token_file = token_file
        self._run_id, self._events = uuid4().hex, 0

    def record(self, event: Event) -> None:
        """Leave an event to be pushed, with an id of its own so that no repeat counts twice."""
        self._events += 1
        self.put({**event, "event_id": f"{self._run_id}-{self._events}"})

    def send(self, batch: list[dict[str, Any]], key: str) -> int:
        """POST the batch, and return how many of its events the exporter did not reject."""
        body = json.dumps(batch, separators=(",", ":")).encode()
        status, reply = self._post(body, self._headers(key))
        if status in _TRY_AGAIN or status >= 500:
            raise AwayError(f"exporter: HTTP {status} {_error_of(reply)}".rstrip())
        if status >= 300:
            raise RefusedError(f"exporter: HTTP {status} {_error_of(reply)}".rstrip())
        return len(batch) - int(reply.get("rejected") or 0)

    def close(self, grace_s: float) -> None:
        """Push what waits, then hang up."""
        super().close(grace_s)
        self._connection.close()

    def _headers(self, key: str) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        if self._token_file:
            headers["Authorization"] = f"Bearer {_read(self._token_file)}"
        return headers

    def _post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        try:
            self._connection.request("POST", self._path, body, headers)
            response = self._connection.getresponse()
            return response.status, _json_object(response.read())
        except (OSError, http.client.HTTPException) as failure:
            self._connection.close()
            raise AwayError(f"exporter: {failure or type(failure).__name__}") from failure


def _read(token_file: Path) -> str:
    try:
        return token_file.read_text().strip()
    except OSError as failure:
        raise AwayError(f"token: {failure}") from failure


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        reply = json.loads(body)
    except ValueError:
        return {}
    return reply if isinstance(reply, dict) else {}


def _error_of(reply: Mapping[str, Any]) -> str:
    return str(reply.get("error", ""))
