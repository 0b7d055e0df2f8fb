"""The ids of conversations in decoded events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from exporter.events import DurationEvent, TraceEvent
from exporter.pseudonyms import pseudonym

NAMING = (DurationEvent, TraceEvent)
"""The events that name their conversation."""


def hash_conversations(events: Iterable[Any]) -> None:
    """Replace the id of each event's conversation by its pseudonym."""
    for event in events:
        if type(event) in NAMING and event.conversation_id is not None:
            event.conversation_id = pseudonym(event.conversation_id)
