"""Finds out from Alertmanager's counters whether the messages of a test alert were delivered."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exporter.alerts.alertmanager_api import AlertmanagerApi
from exporter.alerts.other_alerts import OtherAlerts, enumerate_names
from exporter.alerts.routing import EXPORTER
from exporter.alerts.tallies import Channel, Tallies, Tally
from exporter.alerts.trial_routes import GROUP_INTERVAL_S, copy_of, is_copy

_FIRST_TRY_WITHIN_S = 20
"""Seconds in which every message of the test is tried once: the exporter's group can be due 15 s later."""
_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Result:
    """Progress of a channel since the test began; `doubt` says why it may be due to another alert."""

    tally: Tally
    doubt: str = ""

    @property
    def sent(self) -> bool:
        """Whether the test's own messages were taken."""
        return self.tally.sent and not self.doubt

    def is_final(self, waited_s: float) -> bool:
        """Return whether waiting longer would change nothing."""
        return waited_s > _FIRST_TRY_WITHIN_S if self.doubt else self.tally.ended


Results = Mapping[str, Result]
"""The result of each channel, by its name."""
Progress = Callable[[float, Results], Any]
"""Shows the seconds that were waited, and the results so far."""


class Delivery:
    """The counters of one Alertmanager during one test."""

    def __init__(self, api: AlertmanagerApi, test_id: str, pause: Callable[[float], Any] = time.sleep) -> None:
        self._api = api
        self._pause = pause
        self._integrations = api.integrations()
        self._others = OtherAlerts(test_id)
        self._before = Tallies()
        self._settled = False

    @property
    def by_receiver(self) -> bool:
        """Whether Alertmanager counts each receiver apart."""
        return self._before.by_receiver

    def settle(self, timeout_s: float, progress: Progress) -> None:
        """Read the counters as they are before the test.

        Where receivers share a counter, first wait until Alertmanager has sent the messages of alerts that have ended.
        """
        for waited_s in self._seconds(timeout_s):
            self._others.clear()
            self._before, self._settled = self._poll()
            if self._settled or self.by_receiver:
                return
            progress(waited_s, {})

    def reaches_people(self, receivers: Sequence[str]) -> bool:
        """Return whether one of some receivers has a channel and is not the exporter."""
        return any(self._integrations[receiver] for receiver in receivers if not _is_exporter(receiver))

    def channels(self, receivers: Sequence[str]) -> list[Channel]:
        """Return the integrations of some receivers, such as slack and email, and the exporter.

        Where Alertmanager counts by receiver, receivers that other alerts reach too are left out. Where it does not,
        the exporter and people's webhooks are one channel: the exporter gets its message first, which must not be
        taken for theirs.
        """
        messages: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for receiver in receivers:
            for integration in self._integrations[receiver] if is_copy(receiver) or not self.by_receiver else ():
                name = EXPORTER if _is_exporter(receiver) else integration
                messages[name].append((receiver, integration))
        if not self.by_receiver and {EXPORTER, "webhook"} <= messages.keys():
            messages[f"webhook and {EXPORTER}"] = messages.pop("webhook") + messages.pop(EXPORTER)
        return [
            Channel(name, each[0][1], frozenset(receiver for receiver, _ in each), len(each))
            for name, each in sorted(messages.items())
        ]

    def follow(self, channels: Sequence[Channel], timeout_s: float, progress: Progress) -> Results:
        """Return the results once they are final, or as they are after `timeout_s` seconds."""
        results: Results = {}
        for waited_s in self._seconds(timeout_s):
            results = self._results(channels)
            progress(waited_s, results)
            if all(result.is_final(waited_s) for result in results.values()):
                break
        return results

    def follow_retries(self, channels: Sequence[Channel], progress: Progress) -> Results:
        """Return the results once no message is being retried after the end of the alert.

        A retry that succeeds later would count for the next test.
        """
        results: Results = {}
        for waited_s in self._seconds(GROUP_INTERVAL_S + 1):
            results = self._results(channels)
            progress(waited_s, results)
            if not any(result.tally.retrying for result in results.values() if not result.sent):
                break
        return results

    def _results(self, channels: Sequence[Channel]) -> Results:
        tallies, _ = self._poll()
        return {each.name: Result(tallies.since(self._before, each), self._doubt(each)) for each in channels}

    def _doubt(self, channel: Channel) -> str:
        others = self._others.at(self._counted_with(channel))
        if others:
            active = f"{enumerate_names(others)} {'is' if len(others) == 1 else 'are'} active and"
            go = f"{'goes' if len(others) == 1 else 'go'} to {channel.integration} as well"
            return f"{active} {go}" if self.by_receiver else f"{active} {go}, which this Alertmanager counts together"
        if not self._settled and not self.by_receiver:
            return "messages of alerts that ended before may be counted with it"
        return ""

    def _counted_with(self, channel: Channel) -> set[str]:
        """Return the receivers whose messages move the counters of a channel."""
        if self.by_receiver:
            return set(channel.receivers)
        return {receiver for receiver, each in self._integrations.items() if channel.integration in each}

    def _poll(self) -> tuple[Tallies, bool]:
        """Return the counters, and whether every group of alerts has an active one.

        The counters are read first. An alert that has moved them is then still listed, or was listed before.
        """
        tallies, groups = self._api.tallies(), self._api.groups()
        self._others.add(groups)
        return tallies, tallies.groups <= len(groups)

    def _seconds(self, timeout_s: float) -> Iterator[float]:
        """Yield the seconds that have passed, twice a second, for the last time after `timeout_s`."""
        started, waited_s = time.monotonic(), 0.0
        while True:
            yield waited_s
            if waited_s > timeout_s:
                return
            self._pause(_PAUSE_S)
            waited_s = time.monotonic() - started


def _is_exporter(receiver: str) -> bool:
    return receiver in {EXPORTER, copy_of(EXPORTER)}
