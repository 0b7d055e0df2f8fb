"""Which alerts would have fired on a recorded day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporter import shipped_files
from exporter.alerts.catalogue import RULES
from exporter.alerts.replaying.engine import Play, firing
from exporter.alerts.replaying.folding import STEP_S, Scrapes, with_constants
from exporter.alerts.replaying.intervals import Fired, intervals
from exporter.settings import Settings
from exporter.thresholds.effective import Settings as Thresholds

EVERY_S = 60
"""Seconds between two evaluations of the rules."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What fired between two moments (Unix seconds), and of how many events."""

    events: int
    started: float
    ended: float
    fired: list[Fired]


def replay(events: Sequence[Any], settings: Settings, thresholds: Thresholds, rules: Path = RULES) -> Replayed:
    """Folds the events at their own times, and has promtool evaluate the rules over the series each minute.

    Raises:
        EngineError: promtool is missing, or cannot evaluate the rules.
        MissingFileError: there is no rule file.
    """
    files = shipped_files.matching(rules, "*.yml")
    scrapes = Scrapes(events, settings)
    last_s = (scrapes.steps - 1) * STEP_S // EVERY_S * EVERY_S
    series = with_constants(scrapes.history, thresholds).written(scrapes.steps)
    seen = firing(Play(series, STEP_S, EVERY_S, last_s), files)
    return Replayed(len(events), scrapes.started, scrapes.started + last_s, intervals(seen, EVERY_S, last_s))
