"""Writes the rules that are made of config/: `python prometheus/build.py [--check]`.

`rules/thresholds.yml` resolves each threshold for each subject, `rules/slos.yml` watches the objectives.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from exporter.thresholds.shipped import read
from prometheus.slo_rules import slo_rules
from prometheus.slos import read_slos
from prometheus.threshold_rules import threshold_rules

HERE = Path(__file__).resolve().parent
CONFIG = HERE.parent / "config"


def made() -> dict[str, str]:
    """The files by name."""
    return {
        "thresholds.yml": threshold_rules(read(CONFIG / "thresholds.yml")),
        "slos.yml": slo_rules(read_slos(CONFIG / "slos.yml")),
    }


def drifted() -> list[str]:
    """The files whose text on disk is not what config/ says."""
    paths = {name: HERE / "rules" / name for name in made()}
    return [name for name, text in made().items() if not paths[name].exists() or paths[name].read_text() != text]


def main(arguments: list[str]) -> int:
    """Writes the files, or with --check names those that have drifted."""
    if arguments == ["--check"]:
        for name in drifted():
            sys.stderr.write(f"prometheus/rules/{name} has drifted: run python prometheus/build.py\n")
        return 1 if drifted() else 0
    for name, text in made().items():
        (HERE / "rules" / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
