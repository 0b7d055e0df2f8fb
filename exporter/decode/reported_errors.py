"""Errors that a gateway describes in the metadata of its connection events."""

from __future__ import annotations

from typing import Any

from exporter.events import ConnectionEvent, ConnectionMetadata


def read_error(event: ConnectionEvent, metadata: ConnectionMetadata | None) -> None:
    """Set type, message and traceback of a failed event to those in its metadata, where there are some."""
    if metadata is None or not (event.error or event.direction == "error"):
        return
    event.error_type = _text(metadata.error_type) or event.error_type
    event.error = _text(metadata.error_message) or event.error
    event.error_traceback = _text(metadata.error_traceback) or event.error_traceback


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
