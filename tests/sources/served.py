"""A whole exporter inside the test, with a clock to turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from exporter.app import App
from exporter.settings import RedisSettings, Settings


def make_settings(redis: Redis | str, state_dir: Path, *, stream: str = "", **options: Any) -> Settings:
    """Settings that poll often."""
    if isinstance(redis, Redis):
        place = redis.get_connection_kwargs()
        redis = f"redis://{place['host']}:{place['port']}/0"
    state_dir.mkdir(parents=True, exist_ok=True)
    return Settings(
        state_dir=str(state_dir), redis_url=redis, redis=RedisSettings(poll_interval_s=0.05, stream=stream), **options
    )


@contextmanager
def running(app: App) -> Iterator[App]:
    """The exporter's threads, ended whatever happens."""
    app.start()
    try:
        yield app
    finally:
        app.stop()


def sample(app: App, name: str, **labels: str) -> float | None:
    """The sum of the samples that /metrics shows with these labels; None: there are none."""
    text = app.wsgi().test_client().get("/metrics").text
    found = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return sum(found) if found else None
