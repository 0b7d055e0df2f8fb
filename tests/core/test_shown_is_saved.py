"""A counter that a scrape has shown never falls, whatever happens to the process or to a source."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from exporter.types import Batch
from tests.core.harness import running, total
from tests.core.test_journal import folded_events

NAME = "exai_connection_events_total"


def test_what_a_scrape_showed_of_a_source_is_still_there_after_a_kill(tmp_path: Path) -> None:
    with running(tmp_path / "state", checkpoint_interval_s=300) as exporter:
        exporter.app.loop.submit(Batch("redis_zset", folded_events(), {"part": b"1"}, 0.0))
        assert exporter.value(NAME) == 1
        shutil.copytree(tmp_path / "state", tmp_path / "killed")
    with running(tmp_path / "killed") as again:
        assert again.value(NAME) == 1


def test_what_a_scrape_showed_of_rejections_is_still_there_after_a_kill(tmp_path: Path) -> None:
    with running(tmp_path / "state", checkpoint_interval_s=300) as exporter:
        exporter.push(b"{nope")
        before: Any = exporter.samples()
        shutil.copytree(tmp_path / "state", tmp_path / "killed")
    with running(tmp_path / "killed") as again:
        name = "exai_exporter_events_rejected_total"
        assert total(again.samples(), name) == total(before, name) == 1
