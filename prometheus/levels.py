"""Writes what the past of a demo is made of: `python -m prometheus.levels [--check]`.

What is measured of a simulated gateway becomes exporter/demo/levels.json.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

import msgspec

from exporter.demo.levels import LEVELS, Levels
from prometheus.measuring import measure

_TOLERATED = 0.35
"""A change of the demo that matters is larger: with other dice, a mean of some minutes is another too."""
_RARE = re.compile(r"error|_bad|failed|ended_early|rate_limited|overflow")
"""What counts some events only is different with other dice; in an incident the alerts tell."""


def drifted() -> list[str]:
    """What is measured now and not written down, or the other way round, or far from it."""
    now, then = measure(), msgspec.json.decode(LEVELS.read_bytes(), type=Levels)
    found, known = _told(now), _told(then)
    gone = {f"an alert of {incident}" for incident, _ in _named(now) ^ _named(then)}
    return sorted(gone | {name for name in found.keys() | known.keys() if _differ(name, found, known)})


def _told(measured: Levels) -> dict[str, float]:
    levels = (*measured.constants, *measured.series)
    return {f"{one.name}{one.labels} {condition}": value for one in levels for condition, value in one.values.items()}


def _named(measured: Levels) -> set[tuple[str, str]]:
    return {(incident, alert.labels["alertname"]) for incident, fired in measured.alerts.items() for alert in fired}


def _differ(name: str, found: Mapping[str, float], known: Mapping[str, float]) -> bool:
    if name not in found or name not in known:
        return True
    return not _RARE.search(name) and abs(found[name] - known[name]) > _TOLERATED * max(found[name], known[name])


def main(arguments: list[str]) -> int:
    """Writes the file, or with --check names what has drifted."""
    if arguments == ["--check"]:
        names = drifted()
        sys.stderr.writelines(f"{name} has drifted: run python -m prometheus.levels\n" for name in names)
        return 1 if names else 0
    LEVELS.write_bytes(msgspec.json.format(msgspec.json.encode(measure()), indent=1) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
