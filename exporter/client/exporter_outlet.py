"""ConnectionMonitor's events on their way to an exporter."""

from __future__ import annotations

import time
from collections.abc import Mapping

from exporter.client.http_peer import HttpPeer
from exporter.client.ids import process_name
from exporter.client.monitor_settings import MonitorSettings
from exporter.client.outlet import QueuedOutlet
from exporter.client.recorded import Recorded
from exporter.client.transport import Transport

_TELL_AGAIN_S = 60.0


class ExporterOutlet(QueuedOutlet):
    """Canonical events, pushed to an exporter."""

    kind = "exporter"

    def __init__(self, settings: MonitorSettings) -> None:
        headers = {"Authorization": f"Bearer {settings.token}"} if settings.token else None
        self._transport = Transport(
            HttpPeer(settings.exporter_url, headers),
            capacity=settings.capacity,
            at_once=settings.batch_size,
            every_s=settings.flush_interval_s,
        )
        super().__init__(self._transport, settings.capacity)
        self._told: Mapping[str, int] = {}
        self._told_at = 0.0

    def tell_active(self, active: Mapping[str, int]) -> None:
        """Pushes the numbers when they have changed, and again before the exporter takes silence for an end."""
        now = time.time()
        if active == self._told and not (active and now - self._told_at >= _TELL_AGAIN_S):
            return
        self._told, self._told_at = active, now
        self._transport.put({
            "kind": "gauge",
            "subject": "connection",
            "instance": process_name(),
            "timestamp": now,
            "values": {"active": active},
        })  # fmt: skip

    def _put(self, event: Recorded) -> None:
        for written in event.canonical():
            self._transport.put(written)
