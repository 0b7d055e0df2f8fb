"""Alertmanager's counters of the messages it sends, by integration and, where it counts so, by receiver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

_COUNTED = {
    "alertmanager_notifications_total": "begun",
    "alertmanager_notification_requests_total": "tries",
    "alertmanager_notification_requests_failed_total": "failed_tries",
    "alertmanager_notifications_failed_total": "given_up",
}
_GROUPS = "alertmanager_dispatcher_aggregation_groups"


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of a channel: messages begun, tries, failed tries and messages given up, of `messages` to be sent."""

    begun: int = 0
    tries: int = 0
    failed_tries: int = 0
    given_up: int = 0
    messages: int = 1

    @property
    def taken(self) -> int:
        """How many tries succeeded."""
        return self.tries - self.failed_tries

    @property
    def sent(self) -> bool:
        """Whether each message was taken."""
        return self.taken >= self.messages

    @property
    def ended(self) -> bool:
        """Whether each message was taken or given up."""
        return self.taken + self.given_up >= self.messages

    @property
    def retrying(self) -> bool:
        """Whether a message that was begun is neither taken nor given up."""
        return self.begun > self.taken + self.given_up


@dataclass(frozen=True, slots=True)
class Channel:
    """`messages` messages of one integration, such as slack, to some receivers; `name` is how it is called."""

    name: str
    integration: str
    receivers: frozenset[str]
    messages: int


class Tallies:
    """Alertmanager's counters at one moment, from its `/metrics`.

    They name receivers with `--enable-feature=receiver-name-in-metrics`; without it, one number counts all messages of
    an integration.
    """

    def __init__(self, exposition: str = "") -> None:
        samples = [sample for family in text_string_to_metric_families(exposition) for sample in family.samples]
        self._counts = [
            (_COUNTED[sample.name], sample.labels, int(sample.value)) for sample in samples if sample.name in _COUNTED
        ]
        self.groups = sum(int(sample.value) for sample in samples if sample.name == _GROUPS)
        """How many groups of alerts there are, those included whose alerts have all ended."""

    @property
    def by_receiver(self) -> bool:
        """Whether receivers are counted apart."""
        return any("receiver_name" in labels for _, labels, _ in self._counts)

    def since(self, before: Tallies, channel: Channel) -> Tally:
        """Return what a channel has done since an earlier moment."""
        now, then = self._of(channel), before._of(channel)
        return Tally(**{what: now[what] - then[what] for what in now}, messages=channel.messages)

    def _of(self, channel: Channel) -> Mapping[str, int]:
        counts = dict.fromkeys(_COUNTED.values(), 0)
        for what, labels, value in self._counts:
            named = labels.get("receiver_name")
            if labels["integration"] == channel.integration and (named is None or named in channel.receivers):
                counts[what] += value
        return counts
