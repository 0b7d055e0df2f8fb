"""Reads from a running exporter which of its sources are up, empty or down."""

from __future__ import annotations

import json
from collections.abc import Collection
from http.client import HTTPConnection, HTTPException

from exporter.bundle.endpoints import Address
from exporter.types import SourceState

_ANSWERS_WITHIN_S = 5
_MOST_BYTES = 64 * 1024
_OWN = "the bundle's own, and nothing has been written to it yet"


def read(exporter: Address, own: Collection[str]) -> list[SourceState]:
    """Return the states of the sources of the exporter at an address, none if it does not answer.

    A source of `own` reads a store that the bundle started itself: such a store may be empty, and counts as up.
    """
    local = exporter.local
    connection = HTTPConnection(local.host, local.port, timeout=_ANSWERS_WITHIN_S)
    try:
        connection.request("GET", "/readyz")
        found = json.loads(connection.getresponse().read(_MOST_BYTES))["sources"]
        states = [SourceState(each["name"], each["state"], each["detail"]) for each in found]
    except (OSError, HTTPException, ValueError, LookupError, TypeError):
        return []
    finally:
        connection.close()
    return [SourceState(each.name, "up", _OWN) if _may_be_empty(each, own) else each for each in states]


def _may_be_empty(source: SourceState, own: Collection[str]) -> bool:
    return source.state == "empty" and source.name in own
