"""Alerts that were active during a test and may have moved the same counters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from exporter.alerts.alertmanager_api import Alert
from exporter.alerts.trial_routes import TEST_ID

_MOST = 3


class OtherAlerts:
    """The names of the alerts that were active besides the test's own, by receiver."""

    def __init__(self, test_id: str) -> None:
        self._test_id = test_id
        self._names: dict[str, set[str]] = defaultdict(set)

    def add(self, groups: Iterable[tuple[str, list[Alert]]]) -> None:
        """Add the alerts of some groups; no message is sent for one that is silenced or inhibited."""
        for receiver, alerts in groups:
            for alert in alerts:
                if alert["labels"].get(TEST_ID) != self._test_id and alert["status"]["state"] != "suppressed":
                    self._names[receiver].add(_name(alert["labels"]))

    def clear(self) -> None:
        """Forget all of them."""
        self._names.clear()

    def at(self, receivers: Iterable[str]) -> set[str]:
        """Return the names of those that go to one of the receivers."""
        return {name for receiver in receivers for name in self._names.get(receiver, ())}


def enumerate_names(names: Iterable[str]) -> str:
    """Return the first names, and how many more there are, as a sentence has them."""
    ordered = sorted(names)
    shown, hidden = ordered[:_MOST], len(ordered) - _MOST
    last = f"{hidden} more" if hidden > 0 else shown.pop()
    return f"{', '.join(shown)} and {last}" if shown else last


def _name(labels: dict[str, str]) -> str:
    return f"test alert {labels[TEST_ID]}" if TEST_ID in labels else labels.get("alertname", "an alert without a name")
