"""Beside a real exporter, every series that the demo feeds moves within 15 seconds of its start."""

from __future__ import annotations

import urllib.request
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from exporter.conventions import FOLDED, Kind
from tests.demo.test_demo_command import finish, running
from tests.servers import Redis, Server, wait_until

StartExporter = Callable[[Mapping[str, str]], Server]

DEMO_S = 15
STEADY = {
    "exai_session_context_limit_tokens",
    "exai_websocket_queue_limit_messages",
    "exai_websocket_connected",
    "exai_semaphore_leaks_total",
}
"""Limits, a state that seldom changes, and what is an alert: shown is enough."""

ONLY_FROM_REDIS = {"exai_connections_active"}
NOT_FED = ("exai_exporter_", "exai_cache_baseline_")
"""The exporter's own, and what only a database tells."""

FED = {family.name for family in FOLDED if not family.name.startswith(NOT_FED)}


class Watch:
    """The different values that each family has shown."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: dict[str, set[frozenset[tuple[object, ...]]]] = defaultdict(set)

    def still(self, expected: set[str]) -> set[str]:
        """Scrape, and name the families that have not moved yet."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=5) as reply:  # noqa: S310
            text = reply.read().decode()
        for family in text_string_to_metric_families(text):
            values = {(sample.name, *sorted(sample.labels.items()), sample.value) for sample in family.samples}
            if values:
                name = family.name + ("_total" if family.type == Kind.COUNTER else "")
                self.seen[name].add(frozenset(values))
        return {name for name in expected if len(self.seen[name]) < (1 if name in STEADY else 2)}

    def until_all_moved(self, expected: set[str]) -> None:
        """Return once all have moved; AssertionError that names the others 15 seconds after the first events."""
        wait_until(lambda: self.still(expected) != expected, what="the first events of the demo")
        left: list[set[str]] = [expected]

        def none_left() -> bool:
            left[0] = self.still(expected)
            return not left[0]

        try:
            wait_until(none_left, DEMO_S)
        except AssertionError:
            raise AssertionError(f"did not move within {DEMO_S} s: {sorted(left[0])}") from None


def test_every_series_moves_when_all_is_pushed(exporter_server: StartExporter, tmp_path: Path) -> None:
    exporter = exporter_server({})
    with running(tmp_path / "state", "--seed", "14", "--exporter", exporter.url) as process:
        Watch(exporter.url).until_all_moved(FED - ONLY_FROM_REDIS)
        process.terminate()
        assert "0 dropped, 0 refused" in finish(process)


def test_every_series_moves_when_connections_come_from_redis(
    exporter_server: StartExporter, redis_server: Redis, tmp_path: Path
) -> None:
    exporter = exporter_server({"EXAI_REDIS_URL": redis_server.url})
    options = ("--seed", "14", "--exporter", exporter.url, "--redis", redis_server.url)
    with running(tmp_path / "state", *options) as process:
        Watch(exporter.url).until_all_moved(FED)
        process.terminate()
        assert finish(process).count("0 dropped, 0 refused") == 2
