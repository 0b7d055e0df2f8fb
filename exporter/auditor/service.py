"""What the auditor does: takes alerts in, has them acknowledged, and finds out which are over."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event as Flag
from threading import Thread

import msgspec
import structlog

from exporter.auditor.alertmanager import Alertmanager, AlertmanagerAway
from exporter.auditor.announcer import Announcer
from exporter.auditor.asked import Acknowledgement
from exporter.auditor.observation import Observation, Observed
from exporter.auditor.payload import read_alerts
from exporter.auditor.store import ObservationStore
from exporter.types import Clock, StoreFull

log = structlog.get_logger()

_LOOKS_EVERY_S = 30.0
_SETTLED_S = 300.0
"""Seconds after its start in which Alertmanager may not have heard of all alerts again."""

_OBSERVED = Observed.__struct_fields__


@dataclass(frozen=True, slots=True)
class Auditor:
    """The observations of one exporter, and the Alertmanager that their alerts come from."""

    store: ObservationStore
    alertmanager: Alertmanager
    clock: Clock
    announcer: Announcer
    settled_s: float = _SETTLED_S

    def take(self, body: bytes) -> int:
        """Keeps what the webhook posts; once this returns it is on the disk. Returns how many alerts there were.

        Raises:
            Refused: the body cannot be used; names the field.
            StoreFull: nothing of it is kept.
        """
        now = self.clock()
        observed = read_alerts(body, now)
        self._keep(observed, now)
        return len(observed)

    def acknowledge(self, id_: str, said: Acknowledgement) -> Observation | None:
        """Silences the alert if it still fires, then notes who has seen it; None: there is no such observation.

        Raises:
            AlertmanagerAway: there is no silence, and nothing is noted.
            StoreFull: nothing is noted; the silence may be there.
        """
        observation, now = self.store.get(id_), self.clock()
        if observation is None:
            return None
        silence = None
        if said.minutes and observation.resolved_at is None:
            until = now + said.minutes * 60
            silence = self.alertmanager.silence(observation, said.who, said.note, now, until)
        log.info("observation_acknowledged", id=id_, who=said.who, note=said.note, minutes=said.minutes)
        return self.store.acknowledge(id_, said, silence, now)

    def look(self) -> int:
        """Ends the observations of alerts that Alertmanager no longer has, and returns how many.

        The end of an alert that is silenced or inhibited is told to nobody, the webhook included.

        Raises:
            AlertmanagerAway: it is not known what fires.
            StoreFull: none is ended.
        """
        # Read before Alertmanager is asked: what comes meanwhile is not in its answer, and not over.
        lasting, now = self.store.open(), self.clock()
        if not lasting or now - self.alertmanager.started_at() < self.settled_s:
            return 0
        firing = self.alertmanager.firing()
        over = [_ended(each, now) for each in lasting if (each.subject, each.metric_name) not in firing]
        if over:
            self._keep(over, now)
        return len(over)

    def _keep(self, observed: Sequence[Observed], now: float) -> None:
        # Told before it is kept: after a kill in between it comes again, and is told twice rather than never.
        with self.store.recording(observed, now) as news:
            self.announcer.announce(news)


class Watch:
    """The thread that looks twice a minute."""

    def __init__(self, auditor: Auditor) -> None:
        self._auditor = auditor
        self._stop = Flag()
        # A daemon: to wait for an Alertmanager that does not answer would hold up the end.
        self._thread = Thread(target=self._run, name="auditor", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_LOOKS_EVERY_S):
            try:
                self._auditor.look()
            except (AlertmanagerAway, StoreFull, sqlite3.Error) as error:
                log.warning("which_alerts_are_over_is_not_known", error=str(error))


def _ended(observation: Observation, now: float) -> Observed:
    values = msgspec.structs.asdict(observation)
    ended = {**{name: values[name] for name in _OBSERVED}, "resolved_at": max(now, observation.started_at)}
    return Observed(**ended)
