"""The newest events of a running exporter, read over HTTP."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException

import msgspec
from msgspec import Raw, Struct

from exporter.tokens import Token

_TIMEOUT_S = 30

COUNTED = "counted"


class Away(RuntimeError):
    """The exporter does not answer now; it may later."""


class Refused(RuntimeError):
    """The exporter answers, and will not show its events."""


class Entry(Struct):
    """An event and what became of it, as GET /api/v1/events/recent shows it."""

    sequence: int
    received: float
    source: str
    outcome: str
    kind: str = ""
    labels: dict[str, str] = {}
    event: Raw = Raw(b"")
    reason: str = ""
    field: str = ""
    message: str = ""
    item: str = ""


class Recent(Struct):
    """One response of GET /api/v1/events/recent."""

    boot: str
    events: list[Raw]
    next: int
    missed: int
    newest: int


_recent = msgspec.json.Decoder(Recent)
entry_of = msgspec.json.Decoder(Entry).decode
"""Decodes one of `Recent.events`."""


class RecentEndpoint:
    """GET /api/v1/events/recent of one exporter."""

    def __init__(self, url: str, token: Token) -> None:
        self.url = url.rstrip("/")
        self._token = token

    def fetch(self, after: int, boot: str, limit: int) -> Recent:
        """Return the oldest events that are newer than `after` of the process `boot`.

        Raises:
            Away: there is no answer.
            Refused: the answer is an error.
        """
        query = urllib.parse.urlencode({"after": after, "boot": boot, "limit": limit})
        url = f"{self.url}/api/v1/events/recent?{query}"
        request = urllib.request.Request(url, headers=self._token.headers)  # noqa: S310 - the user's own URL
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310
                return _recent.decode(response.read())
        except urllib.error.HTTPError as error:
            raise self._failure(error) from None
        except (OSError, HTTPException) as error:
            raise Away(f"{self.url} does not answer: {getattr(error, 'reason', error)}") from error
        except msgspec.DecodeError as error:
            raise Refused(f"{self.url} is not an exporter of this version: {error}") from error

    def _failure(self, error: urllib.error.HTTPError) -> Away | Refused:
        if error.code in (401, 403):
            return Refused(f"{self.url}: {self._token.refused}")
        if error.code == 404:
            return Refused(f"{self.url} does not show its events: it is not an exporter, or older than 0.2")
        text = error.read().decode(errors="replace")
        return (Away if error.code >= 500 else Refused)(f"{self.url} answered {error.code}: {text}")
